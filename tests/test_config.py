"""The configuration file: what it may say, and how it is told off."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import sys
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import (
    App,
    Config,
    ConfigError,
    Esl,
    Listener,
    Route,
    Rtp,
    Sip,
    Socket,
    Token,
    User,
    check_socket,
    load,
    parse_address,
    parse_listener,
)
from engine.eventsocket.esl.permission import EslUser
from engine.scripting.limits import WorkerLimits
from engine.sip.digest import Credentials
from engine.sip.registration import Limits as RegistrarLimits
from engine.toml_lines import line_of
from engine.transport.advertising import Advertised
from engine.trunks.spec import TargetSpec, TrunkSpec
from tests.eventsocket.test_tls import Authority

FULL = """\
[sip]
listen = ["udp:127.0.0.1:5060", "tcp:[::1]:5070"]
[rtp]
address = "127.0.0.1"
ports = "20000-20099"
threads = 2
[socket]
listen = "127.0.0.1:7443"
tokens = [
  { name = "monitor", token = "m", scopes = ["read"] },
  { name = "dialer", token = "d", scopes = ["calls:own", "admin"] },
]
origins = ["https://example.com"]
allow_plaintext = true
[[user]]
name = "alice"
password = "secret"
[[user]]
name = "bob"
password = "hidden"
[[app]]
name = "reception"
script = "reception.py"
[[route]]
to = "1[0-9]{3}"
app = "reception"
from = ["users", "trunks"]
[[route]]
to = "2.*"
socket = "ws://127.0.0.1:9000/call"
token = "t"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "reception.py").write_text("")
    return tmp_path


def read(folder, text: str) -> Config:
    path = folder / "callflow.toml"
    path.write_text(text)
    return load(path)


def refused(folder, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        read(folder, text)
    return error.value


def test_a_full_file_is_read(folder):
    assert read(folder, FULL) == Config(
        sip=Sip(listen=(Listener("udp", "127.0.0.1", 5060), Listener("tcp", "::1", 5070))),
        rtp=Rtp(address="127.0.0.1", ports=(20000, 20099), threads=2),
        socket=Socket(
            tokens=(
                Token(name="monitor", token="m", scopes=("read",)),
                Token(name="dialer", token="d", scopes=("calls:own", "admin")),
            ),
            origins=("https://example.com",),
            allow_plaintext=True,
        ),
        users=(User(name="alice", password="secret"), User(name="bob", password="hidden")),
        apps=(App(name="reception", script=(folder / "reception.py").resolve()),),
        routes=(
            Route(to="1[0-9]{3}", app="reception", sources=("users", "trunks")),
            Route(to="2.*", socket="ws://127.0.0.1:9000/call", token="t"),
        ),
        path=folder / "callflow.toml",
    )


def test_an_app_has_the_limits_of_all_but_for_those_of_its_own(folder):
    config = read(
        folder,
        """
        [limits]
        memory = "512MB"
        step = 2
        drain = 600.0
        commands = 100
        [[app]]
        name = "plain"
        script = "reception.py"
        [[app]]
        name = "large"
        script = "reception.py"
        memory = "4GB"
        step = 0
        """,
    )
    assert (config.limits.drain, config.limits.commands) == (600.0, 100.0)
    plain, large = map(config.limits_of, config.apps)
    assert plain == WorkerLimits(memory=512 << 20, step=2.0)
    assert large == WorkerLimits(memory=4 << 30, step=0.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('memory = "512"', '[limits] memory: expected memory such as "512MB" or "2GB", or 0 for no limit, got "512"'),
        ("memory = true", "[limits] memory: expected memory such as"),
        ('memory = "1MB"', '[limits] memory: expected at least "64MB", which a small script takes, got "1MB"'),
        ("step = -1", "[limits] step: expected at least 0.1 seconds, or 0 for no limit, got -1"),
        ("step = nan", "[limits] step: expected at least 0.1 seconds"),
        ("drain = inf", "[limits] drain: expected at least 0 seconds, got inf"),
        ("commands = 0", "[limits] commands: expected a number a second, from 1 to 1000000, got 0"),
    ],
)
def test_limits_that_cannot_be_are_told_off(folder, line, message):
    assert message in str(refused(folder, f"[limits]\n{line}\n"))


