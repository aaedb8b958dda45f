"""Text to speech by espeak-ng itself; and by helpers that end, hang or answer nonsense."""

import os
import signal
import sys
import wave
from contextlib import asynccontextmanager

import pytest
import trio

from engine.speech.synthesizer import MAX_WAITING, Synthesizer
from engine.speech.text import SpeechError

LOSES = "import sys; sys.stdin.readline(); "  # a helper that reads a request, and then ...


@asynccontextmanager
async def synthesizing(folder, program=None, **options):
    options.setdefault("timeout", 300)  # only a test about it may run into it
    if program is not None:
        options["command"] = (sys.executable, "-c", program)
    synthesizer = Synthesizer(folder, **options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(synthesizer.run)
        yield synthesizer
        nursery.cancel_scope.cancel()


async def speak(synthesizer, text, voice="en"):
    """The path, and what went wrong; that a recording was there already is "kept"."""
    path, done, errors = synthesizer.path(text, voice), trio.Event(), []

    def end(error):
        errors.append(error)
        done.set()

    if not synthesizer.wait(path, end):
        return path, "kept"
    with trio.fail_after(600):
        await done.wait()
    return path, errors[0]


def run(test):
    trio.run(test)


def test_a_text_is_spoken_once_and_kept_across_runs(tmp_path):
    async def test():
        async with synthesizing(tmp_path) as synthesizer:
            path, error = await speak(synthesizer, "Your parcel is on its way.")
            assert error is None
            with wave.open(str(path)) as wav:
                assert 1.0 < wav.getnframes() / wav.getframerate() < 4.0
                samples = memoryview(wav.readframes(wav.getnframes())).cast("h")
            assert max(samples) > 3000
            assert await speak(synthesizer, "Your parcel is on its way.") == (path, "kept")
        async with synthesizing(tmp_path) as synthesizer:
            assert await speak(synthesizer, "Your parcel is on its way.") == (path, "kept")

    run(test)


def test_languages_and_voices_sound_different(tmp_path):
    async def test():
        async with synthesizing(tmp_path) as synthesizer:
            made = [await speak(synthesizer, "Name", voice) for voice in ("en", "de", "de+f3")]
            assert [error for _, error in made] == [None, None, None]
            assert len({path.read_bytes() for path, _ in made}) == 3

    run(test)


def test_an_unknown_voice_is_told_and_the_next_text_spoken(tmp_path):
    async def test():
        async with synthesizing(tmp_path) as synthesizer:
            path, error = await speak(synthesizer, "Hello", "nosuchvoice")
            assert error == "no speech for 'Hello': espeak-ng has no voice 'nosuchvoice'"
            assert not path.exists()
            assert (await speak(synthesizer, "Hello"))[1] is None

    run(test)


def test_those_who_want_the_same_text_get_the_same_recording(tmp_path):
    async def test():
        async with synthesizing(tmp_path) as synthesizer:
            results = []

            async def want():
                results.append(await speak(synthesizer, "Hello"))

            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(want)
            assert len({path for path, _ in results}) == 1
            assert {error for _, error in results} <= {None, "kept"}

    run(test)


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (LOSES + "import os; os.abort()", f"it ended by signal {signal.SIGABRT:d}"),
        (LOSES + "sys.exit(3)", "it ended with status 3"),
        ("import sys; sys.exit(4)", "it ended with status 4"),
        (LOSES + "print('nonsense')", "it answered nonsense"),
        (LOSES + "print('x' * 70000); sys.stdin.read()", "it answered more than 65536 octets"),
        (LOSES + "print('[]'); sys.stdin.read()", "it answered nonsense"),
    ],
)
def test_a_helper_that_fails_fails_the_text_and_is_replaced(program, problem, tmp_path):
    started = tmp_path / "started"
    counting = f"open({str(started)!r}, 'a').write('x'); {program}"

    async def test():
        async with synthesizing(tmp_path / "speech", counting) as synthesizer:
            for text in ("one", "two"):
                _, error = await speak(synthesizer, text)
                assert error.startswith(f"no speech for {text!r}: {problem}")

    run(test)
    assert started.read_text() == "xx"


def test_a_helper_that_hangs_is_ended_in_time(tmp_path):
    pids = tmp_path / "pid"
    program = f"import os, time; open({str(pids)!r}, 'w').write(str(os.getpid())); time.sleep(3600)"

    async def test():
        async with synthesizing(tmp_path / "speech", program, timeout=2) as synthesizer:
            _, error = await speak(synthesizer, "Hello")
            assert error == "no speech for 'Hello': it took more than 2 s"

    run(test)
    if pids.exists() and (pid := pids.read_text()):  # it may have been ended before it came so far
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_a_helper_that_cannot_be_started_is_told(tmp_path):
    async def test():
        async with synthesizing(tmp_path, command=(str(tmp_path / "nothing"),)) as synthesizer:
            assert "No such file" in (await speak(synthesizer, "Hello"))[1]

    run(test)


def test_without_the_extra_the_error_says_how_to_get_it(tmp_path):
    with pytest.raises(SpeechError, match=r"pip install 'callflow\[say\]'") as refused:
        Synthesizer(tmp_path, requires="no_such_module").path("Hello", "en")
    assert refused.value.code == "unsupported"


def test_so_many_texts_may_wait(tmp_path):
    synthesizer = Synthesizer(tmp_path)
    for number in range(MAX_WAITING):
        synthesizer.path(f"text {number}", "en")
    synthesizer.path("text 0", "en")  # on its way already
    with pytest.raises(SpeechError) as refused:
        synthesizer.path("one more", "en")
    assert refused.value.code == "overloaded"


def test_without_a_place_there_is_no_speech(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpeechError, match="no place for speech"):
        Synthesizer(tmp_path / "file/speech").path("Hello", "en")
