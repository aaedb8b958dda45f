"""Who calls, as a peer says it and as a peer is told it (RFC 3323, RFC 3325)."""

from __future__ import annotations

import pytest

from engine.sip.identity import ANONYMOUS, Identity, read_identity, state_identity
from engine.sip.messages import Address, Uri
from tests.sip.messages_by_hand import parse_request, request

ALICE = Address(Uri(user="+4930123", host="h"), "Alice")
ACCOUNT = Address(Uri(user="account", host="carrier"))


def read(reads, *headers: tuple[str, str], caller="<sip:alice@h>") -> Identity:
    return read_identity(parse_request(request("INVITE", headers=headers, from_=f"{caller};tag=f")), reads)


@pytest.mark.parametrize(
    ("reads", "name"), [("pai", "P-Asserted-Identity"), ("ppi", "P-Preferred-Identity"), ("rpid", "Remote-Party-ID")]
)
def test_the_header_of_the_policy_is_believed_and_no_other(reads, name):
    assert str(read(reads, (name, '"Al" <sip:+4930@x>')).address) == '"Al" <sip:+4930@x>'
    for other in {"from", "pai", "ppi", "rpid"} - {reads}:
        assert read(other, (name, "<sip:+4930@x>")).address.uri.user == "alice"


def test_of_a_number_and_a_sip_uri_the_uri_is_taken():
    assert str(read("pai", ("P-Asserted-Identity", "tel:+4930, <sip:bob@x>")).address.uri) == "sip:bob@x"
    assert str(read("pai", ("P-Asserted-Identity", "tel:+4930")).address.uri) == "tel:+4930"


@pytest.mark.parametrize("value", ['"Al <sip:+4930@x', "", "???"])
def test_a_header_that_cannot_be_read_leaves_from(value):
    assert read("pai", ("P-Asserted-Identity", value)).address.uri.user == "alice"


@pytest.mark.parametrize("value", ["id", "user;id", "critical; USER", "header;session;id"])
def test_privacy_withholds_the_caller(value):
    assert read("from", ("Privacy", value)).is_withheld


@pytest.mark.parametrize("value", ["none", "header", "session;critical"])
def test_privacy_of_other_things_does_not(value):
    assert not read("from", ("Privacy", value)).is_withheld


def test_an_anonymous_from_withholds_the_caller():
    assert read(
        "pai", ("P-Asserted-Identity", "<sip:+4930@x>"), caller="<sip:anonymous@Anonymous.Invalid>"
    ) == Identity(Address.parse("<sip:+4930@x>"), is_withheld=True)


@pytest.mark.parametrize(("privacy", "is_withheld"), [("full", True), ("uri", True), ("off", False), ("name", False)])
def test_remote_party_id_has_a_privacy_of_its_own(privacy, is_withheld):
    value = f"<sip:+4930@x>;party=calling;privacy={privacy}"
    assert read("rpid", ("Remote-Party-ID", value)).is_withheld is is_withheld


def test_a_peer_is_told_by_from():
    assert state_identity(Identity(ALICE), "from") == (ALICE, ())
    assert state_identity(Identity(ALICE), "from", account=ACCOUNT) == (ACCOUNT, ())


@pytest.mark.parametrize(("writes", "name"), [("pai", "P-Asserted-Identity"), ("ppi", "P-Preferred-Identity")])
def test_a_peer_is_told_by_the_header_of_its_policy(writes, name):
    assert state_identity(Identity(ALICE), writes, account=ACCOUNT) == (ACCOUNT, ((name, '"Alice" <sip:+4930123@h>'),))


def test_a_peer_that_is_told_by_from_is_not_told_who_withholds_himself():
    from_, headers = state_identity(Identity(ALICE, is_withheld=True), "from", account=ACCOUNT)
    assert (from_, headers) == (ANONYMOUS, (("Privacy", "id"),))


def test_a_trusted_peer_is_told_him_and_that_it_is_to_keep_it_to_itself():
    from_, headers = state_identity(Identity(ALICE, is_withheld=True), "pai")
    assert from_ == ANONYMOUS
    assert headers == (("P-Asserted-Identity", '"Alice" <sip:+4930123@h>'), ("Privacy", "id"))


def test_remote_party_id_says_so_itself():
    _, headers = state_identity(Identity(ALICE, is_withheld=True), "rpid")
    assert headers[0] == ("Remote-Party-ID", '"Alice" <sip:+4930123@h>;party=calling;screen=yes;privacy=full')