def test_an_empty_file_is_the_default(folder):
    config = read(folder, "")
    assert config == Config(path=config.path)
    assert config.sip.is_loopback
    assert config.rtp_address == "127.0.0.1"


def test_media_goes_where_sip_listens_unless_told_otherwise(folder):
    assert read(folder, '[sip]\nlisten = ["udp:192.0.2.1:5060"]').rtp_address == "192.0.2.1"
    assert not read(folder, '[sip]\nlisten = ["udp:192.0.2.1:5060"]').sip.is_loopback


def test_secrets_are_not_shown(folder):
    shown = repr(read(folder, FULL))
    assert "'secret'" not in shown
    assert "'m'" not in shown


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("[sip]", "[spi]", 1, 'spi: unknown key (did you mean "sip"?)'),
        ("[sip]", "[zzz]", 1, "(known: sip, rtp, socket, esl, streams, user, app, limits, registrar, abuse, trace, "),
        ("listen = [", "listn = [", 2, '[sip] listn: unknown key (did you mean "listen"?)'),
        ("udp:127.0.0.1:5060", "sctp:127.0.0.1:5060", 2, 'expected "udp:HOST:PORT", or with "tcp", "tls", "ws"'),
        ("udp:127.0.0.1:5060", "udp:pbx:5060", 2, 'with an IP address, got "udp:pbx:5060"'),
        ("udp:127.0.0.1:5060", "tcp:[::1]:5070", 2, "expected each address once"),
        ('["udp:127.0.0.1:5060", "tcp:[::1]:5070"]', "[]", 2, "expected at least one"),
        ('["udp:127.0.0.1:5060", "tcp:[::1]:5070"]', '"udp:1.1.1.1:5"', 2, "expected a list"),
        ('address = "127.0.0.1"', 'address = "pbx"', 4, '[rtp] address: expected an IP address, got "pbx"'),
        ("20000-20099", "20099-20000", 5, "first port before the last"),
        ("20000-20099", "20001-20099", 5, "even first port"),
        ("20000-20099", "20000-20000", 5, "two ports at least"),
        ("20000-20099", "80-90", 5, "from 1024 to 65535"),
        ("20000-20099", "20000-99999", 5, "from 1024 to 65535"),
        ("20000-20099", "20000", 5, '"FIRST-LAST"'),
        ("threads = 2", "threads = 0", 6, "[rtp] threads: expected a number from 1 to 64, got 0"),
        ("threads = 2", "threads = true", 6, "got true"),
        ("127.0.0.1:7443", "127.0.0.1", 8, '[socket] listen: expected "HOST:PORT"'),
        ('"read"', '"raed"', 10, 'expected "read" or "calls:own" or "calls:any" or "admin", got "raed"'),
        ('token = "d"', 'tokn = "d"', 11, '[socket] tokens.tokn: unknown key (did you mean "token"?)'),
        ('token = "d", ', "", 9, '[socket] tokens: expected the key "token"'),
        ('allow_plaintext = true', 'allow_plaintext = "yes"', 14, 'expected true or false, got "yes"'),
        ('name = "bob"', 'name = "alice"', 19, '[[user]] name: expected each user once, got "alice" again'),
        ('name = "bob"', 'name = "b@b"', 19, "expected the user part of a SIP address"),
        ('name = "bob"', 'name = 7', 19, "expected a string, got 7"),
        ('password = "hidden"', "", 18, '[[user]]: expected the key "password"'),
        ('password = "hidden"', 'pasword = "hidden"', 20, '[[user]] pasword: unknown key (did you mean "password"?)'),
        ('password = "hidden"', 'password = ""', 20, "expected text"),
        ('name = "reception"', 'name = "../x"', 22, "expected a name of letters"),
        ('"reception.py"', '"recpetion.py"', 23, "there is no file"),
        ("1[0-9]{3}", "1[0-9{3}", 25, "expected a regular expression"),
        ('app = "reception"', 'app = "recption"', 26, '(did you mean "reception"?), got "recption"'),
        ('app = "reception"', "", 24, "[[route]]: expected an app or a socket, got neither"),
        ('app = "reception"', 'app = "reception"\nsocket = "ws://a"', 24, "got both"),
        ('app = "reception"', 'app = "reception"\ntoken = "t"', 27, "expected a token only beside a socket"),
        ('["users", "trunks"]', '["user"]', 27, 'expected "users" or "trunks" or "anyone", got "user"'),
        ("ws://127.0.0.1:9000/call", "http://127.0.0.1", 30, "expected a WebSocket address"),
        ('to = "2.*"', "to = 2.*", 29, "not TOML: "),
        ('to = "2.*"', 'to = "2.*', 29, "not TOML: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(folder, old, new, line, message):
    assert old in FULL
    error = refused(folder, FULL.replace(old, new, 1))
    assert message in str(error)
    assert str(error).startswith(f"{folder / 'callflow.toml'}:{line}: "), str(error)


def test_two_apps_of_one_name_are_refused(folder):
    again = FULL + '[[app]]\nname = "reception"\nscript = "reception.py"\n'
    assert "expected each app once" in str(refused(folder, again))


def test_an_app_where_there_is_none_says_so(folder):
    assert "(there is none)" in str(refused(folder, '[[route]]\nto = "1"\napp = "x"'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('listen = "0.0.0.0:7443"', "expected [socket] tokens"),
        ('listen = "0.0.0.0:7443"\ntokens = [{name="a", token="b", scopes=["read"]}]', "allow_plaintext = true"),
    ],
)
def test_an_open_event_socket_is_refused(folder, text, message):
    error = refused(folder, "[socket]\n" + text)
    assert message in str(error)
    assert error.line == 2


def test_an_open_event_socket_with_tokens_may_be_wanted():
    check_socket(
        Socket(listen=("0.0.0.0", 1), tokens=(Token(name="a", token="b", scopes=("read",)),), allow_plaintext=True)
    )


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: expected a configuration file: No such file"):
        load(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)


def test_octets_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "c.toml"
    path.write_bytes(b"[sip]\n\n# \xff")
    with pytest.raises(ConfigError, match=r"c\.toml:3: expected UTF-8, got the octet 0xff"):
        load(path)


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 5000, "x = " + "9" * 5000, "x = 'a'\n" * 200_000, "user = 1", "sip = []"]
)
def test_a_strange_file_is_a_config_error(folder, text):
    refused(folder, text)


