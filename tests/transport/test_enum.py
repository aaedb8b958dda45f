"""From a phone number to SIP addresses (RFC 6116), by a real name server and by rules that strangers write."""

from __future__ import annotations

import time

import pytest

from engine.sip.messages import Uri
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from engine.transport.enum import domain_of, look_up, rewrite
from engine.transport.errors import Unreachable
from engine.transport.names import HostNames
from tests.trio_tests import run_trio

from .nameserver import name_server

NUMBER = "3.2.1.0.3.9.4.e164.example"
ZONE = {
    (NUMBER, "NAPTR"): [
        '100 20 "u" "E2U+sip" "!^.*$!sip:desk@backup.example!" .',
        '100 10 "u" "E2U+sip" "!^\\\\+49(.*)$!sip:0\\\\1@pbx.example!" .',
        '100 5 "u" "E2U+email:mailto" "!^.*$!mailto:desk@example.com!" .',
        '50 5 "u" "E2U+sip" "!^\\\\+1.*$!sip:none@example.com!" .',
        '200 1 "" "" "" more.example.',
    ],
    ("more.example", "NAPTR"): ['1 1 "U" "E2U+voice:tel+sip" "!^.*$!sips:last@example.com!" .'],
    ("1.e164.example", "NAPTR"): ['1 1 "u" "E2U+email:mailto" "!^.*$!mailto:a@b!" .'],
    ("2.e164.example", "NAPTR"): ['1 1 "" "" "" 2.e164.example.'],
}


async def found(number: str) -> list[str]:
    """The addresses, or why there are none."""
    async with name_server(ZONE) as server:
        try:
            return [str(uri) for uri in await look_up(number, server.names, suffix="e164.example")]
        except Unreachable as error:
            return [str(error)]


@run_trio
async def test_the_addresses_of_a_number_come_in_their_order_and_rules_lead_to_rules():
    assert await found("+4930123") == ["sip:030123@pbx.example", "sip:desk@backup.example", "sips:last@example.com"]


@pytest.mark.parametrize("number", ["+1", "+3"])
@run_trio
async def test_a_number_without_a_sip_address_is_not_reached(number: str):
    assert await found(number) == [f"enum:{number}: no SIP address in e164.example"]


@run_trio
async def test_rules_that_lead_in_a_circle_come_to_an_end():
    assert await found("+2") == ["enum:+2: no SIP address in e164.example"]


@run_trio
async def test_an_endpoint_looks_below_the_domain_that_it_is_told():
    async with name_server(ZONE) as server:
        stack = SipStack(new_token=lambda: "0" * 16)
        endpoint = Endpoint(stack, on_event=lambda event: None, names=server.names, enum_suffix="e164.example")
        assert (await endpoint.look_up("+4930123"))[0] == Uri.parse("sip:030123@pbx.example")


@run_trio
async def test_who_knows_hosts_alone_knows_no_numbers():
    with pytest.raises(Unreachable):
        await look_up("+4930123", HostNames(), suffix="e164.example")


@pytest.mark.parametrize("number", ["4930123", "+", "+49 30", "+" + "1" * 16, "+4930x"])
def test_what_is_no_number_of_e164_is_not_looked_up(number: str):
    with pytest.raises(Unreachable, match=r"E\.164"):
        domain_of(number, "e164.example")


@pytest.mark.parametrize(
    ("regexp", "uri"),
    [
        ("!^.*$!sip:info@example.com!", "sip:info@example.com"),
        ("/^\\+49(30)?(.*)$/sip:\\2@h/", None),  # a group that is repeated
        ("/^\\+4930(.*)$/sip:\\1@h/i", "sip:123@h"),
        ("!^.*$!tel:+4930!", None),
        ("!^\\+1!sip:a@h!", None),
        ("!(!sip:a@h!", None),
        ("!^.*$!sip:\\3@h!", None),
        ("!^.*$!sip:!", None),
        ("!^.*$!sip:a@h", None),
        ("", None),
        ("a.*asip:x@ha", None),
    ],
)
def test_a_rule_rewrites_the_number_or_is_passed_over(regexp: str, uri: str | None):
    rewritten = rewrite(regexp, "+4930123")
    assert (str(rewritten) if rewritten is not None else None) == uri


@pytest.mark.parametrize("hostile", ["(.*)*x", "((a*)*)*$", ".*.*.*.*.*.*.*.*x", ".{1000}{1000}", "(?=x)", "x" * 200])
def test_an_expression_that_could_run_for_long_is_none(hostile: str):
    began = time.process_time()
    assert rewrite(f"!^{hostile}!sip:a@h!", "+493012345678901") is None
    assert time.process_time() - began < 1
