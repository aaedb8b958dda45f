"""Files of an app that the engine cannot read, and recordings that it fetches."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio
import pytest

from callflow import Call, Confirmation, Hangup, NotFound, Play, Played, Tone
from callflow.client import connect
from callflow.files import Files
from callflow.protocol import commands
from callflow.protocol.commands import File
from callflow.protocol.frames import MAX_PART, Blob, Need
from callflow.protocol.queries import Downloaded
from tests.sdk.scripted_engine import ScriptedEngine, app_of, running
from tests.sdk.test_client import TOKEN, engine_at


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An app's folder, beside what is none of the app's."""
    folder = tmp_path / "app"
    (folder / "prompts").mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"a")
    (folder / "prompts" / "b.wav").write_bytes(b"b" * (2 * MAX_PART + 1))
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    return folder


A, B = File("a.wav", hash_of(b"a")), File("prompts/b.wav", hash_of(b"b" * (2 * MAX_PART + 1)))


def test_files_are_named_by_their_hashes_wherever_a_command_has_them(folder):
    files = Files(folder)
    tone = Tone("440")
    assert files.named(Play(sources=("a.wav", tone, "prompts/b.wav"))) == Play(sources=(A, tone, B))
    gather = commands.Gather(prompt=("a.wav",), invalid=("a.wav",))
    assert files.named(gather) == commands.Gather(prompt=(A,), invalid=(A,))
    dial = commands.Dial(stages=(), ringback="a.wav", confirm=Confirmation(prompt=("a.wav",), key="1"))
    assert files.named(dial) == commands.Dial(stages=(), ringback=A, confirm=Confirmation(prompt=(A,), key="1"))
    assert files.named(commands.Hold(music=("a.wav",))) == commands.Hold(music=(A,))
    hangup = Hangup()
    assert files.named(hangup) is hangup


@pytest.mark.parametrize("name", ["none.wav", "../secret.wav", "link.wav", "prompts", "", "x" * 5000, "nul\0.wav"])
def test_what_is_no_file_of_the_folder_stays_a_name(folder, name):
    assert Files(folder).named(Play(sources=(name,))) == Play(sources=(name,))
    absolute = str(folder.parent / "secret.wav")
    assert Files(folder).named(Play(sources=(absolute,))) == Play(sources=(absolute,))


def test_a_file_that_changes_has_another_hash(folder):
    files = Files(folder)
    files.named(Play(sources=("a.wav",)))
    (folder / "a.wav").write_bytes(b"longer")
    assert files.named(Play(sources=("a.wav",))) == Play(sources=(File("a.wav", hash_of(b"longer")),))


def test_a_file_goes_in_parts_and_only_one_that_was_offered(folder):
    files = Files(folder)
    assert list(files.parts(Need(sha256=B.sha256, name="prompts/b.wav"))) == [Blob(sha256=B.sha256, last=True)]
    files.named(Play(sources=("prompts/b.wav",)))
    parts = list(files.parts(Need(sha256=B.sha256, name="/etc/passwd")))
    assert [(part.part, len(part.data), part.last) for part in parts] == [
        (0, MAX_PART, False), (1, MAX_PART, False), (2, 1, True),
    ]  # fmt: skip
    (folder / "prompts" / "b.wav").unlink()
    assert list(files.parts(Need(sha256=B.sha256, name=""))) == [Blob(sha256=B.sha256, last=True)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_engine_asks_for_a_file_and_is_sent_it(folder, backend):
    async def script(call: Call) -> None:
        await call.play("a.wav")
        await call.bind_digits("*1", Play(sources=("a.wav",)))

    async def main() -> None:
        async with running(app_of(script), folder=folder) as engine:
            await engine.call()
            frame, play = await engine.accept(commands.Play)
            assert play.sources == (A,)
            await engine.send(Need(sha256=A.sha256, name="a.wav"), Need(sha256="0" * 64, name="b.wav"))
            blobs = {blob.sha256: blob for blob in [await engine.take_blob() for _ in range(2)]}
            assert blobs == {
                A.sha256: Blob(sha256=A.sha256, data=b"a", last=True), "0" * 64: Blob(sha256="0" * 64, last=True)
            }  # fmt: skip
            await engine.finish(frame, Played(heard_ms=1, reason="completed"))
            _, bound = await engine.accept(commands.BindDigits)
            assert bound.do is not None
            assert bound.do.args["sources"][0]["sha256"] == A.sha256
            await engine.expect_hangup()

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_app_without_a_folder_has_no_files(backend):
    async def script(call: Call) -> None:
        await call.play("a.wav")

    async def main() -> None:
        async with running(app_of(script)) as engine:
            await engine.call()
            _, play = await engine.accept(commands.Play)
            assert play.sources == ("a.wav",)
            await engine.send(Need(sha256=A.sha256, name="a.wav"))
            assert await engine.take_blob() == Blob(sha256=A.sha256, last=True)
            await engine.hang_up()

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_recording_is_fetched_whole_or_not_at_all(tmp_path, backend):
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()
        for offset, data in ((0, b"RIFF"), (4, b"more")):
            _, download = await engine.accept(commands.Download, data=Downloaded(data=data, size=8))
            assert (download.path, download.offset) == ("message.wav", offset)
        await engine.accept(commands.Download, data=Downloaded(data=b"RI", size=8))
        await engine.refuse(commands.Download, "not_found", "it is gone")

    async def main() -> None:
        async with engine_at(scenario) as url, connect(url, token=TOKEN) as engine:
            assert await engine.download("message.wav", tmp_path / "here.wav") == 8
            with pytest.raises(NotFound):
                await engine.download("message.wav", tmp_path / "there.wav")

    anyio.run(main, backend=backend)
    assert [path.name for path in tmp_path.iterdir()] == ["here.wav"]
    assert (tmp_path / "here.wav").read_bytes() == b"RIFFmore"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_script_fetches_its_recording(tmp_path, backend):
    async def script(call: Call) -> None:
        await call.download("message.wav", tmp_path / "here.wav")

    async def main() -> None:
        async with running(app_of(script)) as engine:
            await engine.call()
            await engine.accept(commands.Download, data=Downloaded(data=b"RIFF", size=4))
            await engine.expect_hangup()

    anyio.run(main, backend=backend)
    assert (tmp_path / "here.wav").read_bytes() == b"RIFF"