def test_listeners_and_addresses_are_read_back():
    for text in ("udp:127.0.0.1:5060", "tcp:[::1]:0"):
        assert str(parse_listener(text)) == text
    assert parse_address("localhost:7443") == ("127.0.0.1", 7443)
    for text in ("", ":", "1.2.3.4", "1.2.3.4:", "1.2.3.4:66666", "::1:5", "[1.2.3.4]:5", "a:5", "1.2.3.4:٣"):
        with pytest.raises(ValueError, match="expected"):
            parse_address(text)


def test_lines_of_keys_are_found_in_any_spelling():
    text = "a.b = 1\n[c . 'd e']\n\"f\" = 2\n[[g]]\n[[g]]\nh = 3\n[g.i]\nj = 4\n"
    assert line_of(text, ("a", "b")) == 1
    assert line_of(text, ("c", "d e", "f")) == 3
    assert line_of(text, ("g", 1, "h")) == 6
    assert line_of(text, ("g", 0)) == 4
    assert line_of(text, ("absent",)) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_file_raises_anything_but_config_error(folder, data):
    lines = FULL.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        line = data.draw(st.integers(0, len(lines) - 1))
        old = lines[line]
        cut, length = data.draw(st.integers(0, len(old))), data.draw(st.integers(0, 5))
        insert = data.draw(
            st.one_of(st.text(max_size=4), st.sampled_from(['"', "[", "]", "{", "}", "=", "-1", "1e9", "\\"]))
        )
        lines[line] = old[:cut] + insert + old[cut + length :]
    (folder / "callflow.toml").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigError):
        load(folder / "callflow.toml")


ROUTING = """\
[[calendar]]
name = "office"
zone = "Europe/Berlin"
hours = ["mon-fri 09:00-17:30"]
holidays = ["12-25", "2026-05-14"]
[[context]]
name = "sales"
includes = ["internal"]
[[user]]
name = "alice"
password = "secret"
context = "sales"
classes = ["national"]
[[app]]
name = "reception"
script = "reception.py"
[[route]]
to = "0[1-9].*"
app = "reception"
context = ["internal", "public"]
class = "national"
caller = "1.."
domain = "Example.com"
during = "office"
share = 20
[[route]]
did = { "+4930123" = "reception", "+4930124" = "reception" }
outside = "office"
[[route]]
[route.did]
"4" = "reception"
"""


