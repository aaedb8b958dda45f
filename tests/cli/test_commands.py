"""The commands: their help, their exit codes, and what they say when they refuse."""

from __future__ import annotations

import re
import socket as sockets
import stat

import pytest

from callflow.cli.banner import example_number, sip_address
from callflow.cli.main import run_command
from callflow.cli.users import load_users

COMMANDS = [
    "run", "serve", "check", "test", "dial", "calls", "events", "hangup", "drain", "registrations", "trunks", "records",
    "replay", "route", "save", "top", "trace", "user", "users",
]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "CALLFLOW_DATA", "CALLFLOW_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def call(capsys, *arguments: object) -> tuple[int, str, str]:
    code = run_command([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(capsys, command):
    code, out, _ = call(capsys, command, "--help")
    assert code == 0
    assert re.search(rf"Examples?:\s+callflow {command}", out)


def test_help_names_every_command(capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["run"],
        ["serve"],
        ["hangup"],
        ["save"],
        ["save", "x", "--all"],
        ["replay", "."],
        ["replay", "absent", "--app", __file__],
        ["calls", "--bogus"],
        ["top", "--sort", "bogus"],
        ["dial", "sip:a@127.0.0.1", "--press", "x"],
        ["dial", "sip:a@127.0.0.1", "--tone", "9000"],
        ["dial", "sip:a@127.0.0.1", "--codec", "g729"],
        ["dial", "sip:a@127.0.0.1", "--transport", "sctp"],
        ["dial", "sip:a b"],
        ["dial", "sips:a@127.0.0.1"],
        ["run", __file__, "--sip", "tls:127.0.0.1:5061"],
        ["run", __file__, "--socket", "7443"],
    ],
)
def test_wrong_usage_is_exit_2(capsys, arguments):
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["calls"], "no engine runs here"),
        (["events", "--follow"], "no engine runs here"),
        (["hangup", "x"], "no engine runs here"),
        (["save", "x"], "no engine runs here"),
        (["dial", "1000"], "no engine runs here to dial 1000 at"),
        (["dial", "sip:a@127.0.0.1", "--play", "absent.wav"], "there is no file 'absent.wav'"),
        (["dial", "sip:a@127.0.0.1", "--record", "/absent/heard.wav"], "there is no folder '/absent'"),
        (["run", "absent.py"], "there is no file 'absent.py'"),
        (["run", __file__, __file__], "different names"),
        (["run", __file__, "--data", __file__], "say another with --data"),
        (["run", __file__, "--socket", "0.0.0.0:7443"], "tokens"),
        (["serve", "--config", "absent.toml"], "absent.toml: expected a configuration file"),
        (["calls", "--socket", "ws://127.0.0.1:1/v1/socket"], "is the engine running?"),
        (["calls", "--socket", "nonsense"], "nonsense"),
        (["top"], "for one picture: callflow top --once"),
        (["top", "--once", "--socket", "ws://127.0.0.1:1/v1/socket"], "is the engine running?"),
    ],
)
def test_refused_is_exit_1_with_one_clear_line(capsys, arguments, told):
    code, out, err = call(capsys, *arguments)
    assert code == 1
    assert told in err
    assert err.startswith("callflow: ")
    assert "Traceback" not in err
    assert out == ""


def test_a_good_configuration_is_called_so(capsys, home):
    (home / "a.py").write_text("")
    path = home / "c.toml"
    path.write_text('[[app]]\nname = "a"\nscript = "a.py"\n[[route]]\nto = "1"\napp = "a"\n')
    code, out, _ = call(capsys, "check", "--config", path)
    assert code == 0
    assert out == f"{path}: good: SIP on udp:127.0.0.1:5060, tcp:127.0.0.1:5060; 0 users, 1 app, 1 route\n"


