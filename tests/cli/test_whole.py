"""A newcomer's first minutes, with real processes and sockets: run a script, call it, watch it, end it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import wave

import pytest

CALLFLOW = [sys.executable, "-m", "callflow.cli"]
SCRIPT = """
from callflow import App, Call, Digits, Tone

app = App("menu")

@app.route("1000")
async def menu(call: Call) -> None:
    await call.answer()
    match await call.gather(Tone("440", seconds=0.5), timeout=10):
        case Digits("1"):
            await call.play(Tone("600", seconds=0.5))

@app.route("1001")
async def echo(call: Call) -> None:
    await call.answer()
    await call.echo()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CALLFLOW"))}
    return kept | {"HOME": str(home), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def engine(home, environment):
    """An engine as `callflow run` starts it, and what it said."""
    script = home / "menu.py"
    script.write_text(SCRIPT)
    options = ["--sip", "udp:127.0.0.1:0", "--sip", "tcp:127.0.0.1:0", "--socket", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*CALLFLOW, "run", str(script), *options], env=environment, stdout=subprocess.PIPE, text=True
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    yield process, "".join(lines)
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def run(environment, engine):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([*CALLFLOW, *arguments], env=environment, capture_output=True, text=True, timeout=90)

    return run


def wait_for_call(run) -> dict:
    """The one live call, as soon as it is answered."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = json.loads(run("calls", "--json").stdout)
        if found and found[0]["state"] == "answered":
            return found[0]
    raise AssertionError("no call came up")


def test_the_banner_tells_all_that_a_newcomer_needs(engine, home):
    process, told = engine
    assert f"callflow is ready (pid {process.pid})" in told
    assert re.search(r"Call +sip:1000@127\.0\.0\.1:\d+", told)
    assert re.search(r"Routes +1000 +1001", told)
    assert re.search(r"Users +alice +password \w{12}\n +bob +password \w{12}", told)
    assert re.search(
        rf"Event socket ws://127\.0\.0\.1:\d+/v1/socket +\(token: {home}/.local/share/callflow/token\)", told
    )
    assert re.search(r"Try it +callflow dial 1000 --press 1\n", told)


def test_a_call_is_heard_answered_by_a_key_and_recorded(run, home):
    done = run("dial", "1000", "--press", "1", "--record", str(home / "heard.wav"))
    assert done.returncode == 0, done.stderr
    told = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines()]
    assert told[0].startswith("calling sip:1000@127.0.0.1:")
    assert re.match(r"answered after \d+\.\d\d s", told[1])
    assert told.index("hears sound") < told.index("hears silence") < told.index("sent 1")
    assert told[-1] == "far end hung up (normal clearing)"
    with wave.open(str(home / "heard.wav")) as heard:
        assert heard.getframerate() == 8000
        assert heard.getnframes() > 8000


def test_a_call_that_is_up_is_saved_and_made_again(run, environment, engine, home):
    command = [*CALLFLOW, "dial", "1001", "--duration", "60"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as phone:
        call = wait_for_call(run)
        saved = run("save", call["id"][:8], "--to", str(home / "calls"))
        run("hangup", call["id"])
        phone.wait(timeout=90)
    assert saved.stdout == f"{home}/calls/{call['id']}.call.json\n", saved.stderr
    replayed = run("replay", str(home / "calls"), "--app", str(home / "menu.py"))
    assert replayed.stdout.startswith(f"same  {call['id'][:8]}  1001 from dial\n1 call in "), replayed.stderr


def test_a_call_that_is_not_known_is_not_saved(run):
    refused = run("save", "nobody")
    assert (refused.returncode, "the engine knows no call 'nobody'" in refused.stderr) == (1, True)


def test_a_call_over_tcp_is_listed_and_hung_up_by_its_id(run, environment, engine):
    command = [*CALLFLOW, "dial", "1001", "--transport", "tcp", "--tone", "440", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as phone:
        call = wait_for_call(run)
        assert (call["to"], call["app"], call["direction"]) == ("1001", "menu", "inbound")
        assert re.search(r"answered +dial +1001 +menu", run("calls").stdout)
        assert run("hangup", call["id"][:6], "--cause", "user_busy").returncode == 0
        told = [json.loads(line) for line in phone.communicate(timeout=90)[0].splitlines()]
    assert phone.returncode == 0
    assert [event["event"] for event in told][:2] == ["calling", "answered"]
    assert (told[-1]["event"], told[-1]["by"], told[-1]["reason"]) == ("ended", "peer", "user_busy")
    assert told[-1]["packets_sent"] > 0
    assert run("hangup", call["id"]).returncode == 1
    assert json.loads(run("calls", "--json").stdout) == []


def test_events_are_followed_as_json_lines(run, environment, home):
    command = [*CALLFLOW, "events", "--follow", "--json", "channel.*"]
    path = home / "events"
    with path.open("w") as file, subprocess.Popen(command, env=environment, stdout=file) as follower:
        deadline = time.monotonic() + 90
        while "channel.ended" not in path.read_text().partition("channel.answered")[2] and time.monotonic() < deadline:
            assert run("dial", "1001", "--duration", "0.1").returncode == 0  # until the follower is there to see it
        follower.send_signal(signal.SIGINT)
    assert follower.returncode == 0
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert all({"seq", "at", "name", "channel", "call_seq", "data"} <= event.keys() for event in events)
    assert {"channel.answered", "channel.ended"} <= {event["name"] for event in events}
    assert events[-1]["data"]["cause_name"] == "normal_clearing"


def test_events_that_were_are_shown_and_the_command_ends(run):
    assert run("dial", "1001", "--duration", "0.1").returncode == 0
    events = [json.loads(line) for line in run("events", "--json").stdout.splitlines()]
    assert {"script.loaded", "channel.created", "channel.answered"} <= {event["name"] for event in events}
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    [line] = run("events", "--last", "1", "channel.created").stdout.splitlines()
    assert "channel.created" in line


def test_an_unknown_number_is_refused(run):
    done = run("dial", "99")
    assert done.returncode == 1
    assert done.stderr == "callflow: refused 404 Not Found\n"


def test_a_wrong_token_is_refused(run):
    done = run("calls", "--token", "wrong")
    assert done.returncode == 1
    assert "--token" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_in_use_names_the_way_out(run, engine, home):
    address = re.search(r"udp:127\.0\.0\.1:\d+", engine[1])[0]
    done = run("run", str(home / "menu.py"), "--sip", address, "--socket", "127.0.0.1:0")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"callflow: {address} is in use by another program; take another with --sip udp:127.0.0.1:5070"
    )


def test_ctrl_c_ends_the_calls_and_exits_0(run, environment, engine, home):
    process, _ = engine
    with subprocess.Popen([*CALLFLOW, "dial", "1001"], env=environment, stdout=subprocess.PIPE, text=True) as phone:
        wait_for_call(run)
        process.send_signal(signal.SIGINT)
        told = phone.communicate(timeout=90)[0]
    assert "far end hung up" in told
    assert phone.returncode == 0
    assert process.wait(timeout=90) == 0
    assert list((home / ".local/state/callflow/engines").iterdir()) == []
    assert run("calls").returncode == 1
