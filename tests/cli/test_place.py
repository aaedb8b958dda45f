"""How commands find the engines of this machine."""

from __future__ import annotations

import os

import msgspec
import pytest

from callflow.cli.output import Refused
from callflow.cli.place import RunningEngine, choose_connection, choose_engine, data_folder, find_engines, leave_note

DEAD = 2**22 + 1  # above the highest pid that Linux gives


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "CALLFLOW_DATA", "CALLFLOW_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def engine(home, port=7443, pid=None) -> RunningEngine:
    return RunningEngine(
        pid=pid or os.getpid(),
        socket=f"ws://127.0.0.1:{port}/v1/socket",
        sip=["udp:127.0.0.1:5060"],
        data=str(home / f"data{port}"),
        started_at=0.0,
    )


def test_an_engine_is_found_while_it_runs(home):
    with leave_note(engine(home)):
        assert find_engines() == [engine(home)]
        assert choose_engine() == engine(home)
        assert (home / "data7443" / "engine.json").exists()
    assert find_engines() == []
    assert not (home / "data7443" / "engine.json").exists()


def test_the_token_is_found_with_it_unless_another_is_given(home, monkeypatch):
    with leave_note(engine(home)):
        assert choose_connection(socket=None, token=None).token is None
        (home / "data7443" / "token").write_text("abc\n")
        assert choose_connection(socket=None, token=None).token == "abc"
        assert choose_connection(socket="ws://127.0.0.1:7443/v1/socket", token=None).token == "abc"
        assert choose_connection(socket="ws://elsewhere/v1/socket", token=None).token is None
        assert choose_connection(socket=None, token="own").token == "own"
        monkeypatch.setenv("CALLFLOW_TOKEN", "env")
        assert choose_connection(socket=None, token=None).token == "env"


def test_a_certificate_that_cannot_be_read_is_refused(home):
    (home / "ca.pem").write_text("nonsense")
    with pytest.raises(Refused, match=r"expected a certificate in PEM, in .*ca\.pem"):
        choose_connection(socket="wss://elsewhere/v1/socket", token=None, ca=home / "ca.pem")
    with leave_note(msgspec.structs.replace(engine(home), certificate=str(home / "ca.pem"))):
        with pytest.raises(Refused, match=r"expected a certificate in PEM, in .*ca\.pem"):
            choose_connection(socket=None, token=None)
        assert choose_connection(socket="wss://elsewhere/v1/socket", token=None).ssl_context is None


def test_notes_of_dead_engines_are_removed(home):
    with leave_note(engine(home, pid=DEAD)):
        assert find_engines() == []
        assert list((home / ".local/state/callflow/engines").iterdir()) == []


def test_notes_that_are_none_are_passed_over(home):
    folder = home / ".local/state/callflow/engines"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text("{")
    (folder / "2.json").write_text('{"pid": "x"}')
    assert find_engines() == []


def test_of_several_engines_one_is_to_be_named(home):
    with leave_note(engine(home)), leave_note(engine(home, 7444, pid=os.getppid())):
        assert len(find_engines()) == 2
        with pytest.raises(Refused, match=r"--socket ws://127\.0\.0\.1:7443") as refused:
            choose_engine()
        assert "7444" in str(refused.value)
        assert choose_engine(socket="ws://127.0.0.1:7444/v1/socket") == engine(home, 7444, pid=os.getppid())
        assert choose_engine(data=home / "data7443") == engine(home)


def test_without_an_engine_the_way_out_is_named(home):
    with pytest.raises(Refused, match="callflow run SCRIPT"):
        choose_connection(socket=None, token=None)
    with pytest.raises(Refused, match="with its data in"):
        choose_connection(socket=None, token=None, data=home / "x")


def test_a_folder_of_data_that_has_an_engine_leads_to_it(home, monkeypatch):
    monkeypatch.setenv("CALLFLOW_DATA", str(home / "data7443"))
    with leave_note(engine(home)):
        (home / f".local/state/callflow/engines/{os.getpid()}.json").unlink()
        assert choose_engine() == engine(home)


def test_the_data_folder_is_given_or_from_the_environment_or_the_users(home, monkeypatch):
    assert data_folder(None) == home / ".local/share/callflow"
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "share"))
    assert data_folder(None) == home / "share/callflow"
    monkeypatch.setenv("CALLFLOW_DATA", str(home / "env"))
    assert data_folder(None) == home / "env"
    assert data_folder(home / "given") == home / "given"