def test_calendars_contexts_and_all_that_a_route_may_ask_for_are_read(folder):
    config = read(folder, ROUTING)
    first, second, third, fourth = config.routes
    assert first == Route(
        to="0[1-9].*", app="reception", contexts=("internal", "public"), call_class="national", caller="1..",
        domains=("example.com",), during="office", share=20.0,
    )  # fmt: skip
    assert second == Route(to=r"\+4930123", app="reception", outside="office")
    assert (third.to, fourth.to) == (r"\+4930124", "4")
    assert [route.line for route in config.routes] == [17, 26, 26, 29]
    assert config.users == (User(name="alice", password="secret", context="sales", classes=("national",)),)
    assert [calendar.name for calendar in config.calendars] == ["office"]
    assert [context.includes for context in config.contexts] == [("internal",)]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("Europe/Berlin", "Europe/Berln", 3, 'expected a time zone such as "Europe/Berlin", got "Europe/Berln"'),
        ("mon-fri 09:00-17:30", "mon-fri 9-17", 4, "expected hours such as"),
        ('"12-25"', '"25.12."', 5, 'expected a day as "2026-12-25"'),
        ('includes = ["internal"]', 'includes = ["intern"]', 8, 'expected a context (did you mean "internal"?)'),
        ('context = "sales"', 'context = "sale"', 12, 'expected a context (did you mean "sales"?), got "sale"'),
        ('context = ["internal", "public"]', 'context = "intrnal"', 20, 'did you mean "internal"?'),
        ('during = "office"', 'during = "ofice"', 24, 'expected the name of a [[calendar]] (did you mean "office"?)'),
        ("share = 20", "share = 0", 25, "expected a percentage above 0 and up to 100, got 0"),
        ('caller = "1.."', 'caller = "1.("', 22, "expected a regular expression"),
        ('to = "0[1-9].*"\n', "", 17, 'expected the key "to"'),
        ('"+4930124" = "reception"', '"+4930124" = "recption"', 27, 'did you mean "reception"?'),
        ('"4" = "reception"', '"4" = "recption"', 31, 'did you mean "reception"?'),
        ('outside = "office"', 'to = "1"', 28, "expected either did or to"),
        ('did = { "+4930123" = "reception", "+4930124" = "reception" }', "did = {}", 27, "expected numbers"),
        ('did = { "+4930123" = "reception", "+4930124" = "reception" }', 'did = { "1" = 2 }', 27, "expected the name"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_routing_is_named_with_its_line(folder, old, new, line, message):
    assert old in ROUTING
    error = refused(folder, ROUTING.replace(old, new, 1))
    assert message in str(error)
    assert error.line == line


def test_ten_thousand_routes_are_read_in_a_moment(folder):
    routes = "".join(f'[[route]]\nto = "{number}"\napp = "reception"\n' for number in range(10_000))
    config = read(folder, f'[[app]]\nname = "reception"\nscript = "reception.py"\n{routes}')
    assert config.routes[-1].line == 3 + 3 * 9999 + 1


def test_an_app_may_be_tested_first(folder):
    app = '[[app]]\nname = "reception"\nscript = "reception.py"\n'
    assert [read(folder, app + test).apps[0].test for test in ("", "test = true\n")] == [False, True]
    assert "[[app]] test: expected true or false" in str(refused(folder, app + 'test = "yes"\n'))


def test_users_and_groups_of_the_door_are_read(folder):
    text = (
        '[esl]\npassword = "p"\ngroups = { sales = ["alice"] }\n'
        '[[esl.user]]\nname = "board"\npassword = "q"\nevents = ["DTMF"]\napi = ["STATUS"]\nlog = false\n'
        '[[user]]\nname = "alice"\npassword = "r"\n'
    )
    esl = read(folder, text).esl
    assert esl is not None
    assert esl.groups == {"sales": ("alice",)}
    assert esl.users == (EslUser(name="board", password="q", events=("DTMF",), api=("status",), log=False),)


def test_the_door_for_esl_clients_is_read_and_routes_may_name_it(folder):
    (folder / "sounds").mkdir()
    config = read(
        folder,
        '[esl]\npassword = "p"\nacl = ["192.0.2.0/24"]\nsounds = "sounds"\n'
        '[[route]]\nto = "1"\napp = "esl"\n[[route]]\nto = "2"\nsocket = "esl://127.0.0.1:8084?async&full"\n',
    )
    assert config.esl == Esl(
        password="p", acl=(ipaddress.ip_network("192.0.2.0/24"),), sounds=(folder / "sounds").resolve()
    )
    assert [route.app or route.socket for route in config.routes] == ["esl", "esl://127.0.0.1:8084?async&full"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[esl]", "expected [esl] a password: there is no default"),
        ('[esl]\npassword = "p"\nlisten = "0.0.0.0:8021"', "expected [esl] on loopback, got 0.0.0.0"),
        ('[esl]\npassword = "p"\nlisten = "0.0.0.0:8021"\nallow_plaintext = true', "say who may connect with acl"),
        (
            '[esl]\npassword = "p"\ngroups = { sales = ["nobody"] }',
            "[esl] groups.sales: expected the name of a [[user]]",
        ),
        ('[esl]\npassword = "p"\ngroups = ["nobody"]', "expected a table"),
        ('[esl]\npassword = "p"\n[[esl.user]]\nname = "x"', 'expected the key "password"'),
        ('[esl]\npassword = "p"\nacl = ["everybody"]', 'expected a network such as "192.0.2.0/24"'),
        ('[esl]\npassword = "p"\nsounds = "nowhere"', "expected the folder of the prompts"),
        ('[[route]]\nto = "1"\napp = "esl"', "(there is none)"),
        ('[[route]]\nto = "1"\nsocket = "esl://host?quick"', 'expected an address such as "esl://127.0.0.1:8084'),
    ],
)
def test_what_is_wrong_with_the_door_for_esl_clients_is_said(folder, text, message):
    assert message in str(refused(folder, text))


