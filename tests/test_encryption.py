"""`srtp` of a configuration: what is read, whose policy counts, and where keys can be read by others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.config import ConfigError, Listener, load
from engine.encryption import SrtpOfListeners, exposures, policies, read_policies
from engine.sip.events import Flow
from engine.trunks.spec import TargetSpec, TrunkSpec

UDP, TLS = Listener("udp", "0.0.0.0", 5060), Listener("tls", "192.0.2.1", 5061)
PEER = ("198.51.100.7", 40000)


def flow(transport: str = "udp", host: str = "192.0.2.1", port: int = 5060) -> Flow:
    return Flow(transport, (host, port), PEER)


def trunk(srtp=None, transport="tls") -> TrunkSpec:
    return TrunkSpec(name="carrier", targets=(TargetSpec(host="carrier.example", transport=transport),), srtp=srtp)


def test_a_file_says_it_for_all_listeners_or_for_each_and_for_users_and_trunks(tmp_path):
    path = tmp_path / "callflow.toml"
    path.write_text(
        '[sip]\nlisten = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]\n'
        'srtp = { "udp:127.0.0.1:5060" = "optional" }\n'
        '[[user]]\nname = "alice"\npassword = "secret"\nsrtp = "required"\n'
        '[[trunk]]\nname = "carrier"\ntargets = "tls:carrier.example"\nsrtp = "off"\n'
    )
    config = load(path)
    assert config.sip.srtp.of(flow(host="127.0.0.1")) == "optional"
    assert config.sip.srtp.of(flow("tcp", host="127.0.0.1")) == "off"
    assert (config.users[0].srtp, config.trunks[0].srtp) == ("required", "off")
    path.write_text('[sip]\nsrtp = "required"\n')
    assert load(path).sip.srtp.of(flow("wss")) == "required"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[sip]\nsrtp = "on"\n', 'expected "off" or "optional" or "required"'),
        ('[sip]\nsrtp = { "udp:1.2.3.4" = "off" }\n', 'expected "udp:HOST:PORT"'),
        ('[sip]\nsrtp = { "tls:127.0.0.1:5061" = "off" }\n', "expected one of the listeners of [sip] listen"),
        ('[[user]]\nname = "a"\npassword = "b"\nsrtp = true\n', 'expected "off" or "optional" or "required"'),
    ],
)
def test_what_is_none_is_refused(tmp_path, text, message):
    path = tmp_path / "callflow.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert message in str(caught.value)


def test_a_listener_is_found_by_where_a_flow_ends_and_else_by_its_transport():
    srtp = SrtpOfListeners(named=((UDP, "optional"), (TLS, "required")))
    assert srtp.of(flow()) == "optional"
    assert srtp.of(flow("tls", port=5061)) == "required"
    assert srtp.of(flow("tls", port=53211)) == "required"  # a connection that we made
    assert srtp.of(flow("tcp")) == "off"
    assert read_policies("optional").of(flow("tcp")) == "optional"


def test_a_trunk_counts_more_than_a_user_and_a_user_more_than_the_listener():
    policy_of = policies(SrtpOfListeners(everywhere="optional"), {"alice": "required", "bob": None})
    assert policy_of(flow(), user="alice", trunk=SimpleNamespace(spec=trunk("off"))) == "off"
    assert policy_of(flow(), user="alice", trunk=SimpleNamespace(spec=trunk())) == "required"
    assert [policy_of(flow(), user=user, trunk=None) for user in ("bob", "carol", None)] == ["optional"] * 3


def test_it_is_said_where_keys_travel_in_the_clear():
    everywhere, named = SrtpOfListeners(everywhere="optional"), SrtpOfListeners(named=((TLS, "required"),))
    users = [("alice", "required"), ("bob", None), ("carol", "off")]
    said = list(exposures(everywhere, [UDP, TLS], users, [trunk("optional", "udp"), trunk("required")]))
    assert [sentence.split(":")[0] for sentence in said] == [
        "srtp at udp",
        "srtp of user alice",
        "srtp of trunk carrier",
    ]
    assert list(exposures(named, [UDP, TLS], [], [trunk(None, "udp")])) == []
    assert list(exposures(everywhere, [Listener("udp", "127.0.0.1", 5060), TLS], users, [])) == []
