"""docs/browser.md with Chromium and JsSIP: its page calls its script, a phone calls it; what all hear is measured."""

from __future__ import annotations

import base64
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np

from callflow.protocol.events import ChannelCreated, ChannelEnded, Event, RecordingFinished
from callflow.protocol.outcomes import Recorded
from tests.docs.markdown import ROOT, read_blocks
from tests.eventsocket.test_tls import Authority
from tests.trio_tests import run_within

from . import needs
from .audio import samples, seconds_of_tone
from .baresip import FREQUENCIES, phone
from .browser import Page, browser
from .engine import PASSWORDS, engine
from .jssip import CLIENTS, INSTALLED
from .watch import watch

BROWSERS_VOICE, WELCOME = 1000.0, 440.0
# Tells of each state, and what is heard: 8 kHz, 16 bits, from when there is sound until there were two seconds of it.
EARS = """
const state = new MutationObserver(() => tell(find("state").value));
state.observe(find("state"), { childList: true, characterData: true, subtree: true });
const worklet = URL.createObjectURL(new Blob([`
  registerProcessor("ears", class extends AudioWorkletProcessor {
    process([[channel]]) { if (channel) this.port.postMessage(channel); return true; }
  });`], { type: "text/javascript" }));
async function hear(seconds) {
  const context = new AudioContext({ sampleRate: 8000 });
  await context.audioWorklet.addModule(worklet);
  const ears = new AudioWorkletNode(context, "ears");
  context.createMediaStreamSource(find("sound").srcObject).connect(ears);
  const heard = [];
  await new Promise((done) => {
    ears.port.onmessage = ({ data }) => {
      if (heard.length || data.some((sample) => Math.abs(sample) > 0.01)) heard.push(...data);
      if (heard.length >= 8000 * seconds) done();
    };
  });
  await context.close();
  const octets = new Uint8Array(Int16Array.from(heard, (sample) => 32767 * sample).buffer);
  return btoa(Array.from(octets, (octet) => String.fromCharCode(octet)).join(""));
}
"""

pytestmark = [needs.program("chromium"), needs.program("baresip"), INSTALLED]


def blocks() -> dict[str, str]:
    """The files of the page."""
    return {block.argument: block.text for block in read_blocks(ROOT / "docs" / "browser.md") if block.kind == "file"}


def write_tone(path: Path, frequency: float, *, seconds: float, rate: int) -> Path:
    sound = 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def bundle(target: Path) -> None:
    """JsSIP as one file, as the page says."""
    esbuild = CLIENTS / "node_modules" / ".bin" / "esbuild"
    source = CLIENTS / "node_modules" / "jssip" / "lib" / "JsSIP.js"
    options = [
        "--bundle",
        "--format=iife",
        "--global-name=JsSIP",
        "--minify",
        f"--outfile={target}",
        "--log-level=error",
    ]
    subprocess.run([str(esbuild), str(source), *options], check=True)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """The page, served from this machine, which browsers trust as they trust https."""
    folder.mkdir()
    (folder / "index.html").write_text(blocks()["phone.html"])
    bundle(folder / "jssip.js")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def hear(page: Page, *, seconds: float = 2.0) -> np.ndarray:
    """What comes out of the page's speaker, from the first sound."""
    octets = base64.b64decode(await page.run(f"hear({seconds})"))
    return np.frombuffer(octets, dtype="<i2").astype(float) / 32768


async def register(page: Page, server: str, user: str) -> None:
    await page.run(EARS)
    form = f"elements.server.value = '{server}', elements.user.value = '{user}', elements.password.value"
    await page.run(f"with (find('account')) {{ {form} = '{PASSWORDS[user]}', requestSubmit() }}")
    await page.wait_line("registered")


async def call(page: Page, number: str) -> None:
    await page.run(f"with (find('keypad')) {{ elements.number.value = '{number}', requestSubmit() }}")


def of_alice(event: Event) -> bool:
    return isinstance(event, ChannelCreated) and event.user == "alice"


@run_within(90)
async def test_a_page_calls_a_script_and_is_called_by_a_phone_and_both_sides_hear_each_other(tmp_path: Path):
    certificate, key = Authority(tmp_path).issue("127.0.0.1")
    script = tmp_path / "web" / "web.py"
    script.parent.mkdir()
    script.write_text(blocks()["web.py"])
    write_tone(script.parent / "welcome.wav", WELCOME, seconds=3, rate=8000)
    voice = write_tone(tmp_path / "voice.wav", BROWSERS_VOICE, seconds=5, rate=48000)
    with site(tmp_path / "site") as origin:
        sip = f'certificate = "{certificate}"\nkey = "{key}"\norigins = ["{origin}"]'
        async with (
            engine(tmp_path / "engine", script, sip=sip, has_websocket=True) as running,
            watch(running) as seen,
            browser(tmp_path, voice) as page,
            phone(tmp_path, running, seen, "desk") as desk,
        ):
            await page.open(f"{origin}/")
            await register(page, f"wss://127.0.0.1:{running.ports['wss']}", "alice")

            await call(page, "4000")
            await page.wait_line("talking")
            heard = await hear(page)
            assert seconds_of_tone(heard, WELCOME) > 1.5
            created = await seen.wait("channel.created", of_alice)
            assert isinstance(created, ChannelCreated)
            assert (created.security.transport, created.security.media) == ("wss", "dtls-srtp")
            recorded = await seen.wait("recording.finished")
            assert isinstance(recorded, RecordingFinished)
            assert isinstance(recorded.outcome, Recorded)
            assert (
                seconds_of_tone(samples(running.data / "recordings" / "web" / recorded.outcome.path), BROWSERS_VOICE)
                > 1.0
            )
            ended = await seen.wait("channel.ended")
            assert isinstance(ended, ChannelEnded)
            assert (ended.cause_name, ended.ended_by) == ("normal_clearing", "app")
            assert ended.received.packets > 50
            await page.wait_line("ended: Terminated")

            await desk.dial("4001")
            await page.wait_line("desk calls")
            await page.run("find('answer').click()")
            await page.wait_line("talking")
            heard = await hear(page)
            assert seconds_of_tone(heard, FREQUENCIES["desk"]) > 1.5
            await desk.hang_up()
            await seen.wait("channel.ended", count=3)
            await page.wait_line("ended: Terminated")
    assert seconds_of_tone(samples(desk.heard()[-1]), BROWSERS_VOICE) > 1.0