def test_no_app_has_the_name_of_the_door_for_esl_clients(folder):
    text = '[esl]\npassword = "p"\n[[app]]\nname = "esl"\nscript = "reception.py"\n'
    assert "expected another name than 'esl'" in str(refused(folder, text))


TRUNK = """\
[[trunk]]
name = "carrier"
targets = ["sip.example.net", "tcp:192.0.2.7:5070", { address = "[2001:db8::1]", priority = 0, weight = 3 }]
username = "4930999"
password = "secret"
register = true
expires = 600
health = 0
failover = 2.5
allow = ["192.0.2.0/24", "2001:db8::1"]
calls = 30
rate = 5
from_user = "+4930999"
from_domain = "example.net"
codecs = ["PCMA"]
context = "internal"
"""


def test_a_target_may_have_prices_of_its_own_the_longest_beginning_first(folder):
    target = '{ address = "sip.example.net", costs = { "+" = 2, "+49" = 1 } }'
    (trunk,) = read(folder, f'[[trunk]]\nname = "carrier"\ntargets = [{target}]').trunks
    assert trunk.targets[0].costs == (("+49", 1.0), ("+", 2.0))


def test_a_trunk_is_read(folder):
    (trunk,) = read(folder, TRUNK).trunks
    assert trunk.targets == (
        TargetSpec(host="sip.example.net", priority=0),
        TargetSpec(host="192.0.2.7", port=5070, transport="tcp", priority=1),
        TargetSpec(host="2001:db8::1", priority=0, weight=3),
    )
    assert [str(target) for target in trunk.targets] == [
        "udp:sip.example.net", "tcp:192.0.2.7:5070", "udp:[2001:db8::1]"
    ]  # fmt: skip
    assert (trunk.register, trunk.expires, trunk.health, trunk.failover) == (True, 600, 0.0, 2.5)
    assert (trunk.calls, trunk.rate, trunk.codecs, trunk.context) == (30, 5.0, ("PCMA",), "internal")
    assert trunk.credentials == Credentials("4930999", "secret")
    assert trunk.account == "+4930999"
    assert trunk.allow == (ip_network("192.0.2.0/24"), ip_network("2001:db8::1"))


