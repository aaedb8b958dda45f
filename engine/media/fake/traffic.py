"""What a session's packets come to: time divided by ptime, the network's loss taken off."""

from __future__ import annotations

from ..session import Statistics, Stream
from .network import FakeMediaNetwork
from .voice import Address, Meter, whole_frames

_OCTETS_PER_MS = 8  # of payload, G.711
_DIGIT_END_PACKETS = 2  # the end of a digit is sent three times (RFC 4733 §2.5.1.4)


class Traffic:
    """Counts what one session sends and receives."""

    def __init__(self, network: FakeMediaNetwork) -> None:
        self._network = network
        self._ptime_ms = 20
        self._sent, self._received, self._forged = Meter(), Meter(), Meter()
        self._digits_sent = self._digits_received = 0
        self._receiving_since = 0.0
        self._seconds_lost = 0.0  # of what was received until then
        self._last: Statistics | None = None

    def agree(self, stream: Stream) -> None:
        """Packets are so long from now on, both ways."""
        self._ptime_ms = stream.ptime_ms

    def send(self, *, is_on: bool) -> None:
        """The session sends from now on, or no more."""
        self._sent.switch(is_on=is_on, now=self._network.now)

    def receive(self, *, is_on: bool) -> None:
        """Packets come in from now on, or no more."""
        if self._received.is_on and not is_on:
            self._seconds_lost = self._lost()
        elif is_on and not self._received.is_on:
            self._receiving_since = self._network.now
        self._received.switch(is_on=is_on, now=self._network.now)

    def reject(self, *, is_on: bool) -> None:
        """What comes in is not protected as was agreed, or is again."""
        self._forged.switch(is_on=is_on, now=self._network.now)

    def send_digit(self, duration_ms: int) -> None:
        """A digit was sent. Its packets replace those of a voice: only without one are they more."""
        if not self._sent.is_on:
            self._digits_sent += duration_ms // self._ptime_ms + _DIGIT_END_PACKETS

    def receive_digit(self, duration_ms: int) -> None:
        """A digit was received."""
        if not self._received.is_on:
            self._digits_received += duration_ms // self._ptime_ms + _DIGIT_END_PACKETS

    @property
    def packets_lost(self) -> int:
        """Those of the peer that never came."""
        if self._last is not None:
            return self._last.packets_lost
        return whole_frames(self._lost(), frame_ms=self._ptime_ms) + int(self._digits_received * self._network.loss)

    def statistics(self, peer: Address | None) -> Statistics:
        """The figures now."""
        return self._last if self._last is not None else self._compute(peer)

    def close(self, peer: Address | None) -> None:
        """These were the last."""
        self._last = self._compute(peer)

    def _lost(self) -> float:
        if not self._received.is_on:
            return self._seconds_lost
        return self._seconds_lost + self._network.seconds_lost(self._receiving_since, self._network.now)

    def _packets_carried(self) -> int:
        return whole_frames(self._received.seconds(self._network.now), frame_ms=self._ptime_ms) + self._digits_received

    def _compute(self, peer: Address | None) -> Statistics:
        network, octets = self._network, self._ptime_ms * _OCTETS_PER_MS
        sent = whole_frames(self._sent.seconds(network.now), frame_ms=self._ptime_ms) + self._digits_sent
        lost = self.packets_lost
        received = self._packets_carried() - lost
        forged = whole_frames(self._forged.seconds(network.now), frame_ms=self._ptime_ms)
        return Statistics(
            packets_sent=sent,
            octets_sent=sent * octets,
            packets_received=received,
            octets_received=received * octets,
            packets_lost=lost,
            packets_discarded=forged,
            packets_forged=forged,
            jitter_ms=network.jitter_ms if received else 0.0,
            remote_packets_lost=network.packets_lost_at(peer) if peer is not None else 0,
            round_trip_ms=network.latency * 2000 if sent and received else None,
        )
