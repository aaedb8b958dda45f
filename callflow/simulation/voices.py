"""What may answer a call, for `SimulatedPhone.speak`: a person, a machine, the network, a fax.

callee.speak(*MACHINE)
"""

from __future__ import annotations

from engine.media.session import SilenceSource, Source, ToneSource

SPEECH = (310.0, 440.0)  # Hz: what stands for speech


def talk(*seconds: float, pause: float = 0.2) -> tuple[Source, ...]:
    """Talk of so many seconds each, with pauses between."""
    said: list[Source] = []
    for each in seconds:
        said += [ToneSource(SPEECH, duration_ms=round(1000 * each)), SilenceSource(round(1000 * pause))]
    return tuple(said[:-1])


HUMAN = (SilenceSource(700), *talk(0.5))
"""A moment, and hello."""
BEEP = ToneSource((1000.0,), duration_ms=400)
MACHINE = (SilenceSource(500), *talk(1.2, 1.6, 2.0, pause=0.4), SilenceSource(600), BEEP)
"""A greeting of five seconds, and a beep."""
BUSY = (ToneSource((425.0,), (480, 480)),)
CONGESTION = (ToneSource((480.0, 620.0), (250, 250)),)
SIT = tuple(ToneSource((frequency,), duration_ms=330) for frequency in (950.0, 1400.0, 1800.0))
"""The three tones before an announcement of the network's."""
FAX_CALLS = (ToneSource((1100.0,), (500, 3000)),)
FAX_ANSWERS = (ToneSource((2100.0,), duration_ms=3000),)
