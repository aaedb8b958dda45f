"""RFC 3261 timer values, in seconds. Time is always an argument; nothing here reads a clock."""

from __future__ import annotations

T1 = 0.5  # round-trip estimate
T2 = 4.0  # longest retransmit interval
T4 = 5.0  # longest life of a message in the network
GIVE_UP = 64 * T1  # timers B, F, H, J, L, M, and how long a 200 waits for its ACK (13.3.1.4)
TIMER_D = 32.0  # "at least 32 seconds" (17.1.1.2)
HALF_MESSAGE = GIVE_UP  # how long a stream may leave a message incomplete

NEVER = float("inf")
