"""Media by interval on a virtual clock: the twin of the native engine for simulations, under the same test-suite.

Nothing is sampled while time passes. A session sends *voices* (a program of sources that began at some time) to an
address of a `FakeMediaNetwork`; what a session hears is a timeline of them. Work is done at changes only, so an hour of
music costs what a second costs. Recordings are drawn when they end.
"""

from .engine import FakeMediaEngine
from .network import FakeMediaNetwork
from .session import FakeMediaSession
from .voice import Digit, Heard

__all__ = ["Digit", "FakeMediaEngine", "FakeMediaNetwork", "FakeMediaSession", "Heard"]
