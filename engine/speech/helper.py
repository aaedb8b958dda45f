"""The process that speaks: a request a line, an answer a line, until its input ends. It alone loads espeak-ng.

    {"text": "Hello", "voice": "en-us", "path": "/.../HASH.wav"}  ->  {"error": null}

Run as `python -m engine.speech.helper`. espeak-ng's library is under the GPL; in a process of its own it is a program
that the engine starts, and a fault in it ends nothing else.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import wave
from collections.abc import Callable
from pathlib import Path

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT
DONT_EXIT = 0x8000  # of espeak_Initialize's options: report what is wrong
UTF8 = 1  # of espeak_Synth's flags; neither SSML nor phonemes are read
LONGEST = 300  # seconds of one text

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class CannotSpeak(Exception):
    """It says why."""


class Espeak:
    """The library. Raises CannotSpeak when it cannot be loaded."""

    def __init__(self, library: str, data: str) -> None:
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise CannotSpeak(f"espeak-ng cannot be loaded: {error}") from error
        self.rate: int = self._library.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), DONT_EXIT)
        if self.rate <= 0:
            raise CannotSpeak(f"espeak-ng finds no voices in {data}")
        self._samples = bytearray()
        self._callback = _Callback(self._take)  # kept: the library calls it
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str) -> bytes:
        """The samples, 16 bit."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise CannotSpeak(f"espeak-ng has no voice {voice!r}")
        self._samples.clear()
        octets = text.encode() + b"\0"
        failed = self._library.espeak_Synth(octets, ctypes.c_size_t(len(octets)), 0, 1, 0, UTF8, None, None)
        if failed or not self._samples:
            raise CannotSpeak(f"espeak-ng says nothing for {text[:64]!r}")
        return bytes(self._samples)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, count * 2)
        return int(len(self._samples) > LONGEST * self.rate * 2)  # 1: enough


def main() -> None:
    """Answer until the input ends."""
    speak = _open()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            _write(Path(request["path"]), *speak(request["text"], request["voice"]))
            error = None
        except (CannotSpeak, OSError) as problem:
            error = str(problem)
        sys.stdout.write(json.dumps({"error": error}) + "\n")
        sys.stdout.flush()


def _open() -> Callable[[str, str], tuple[bytes, int]]:
    import espeakng_loader  # type: ignore[import-untyped]

    espeak = Espeak(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    return lambda text, voice: (espeak.speak(text, voice), espeak.rate)


def _write(path: Path, samples: bytes, rate: int) -> None:
    """Whoever opens the file finds all of it."""
    part = path.with_suffix(".part")
    with part.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setparams((1, 2, rate, 0, "NONE", ""))
        wav.writeframes(samples)
    os.replace(part, path)


if __name__ == "__main__":
    main()
