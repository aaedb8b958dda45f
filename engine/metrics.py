"""What Prometheus asks for at `/metrics`: what is up now, and what calls came to since the engine started.

Counting costs a few additions per call; everything else is looked up when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol, cast

import trio

from callflow.protocol.events import ChannelCreated, ChannelEnded, Event, ScriptFailed
from callflow.protocol.queries import EngineLoad, TrunkState

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from engine.eventsocket.log import Entry

_DELAYS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)  # seconds until an answer
_LENGTHS = (1.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0)  # seconds of conversation
_QUALITIES = (2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.3, 4.4)  # MOS (ITU-T G.107): 4.4 is the best that G.711 gives
_SUMS = frozenset({  # of the counters: those that only grow
    "bans", "calls_refused", "calls_rejected", "sip_datagrams_dropped", "sip_malformed",
})  # fmt: skip
_LONGEST_LABEL = 64

Way = Literal["received", "sent"]


class Watched(Protocol):
    """The event log, of which each call is learned."""

    @property
    def last_seq(self) -> int:
        """How many events there were."""
        ...

    def watch(self, kind: type[Event], watcher: Callable[[Event, Entry], None]) -> None:
        """Call it at each event of this kind."""
        ...


class Histogram:
    """How many values were at most so much, for each of some bounds."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.total = 0.0
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def note(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> Iterator[tuple[str, float]]:
        """Each bound, as a label, and how many values did not pass it."""
        count = 0
        for bound, more in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            count += more
            yield bound, count


class Metrics:
    """The figures of one engine, asked for when they are wanted.

    `sessions` are by app, `rejected` the calls that became no leg, by SIP status, `poor` how many
    live legs sound so.
    """

    def __init__(
        self,
        log: Watched,
        *,
        engine: str,
        counters: Callable[[], Mapping[str, int]],
        trunks: Callable[[], Sequence[TrunkState]],
        registrations: Callable[[], int],
        sessions: Callable[[], Mapping[str, int]],
        rejected: Callable[[], Mapping[int, int]],
        load: Callable[[], EngineLoad],
        poor: Callable[[], int],
    ) -> None:
        self._log = log
        self._engine = engine
        self._counters = counters
        self._trunks = trunks
        self._registrations = registrations
        self._sessions = sessions
        self._rejected = rejected
        self._load = load
        self._poor = poor
        self._created: Counter[str] = Counter()  # by direction
        self._ended: Counter[tuple[str, str]] = Counter()  # by phase and cause
        self._failed: Counter[str] = Counter()  # scripts, by app
        self._packets: Counter[Way] = Counter()
        self._lost: Counter[Way] = Counter()
        self._delays, self._lengths = Histogram(_DELAYS), Histogram(_LENGTHS)
        self._qualities: Mapping[Way, Histogram] = {"received": Histogram(_QUALITIES), "sent": Histogram(_QUALITIES)}
        log.watch(ChannelCreated, self._note_created)
        log.watch(ChannelEnded, self._note_ended)
        log.watch(ScriptFailed, self._note_failed)

    async def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        # The library takes 0.1 s to import: in a thread, when it is wanted first, so that no call waits for it.
        exposition = await trio.to_thread.run_sync(import_module, "prometheus_client.exposition")
        return cast("bytes", exposition.generate_latest(self))

    def collect(self) -> Iterator[Metric]:
        """What the library asks of a registry."""
        from prometheus_client.process_collector import ProcessCollector

        yield from self._of_now()
        yield from self._of_load()
        yield from self._of_calls()
        yield from self._of_media()
        yield from ProcessCollector(namespace="callflow", registry=None).collect()

    def _of_now(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        yield InfoMetricFamily("callflow", "The engine.", {"engine": self._engine})
        yield CounterMetricFamily("callflow_events", "Events that were numbered.", self._log.last_seq)
        for name, value in sorted(self._counters().items()):
            family = CounterMetricFamily if name in _SUMS else GaugeMetricFamily
            yield family(f"callflow_{name}", f"{name} of `callflow status`.", value)
        yield GaugeMetricFamily("callflow_registrations", "Contacts that are registered.", self._registrations())
        sessions = GaugeMetricFamily("callflow_app_sessions", "Connections of an app.", labels=["app"])
        for app, count in self._sessions().items():
            sessions.add_metric([app[:_LONGEST_LABEL]], count)
        up = GaugeMetricFamily("callflow_trunk_up", "1: the trunk takes calls.", labels=["trunk"])
        calls = GaugeMetricFamily("callflow_trunk_calls", "Calls by the trunk.", labels=["trunk"])
        registered = GaugeMetricFamily("callflow_trunk_registered", "1: it has registered us.", labels=["trunk"])
        for trunk in self._trunks():
            up.add_metric([trunk.id], float(trunk.is_up))
            calls.add_metric([trunk.id], trunk.calls)
            if trunk.registration:
                registered.add_metric([trunk.id], float(trunk.registration == "registered"))
        yield from (sessions, up, calls, registered)

    def _of_load(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily

        load = self._load()
        for name, told, value in (
            ("lag_seconds", "How late the event loop was at worst in the last ten seconds.", load.lag_ms / 1000),
            ("media_late_seconds", "How late sound was at worst in the last ten seconds.", load.media_late_ms / 1000),
            ("queue_seconds", "How long SIP by UDP was not read to its end at worst, likewise.", load.queue_ms / 1000),
            ("overloaded", "1: no new calls are let in.", float(load.overloaded != "")),
            ("draining", "1: the engine ends with its last call.", float(load.is_draining)),
        ):
            yield GaugeMetricFamily(f"callflow_{name}", told, value)

    def _of_calls(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily

        created = CounterMetricFamily("callflow_legs_created", "Legs that began.", labels=["direction"])
        for direction in ("inbound", "outbound"):
            created.add_metric([direction], self._created[direction])
        ended = CounterMetricFamily("callflow_legs_ended", "Legs that ended.", labels=["phase", "cause"])
        for labels, count in sorted(self._ended.items()):
            ended.add_metric(labels, count)
        rejected = CounterMetricFamily("callflow_invites_rejected", "Calls that became no leg.", labels=["status"])
        for status, count in sorted(self._rejected().items()):
            rejected.add_metric([str(status)], count)
        failed = CounterMetricFamily("callflow_script_failures", "Scripts that failed, and raised.", labels=["app"])
        for app, count in sorted(self._failed.items()):
            failed.add_metric([app[:_LONGEST_LABEL]], count)
        yield from (created, ended, rejected, failed)
        for name, told, histogram in (
            ("callflow_answer_delay_seconds", "From a leg's beginning to its answer.", self._delays),
            ("callflow_conversation_seconds", "From a leg's answer to its end.", self._lengths),
        ):
            yield HistogramMetricFamily(name, told, list(histogram.buckets()), histogram.total)

    def _of_media(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        packets = CounterMetricFamily("callflow_rtp_packets", "RTP packets of ended legs.", labels=["way"])
        lost = CounterMetricFamily("callflow_rtp_packets_lost", "Those of them that never came.", labels=["way"])
        quality = HistogramMetricFamily("callflow_mos", "Estimated quality of ended legs (E-model).", labels=["way"])
        for way, histogram in self._qualities.items():
            packets.add_metric([way], self._packets[way])
            lost.add_metric([way], self._lost[way])
            quality.add_metric([way], list(histogram.buckets()), histogram.total)
        yield GaugeMetricFamily("callflow_legs_poor", "Live legs with a MOS below 3.6 lately.", self._poor())
        yield from (packets, lost, quality)

    def _note_created(self, event: Event, _entry: Entry) -> None:
        if isinstance(event, ChannelCreated):
            self._created[event.direction] += 1

    def _note_ended(self, event: Event, _entry: Entry) -> None:
        if not isinstance(event, ChannelEnded):
            return
        self._ended[event.phase, event.cause_name] += 1
        if event.answered_at is not None:
            self._delays.note(max(event.answered_at - event.created_at, 0.0))
            self._lengths.note(event.billable)
        self._note_media("received", event)
        self._note_media("sent", event)

    def _note_failed(self, event: Event, _entry: Entry) -> None:
        if isinstance(event, ScriptFailed):
            self._failed[event.app] += 1

    def _note_media(self, way: Way, event: ChannelEnded) -> None:
        told = event.received if way == "received" else event.sent
        self._packets[way] += told.packets
        self._lost[way] += max(told.lost or 0, 0)
        if told.mos is not None:
            self._qualities[way].note(told.mos)
