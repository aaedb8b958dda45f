"""Downloads: the app's own recordings, part by part, and nothing else of the machine."""

import os

import pytest

from callflow.protocol.commands import Download
from callflow.protocol.frames import MAX_PART
from callflow.protocol.queries import Downloaded
from engine.channels.errors import CommandError
from engine.eventsocket.recordings import read_recording
from tests.trio_tests import run_virtual

from .engine import OWNER, READER, running_engine


def test_a_recording_comes_in_parts(tmp_path):
    (tmp_path / "2026").mkdir()
    content = os.urandom(MAX_PART + 1000)
    (tmp_path / "2026" / "one.wav").write_bytes(content)
    first = read_recording(tmp_path, "2026/one.wav", 0)
    second = read_recording(tmp_path, "2026/one.wav", MAX_PART)
    assert first.data + second.data == content
    assert first.size == second.size == len(content)
    assert read_recording(tmp_path, "2026/one.wav", len(content)).data == b""


@pytest.mark.parametrize("name", ["", ".", "..", "../secret", "a/../../secret", "/etc/passwd", "x\0y", "n" * 600])
def test_a_name_that_leads_out_is_bad(tmp_path, name):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "app").mkdir()
    with pytest.raises(CommandError) as refused:
        read_recording(tmp_path / "app", name, 0)
    assert refused.value.code == "bad_argument"


def test_no_link_is_followed_and_nothing_but_files_is_read(tmp_path):
    (tmp_path / "secret").write_text("secret")
    app = tmp_path / "app"
    (app / "folder").mkdir(parents=True)
    (app / "link").symlink_to(tmp_path / "secret")
    (app / "out").symlink_to(tmp_path)
    os.mkfifo(app / "pipe")
    for name in ("link", "out/secret", "folder", "pipe", "none", "folder/none", "\udcff"):
        with pytest.raises(CommandError) as refused:
            read_recording(app, name, 0)
        assert refused.value.code == "not_found"
    with pytest.raises(CommandError):
        read_recording(None, "one.wav", 0)


@run_virtual
async def test_each_app_has_its_own_recordings(tmp_path):
    async with running_engine(recordings=tmp_path) as engine:
        for name in ("ivr", "other"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "one.wav").write_text(name)
        for name in ("ivr", "other"):
            app = await engine.app(name, token=OWNER)
            data = app.connection.data(await app.do(Download(path="one.wav")), Downloaded)
            assert data == Downloaded(name.encode(), len(name))
            assert (await app.do(Download(path="one.wav", offset=-1))).error.code == "bad_argument"
        app = await engine.app("ivr", token=READER)
        assert (await app.do(Download(path="one.wav"))).error.code == "unauthorized"