def test_a_bad_configuration_names_the_line(capsys, home):
    path = home / "c.toml"
    path.write_text("[sip]\nlistn = []\n")
    code, _, err = call(capsys, "check", "--config", path)
    assert code == 1
    assert err == f'callflow: {path}:2: [sip] listn: unknown key (did you mean "listen"?)\n'


def test_the_first_users_are_made_once_and_kept_secret(home):
    users = load_users(home / "data")
    assert [user.name for user in users] == ["alice", "bob"]
    assert users[0].password != users[1].password
    assert all(re.fullmatch(r"[a-z2-9]{12}", user.password) for user in users)
    assert load_users(home / "data") == users
    assert stat.S_IMODE((home / "data/users.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700


def test_the_address_to_call_is_one_that_this_machine_reaches():
    assert sip_address(["tcp:127.0.0.1:5070", "udp:0.0.0.0:5060"], "1000") == "sip:1000@127.0.0.1:5060"
    assert sip_address(["tcp:[::1]:5070"], "1000") == "sip:1000@[::1]:5070;transport=tcp"
    both = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5070"]
    assert sip_address(both, transport="tcp") == "sip:127.0.0.1:5070;transport=tcp"


def test_an_example_of_what_can_be_dialled():
    assert example_number(["2[0-9]", "hello"]) == "hello"
    assert example_number(["1[0-9]{3}"]) == "1000"
    assert example_number(["2[0-9]"]) == "20"
    assert example_number([r"\+49.*"]) is None
    assert example_number([]) is None


def test_a_port_in_use_names_the_address_and_the_way_out():
    from callflow.cli.foreground import explain
    from engine.config import Config, Listener, Sip, Socket

    with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as udp, sockets.create_server(("127.0.0.1", 0)) as tcp:
        udp.bind(("127.0.0.1", 0))
        port, socket_port = udp.getsockname()[1], tcp.getsockname()[1]
        error = OSError(98, "Address already in use")
        taken = Config(sip=Sip(listen=(Listener("udp", "127.0.0.1", port),)))
        assert explain(error, taken) == (
            f"udp:127.0.0.1:{port} is in use by another program; take another with --sip udp:127.0.0.1:5070"
        )
        free = Sip(listen=(Listener("udp", "127.0.0.1", 0),))
        told = explain(error, Config(sip=free, socket=Socket(listen=("127.0.0.1", socket_port))))
        assert told == (
            f"the event socket's 127.0.0.1:{socket_port} is in use by another program; "
            "take another with --socket 127.0.0.1:7444"
        )
        assert "already in use" in explain(error, Config(sip=free, socket=Socket(listen=("127.0.0.1", 0))))


def test_a_media_address_that_is_not_ours_is_named():
    from callflow.cli.foreground import explain
    from engine.config import Config, Listener, Rtp, Sip

    config = Config(sip=Sip(listen=(Listener("udp", "127.0.0.1", 0),)), rtp=Rtp(address="192.0.2.10"))  # RFC 5737
    told = explain(OSError("..."), config)
    assert told.startswith("the media address 192.0.2.10 cannot be listened on")


def test_an_engine_whose_script_is_to_be_tested_and_is_not_good_does_not_start(capsys, tmp_path):
    (tmp_path / "ivr").mkdir()
    (tmp_path / "ivr" / "ivr.py").write_text(
        "from callflow import App, Call\napp = App('ivr')\n"
        "@app.route('1')\nasync def answer(call: Call) -> None:\n    await call.answer()\n"
    )
    config = tmp_path / "callflow.toml"
    config.write_text(
        '[sip]\nlisten = ["udp:127.0.0.1:0"]\n[socket]\nlisten = "127.0.0.1:0"\n'
        '[[app]]\nname = "ivr"\nscript = "ivr/ivr.py"\ntest = true\n'
    )
    code, _, err = call(capsys, "serve", "--config", config, "--data", tmp_path / "data")
    assert code == 1
    assert f"callflow: {tmp_path}/ivr/ivr.py: it has no flow tests: expected `async def test_" in err