def test_a_trunk_needs_but_a_name_and_a_target(folder):
    (trunk,) = read(folder, '[[trunk]]\nname = "c"\ntargets = "sip.example.net"\n').trunks
    assert trunk == TrunkSpec(name="c", targets=(TargetSpec(host="sip.example.net"),))


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ('"sip.example.net", ', '"sip:sip.example.net", ', 3, "expected a target such as"),
        ('"tcp:192.0.2.7:5070"', '"tcp:192.0.2.7:507000"', 3, "expected a target such as"),
        ("weight = 3", "weight = -3", 3, "expected a number from 0 to 65535, got -3"),
        ("weight = 3", "wait = 3", 3, 'unknown key \\(did you mean "weight"\\?\\)'),
        ('password = "secret"\n', "", 4, "expected both a username and a password, or neither"),
        ('username = "4930999"\npassword = "secret"\n', "", 4, "expected a username and a password to register with"),
        ("health = 0", "health = 1", 8, "expected at least 5 seconds, or 0 for no limit, got 1"),
        ('"192.0.2.0/24"', '"192.0.2.1/24"', 10, "expected an address or a network such as"),
        ('["PCMA"]', '["G730"]', 15, 'expected "PCMU" or .*, got "G730"'),
        ('"internal"', '"internl"', 16, 'expected a context \\(did you mean "internal"'),
        ("calls = 30", "calls = true", 11, "expected a number from 1 to 1000000, got true"),
    ],
)
def test_what_is_wrong_with_a_trunk_is_named_with_its_line(folder, old, new, line, expected):
    assert old in TRUNK
    error = refused(folder, TRUNK.replace(old, new))
    assert error.line == line
    assert re.search(expected, error.message), error.message


def test_trunks_have_names_of_their_own(folder):
    error = refused(folder, TRUNK + TRUNK)
    assert 'expected each trunk once, got "carrier" again' in error.message


def test_sip_over_tls_needs_a_certificate_that_can_be_read(folder):
    Authority(folder).issue("example.net")
    listen = '[sip]\nlisten = ["tls:127.0.0.1:5061"]\n'
    sip = read(folder, f'{listen}certificate = "server.pem"\nkey = "server.key"\nca = "ca.pem"\nverify = false\n').sip
    assert sip.listen == (Listener("tls", "127.0.0.1", 5061),)
    assert (sip.certificate, sip.key, sip.ca) == (folder / "server.pem", folder / "server.key", folder / "ca.pem")
    assert not sip.verify
    error = refused(folder, listen)
    assert (error.line, error.message) == (2, "[sip] listen: expected a certificate for tls:127.0.0.1:5061, got none")
    assert refused(folder, f'{listen}certificate = "absent.pem"\n').line == 3
    assert refused(folder, f'{listen}certificate = "server.pem"\nkey = "server.key"\nca = "server.key"\n').line == 5
    assert refused(folder, '[sip]\nkey = "server.key"\n').line == 2


def test_an_app_in_lua_may_ask_hosts_that_are_named_and_has_a_database_of_its_own(tmp_path):
    (tmp_path / "ivr.lua").touch()
    text = '[[app]]\nname = "ivr"\nscript = "ivr.lua"\n'
    config = read(tmp_path, text)
    assert config.apps[0].http == ()
    assert config.database_of(config.apps[0]) == config.data / "databases" / "ivr.db"
    config = read(tmp_path, f'{text}http = ["API.example.com", "127.0.0.1:80"]\ndatabase = "own.db"\n')
    assert config.apps[0].http == ("api.example.com", "127.0.0.1:80")
    assert config.database_of(config.apps[0]) == tmp_path / "own.db"
    error = refused(tmp_path, f'{text}http = ["http://example.com"]\n')
    assert error.line == 4
    assert error.message.startswith("[[app]] http: expected a host such as")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"203.0.113.5"', (Advertised("203.0.113.5"),)),
        ('["203.0.113.5", "2001:db8::5"]', (Advertised("203.0.113.5"), Advertised("2001:db8::5"))),
        (
            '{ "udp:127.0.0.1:5060" = "203.0.113.5:5070" }',
            (Advertised("203.0.113.5", 5070, ("udp", "127.0.0.1", 5060)),),
        ),
        ('{ "udp:127.0.0.1:5060" = "203.0.113.5" }', (Advertised("203.0.113.5", 0, ("udp", "127.0.0.1", 5060)),)),
    ],
)
def test_advertised_addresses_are_read(folder, text, expected):
    path = folder / "callflow.toml"
    path.write_text(f"[sip]\nadvertise = {text}\nlocal = ['10.0.0.0/8']\n")
    config = load(path)
    assert config.sip.advertise == expected
    assert [str(network) for network in config.sip.local] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"pbx.example.net"', 'expected an IP address, got "pbx.example.net"'),
        ('"0.0.0.0"', "expected the address that others reach us by"),
        ('{ "udp:192.0.2.1:5060" = "203.0.113.5" }', "expected one of [sip] listen"),
        ('{ "udp:127.0.0.1:5060" = "2001:db8::5" }', "expected an address of the family"),
    ],
)
def test_an_address_that_cannot_be_advertised_is_refused(folder, text, message):
    assert message in str(refused(folder, f"[sip]\nadvertise = {text}\n"))


