"""Call flows tested in milliseconds: the real engine on virtual time, with simulated phones and no sockets.

In pytest, a test that asks for `simulation` runs inside one (see `callflow.simulation.plugin` for which script)::

    async def test_second_stage_wins(simulation):
        alice = simulation.phone("alice")
        mobile = simulation.phone("mobile", answers_after=8)
        alice.call("1000")
        await alice.heard("welcome.wav")
        alice.press("1")
        await mobile.answered()
        await alice.connected_to(mobile)
        assert simulation.now < 45 and simulation.leaks() == []

When the test is over all phones hang up, and whatever the engine still holds then fails it. Elsewhere::

    simulation = Simulation(Path("ivr.py"), folder=Path("/tmp/somewhere"), seed=7)
    simulation.run(test)        # an async function without arguments

What runs is the engine: SIP bytes through its stack, its channels, its event log, the event socket with frames encoded
and decoded, the script on the SDK. In memory, and of the simulation's making, are the network, the media (what is sent
and heard is computed by interval, not by sample), the clock and the random numbers. Time jumps to the next moment at
which something is to happen; a call of an hour takes as long as its events. The same seed gives the same event log,
byte for byte. A script must wait by anyio's means alone: no threads, no sockets, no `time.sleep`.
"""

from __future__ import annotations

from engine.media.fake import Digit, Heard
from engine.media.session import FileSource, SilenceSource, ToneSource

from .phone import Ended
from .runtime.lua.outside import HttpRequest, HttpResponse
from .simulation.outside import real_web
from .simulation.phone import SimulatedPhone
from .simulation.recorded import RecordedSound
from .simulation.simulation import Simulation
from .simulation.streams import BotSocket
from .simulation.tape import Happened
from .simulation.trunk import SimulatedTrunk
from .simulation.voices import BEEP, BUSY, CONGESTION, FAX_ANSWERS, FAX_CALLS, HUMAN, MACHINE, SIT, talk

__all__ = [
    "BEEP",
    "BUSY",
    "CONGESTION",
    "FAX_ANSWERS",
    "FAX_CALLS",
    "HUMAN",
    "MACHINE",
    "SIT",
    "BotSocket",
    "Digit",
    "Ended",
    "FileSource",
    "Happened",
    "Heard",
    "HttpRequest",
    "HttpResponse",
    "RecordedSound",
    "SilenceSource",
    "SimulatedPhone",
    "SimulatedTrunk",
    "Simulation",
    "ToneSource",
    "real_web",
    "talk",
]
