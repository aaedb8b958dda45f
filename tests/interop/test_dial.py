"""`callflow dial`, our phone in the terminal, against servers not ours: SIPp in the part of the other side."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

import pytest
import trio

from callflow.protocol.events import ChannelAnswered
from tests.trio_tests import run_trio

from . import needs
from .audio import is_in, samples, seconds_of_sound, seconds_of_tone, ulaw_tone
from .engine import Finished, engine, run_callflow
from .places import IVR, IVR_PROMPTS
from .sipp import sipp
from .watch import watch

pytestmark = needs.program("sipp")


def tone_file(folder: Path) -> Path:
    path = folder / "tone.ulaw"
    path.write_bytes(ulaw_tone(700, 1))
    return path


@run_trio
async def test_it_calls_any_server_and_records_what_it_hears(tmp_path: Path):
    recording = tmp_path / "heard.wav"
    async with sipp("answer", tmp_path / "server", keys={"tone": tone_file(tmp_path)}) as server:
        done = await run_callflow(
            tmp_path,
            "dial",
            f"sip:bob@127.0.0.1:{server.port}",
            "--record",
            str(recording),
            "--duration",
            "2",
            "--json",
        )
        await server.wait()
    assert done.code == 0, done.errors
    told = [json.loads(line) for line in done.output.splitlines()]
    events = [line["event"] for line in told if line["event"] != "silence_heard"]  # on a busy machine, for a moment
    assert list(dict.fromkeys(events)) == ["calling", "ringing", "answered", "sound_heard", "ended"]
    assert told[-1]["by"] == "us"
    assert told[-1]["packets_lost"] == 0
    heard = samples(recording)
    assert seconds_of_tone(heard, 700) > 1
    assert seconds_of_sound(heard) - seconds_of_tone(heard, 700) < 0.3


@run_trio
async def test_it_proves_who_calls_and_tells_who_hung_up(tmp_path: Path):
    account = {"user": "carol", "password": "sesame-5"}
    async with sipp("challenge", tmp_path / "server", keys={"tone": tone_file(tmp_path), **account}) as server:
        done = await run_callflow(
            tmp_path, "dial", f"sip:bob@127.0.0.1:{server.port}", "--user", "carol", "--password", "sesame-5",
        )  # fmt: skip
        await server.wait()
    assert done.code == 0, done.errors
    assert "hears sound" in done.output
    assert "far end hung up (normal clearing)" in done.output


@run_trio
async def test_a_wrong_password_is_refused_in_words(tmp_path: Path):
    account = {"user": "carol", "password": "sesame-5"}
    async with sipp("challenge", tmp_path / "server", keys={"tone": tone_file(tmp_path), **account}) as server:
        done = await run_callflow(
            tmp_path, "dial", f"sip:bob@127.0.0.1:{server.port}", "--user", "carol", "--password", "guessed",
        )  # fmt: skip
        await server.wait()
    assert (done.code, done.errors) == (1, "callflow: refused 403 Forbidden\n")


@pytest.mark.parametrize("status", ["486 Busy Here", "404 Not Found", "603 Decline"])
@run_trio
async def test_a_refusal_is_told_in_a_line_and_by_the_exit_code(tmp_path: Path, status: str):
    async with sipp("refuse", tmp_path / "server", keys={"status": status}) as server:
        done = await run_callflow(tmp_path, "dial", f"sip:bob@127.0.0.1:{server.port}")
        await server.wait()
    assert (done.code, done.errors) == (1, f"callflow: refused {status}\n")
    assert "ringing" in done.output


@run_trio
async def test_where_nobody_listens_it_says_so(tmp_path: Path):
    async with sipp("refuse", tmp_path / "server", keys={"status": "486"}) as server:  # it listens to UDP alone
        target = f"sip:bob@127.0.0.1:{server.port}"
        done = await run_callflow(tmp_path, "dial", target, "--transport", "tcp")
    assert done.code == 1
    assert len(done.errors.splitlines()) == 1
    assert "Connection refused" in done.errors


@pytest.mark.parametrize("codec", ["G722", "opus"])
@run_trio
async def test_it_speaks_the_codec_that_is_asked_for(tmp_path: Path, codec: str):
    recording = tmp_path / "heard.wav"
    async with engine(tmp_path / "engine", IVR) as running, watch(running) as seen:
        dialled: list[Finished] = []

        async def dial() -> None:
            options = ["--codec", codec.lower(), "--record", str(recording)]
            dialled.append(await running.run("dial", running.sip("1000"), *options))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(dial)
            answered = await seen.wait("channel.answered")
            await seen.wait("playback.finished")
            await running.command("hangup", await seen.channel())
        [done] = dialled
    assert isinstance(answered, ChannelAnswered)
    assert answered.codec == codec
    assert f" with {codec}\n" in done.output
    prompt, heard = samples(IVR_PROMPTS / "welcome.wav"), samples(recording)
    starts = range(1600, len(prompt) - 1600, 1600)
    parts = [prompt[start : start + 1600] for start in starts]  # a late packet moves some
    assert median(is_in(part, heard) for part in parts) > 0.85