def test_how_long_phones_stay_registered_is_read(folder):
    config = read(folder, "[registrar]\nmin_expires = 30\nmax_expires = 600\ncontacts = 4\n")
    assert config.registrar == RegistrarLimits(min_expires=30, max_expires=600, contacts=4)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("min_expires = 0", "whole seconds, from 1 to 604800, got 0"),
        ("max_expires = 1.5", "whole seconds"),
        ("contacts = 101", "how many phones a user may have, from 1 to 100, got 101"),
        ("min_expires = 7200", "at most max_expires (3600), got 7200"),
    ],
)
def test_registrations_that_cannot_be_are_refused(folder, line, told):
    with pytest.raises(ConfigError) as caught:
        read(folder, f"[registrar]\n{line}\n")
    assert told in str(caught.value)
    assert "[registrar]" in str(caught.value)


def test_what_is_said_of_a_user_is_read(folder):
    told = 'caller_id = "Sales <3000>"\ngroups = ["sales"]\nvariables = { tier = "gold" }\n'
    [user] = read(folder, f'[[user]]\nname = "alice"\npassword = "x"\n{told}').users
    assert (user.caller_id, user.groups, user.variables) == ("Sales <3000>", ("sales",), {"tier": "gold"})
    with pytest.raises(ConfigError, match="caller id"):
        read(folder, '[[user]]\nname = "alice"\npassword = "x"\ncaller_id = "a b c"\n')


def test_sounds_come_from_hosts_that_are_named(folder):
    assert read(folder, "").sounds.http == ()
    terms = read(folder, '[sounds]\nhttp = ["CDN.example", "127.0.0.1:8080"]\n').sounds.terms
    assert terms.hosts == ("cdn.example", "127.0.0.1:8080")
    with pytest.raises(ConfigError, match="expected a host such as"):
        read(folder, '[sounds]\nhttp = ["https://cdn.example/"]\n')
    with pytest.raises(ConfigError, match="expected certificates in PEM"):
        read(folder, '[sounds]\nca = "nobody.pem"\n')


def test_the_store_may_be_a_postgresql_database(folder):
    config = read(folder, '[store]\nurl = "postgresql://callflow:secret@db.example/callflow"\nengine = "north"\n')
    assert config.place.engine == "north"
    assert str(config.place.users) == "postgresql://db.example/callflow"
    assert "secret" not in repr(config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('url = "mysql://db.example/callflow"', "expected a URL such as postgresql://"),
        (
            'url = "postgresql://db.example/callflow?hue=blue"',
            "expected a PostgreSQL URL: invalid URI query",
        ),
        ('engine = "north"', "expected a url beside it"),
        ('url = "postgresql:///x"\nengine = "the north"', "expected a name of letters"),
    ],
)
def test_what_is_wrong_with_the_store_is_said(folder, text, message):
    with pytest.raises(ConfigError) as caught:
        read(folder, f"[store]\n{text}\n")
    assert message in str(caught.value)


def test_without_the_extra_it_is_said_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'callflow[postgresql]'")):
        read(folder, '[store]\nurl = "postgresql:///callflow"\n')
