"""All trunks of an engine: found by name and by where calls come from, registered and watched while `run` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import trio

from engine.sip.events import Flow, ResponseReceived

from .asking import Asker, SipPort
from .health import watch
from .registration import REMOVE_WITHIN, Registration
from .sources import Sources
from .spec import TrunkSpec
from .trunk import EventSink, Trunk


class Trunks:
    """The trunks by name."""

    def __init__(
        self,
        specs: Sequence[TrunkSpec],
        *,
        sip: SipPort,
        events: EventSink,
        new_token: Callable[[], str],
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        """`new_token` gives at least 48 random bits in hex."""

        def chance() -> float:
            return int(new_token()[:12], 16) / 16**12

        self._events, self._clock, self._chance = events, clock, chance
        self._asker = Asker(sip)
        self._trunks: dict[str, Trunk] = {}
        self._sources = Sources(self._trunks.values())
        for spec in specs:
            self.add(spec)
        self._registrations = [
            Registration(trunk, self._asker, new_token=new_token, chance=chance)
            for trunk in self._trunks.values()
            if trunk.spec.register
        ]
        self._registering = trio.CancelScope()

    def __iter__(self) -> Iterator[Trunk]:
        return iter(self._trunks.values())

    def add(self, spec: TrunkSpec) -> None:
        """One more. What is added while `run` runs is neither registered with nor watched."""
        self._trunks[spec.name] = Trunk(
            spec, events=self._events, clock=self._clock, chance=self._chance, on_moved=self._sources.forget
        )
        self._sources.forget()

    def get(self, name: str) -> Trunk | None:
        """The trunk of that name."""
        return self._trunks.get(name)

    def cheapest(self, number: str) -> list[Trunk]:
        """The trunks that have a price for a number, the cheapest first, and of equal ones in their order."""
        priced = [(cost, trunk) for trunk in self if (cost := trunk.cost_of(number)) is not None]
        return [trunk for _, trunk in sorted(priced, key=lambda each: each[0])]

    def find_source(self, flow: Flow) -> Trunk | None:
        """The trunk that what comes by this flow comes from."""
        return next((trunk for trunk in self._sources.candidates(flow.remote[0]) if trunk.is_source(flow)), None)

    def is_trunk(self, host: str) -> bool:
        """Whether a trunk is at this address, or may call from it."""
        return any(trunk.is_at(host) for trunk in self._sources.candidates(host))

    def receive(self, event: ResponseReceived) -> None:
        """An answer to a request outside of dialogs."""
        self._asker.receive(event)

    async def run(self) -> None:
        """Register and watch, until cancelled."""
        async with trio.open_nursery() as nursery:
            for trunk in self._trunks.values():
                for target in trunk.targets:
                    nursery.start_soon(watch, trunk, target, self._asker)
            with self._registering:
                async with trio.open_nursery() as registering:
                    for registration in self._registrations:
                        registering.start_soon(registration.run)
                    await trio.sleep_forever()
            await trio.sleep_forever()

    async def close(self) -> None:
        """Take back all registrations. No new ones are made."""
        self._registering.cancel()
        with trio.move_on_after(REMOVE_WITHIN):
            async with trio.open_nursery() as nursery:
                for registration in self._registrations:
                    nursery.start_soon(registration.remove)
