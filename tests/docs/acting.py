"""The play of a `simulate:` comment: who does and perceives what, one step after another.

    caller calls 2000; caller hears menu.wav; caller presses 1; bob answered; caller ended

A phone is there from the first step that names it; `bob answers after 3` and `bob rejects 486` say how, and come first.
"""

from __future__ import annotations

from callflow.testing import SimulatedPhone, Simulation


async def act(simulation: Simulation, steps: tuple[str, ...]) -> None:
    """Do all steps. Raises AssertionError for what does not come about, ValueError for what is no step."""
    for step in steps:
        await _do(simulation, step)


async def _do(simulation: Simulation, step: str) -> None:
    match step.split():
        case ["wait", seconds]:
            await simulation.wait(float(seconds))
        case ["app", "dies"]:
            simulation.kill()
        case [name, "answers", "after", seconds]:
            simulation.phone(name, answers_after=float(seconds))
        case [name, "rejects", status]:
            simulation.phone(name, rejects=int(status))
        case [name, *deed]:
            if not await _perform(simulation, simulation.phones.get(name) or simulation.phone(name), deed):
                raise ValueError(f"no step: {step!r}")
        case _:
            raise ValueError(f"no step: {step!r}")


async def _perform(simulation: Simulation, phone: SimulatedPhone, deed: list[str]) -> bool:
    match deed:
        case ["calls", number]:
            phone.call(number)
        case ["presses", digits]:
            phone.press(digits)
        case ["speaks", seconds]:
            phone.speak(float(seconds))
        case ["answers"]:
            phone.answer()
        case ["transfers", "to", target]:
            phone.transfer(target)
        case ["hangs", "up"]:
            phone.hang_up()
        case ["exists"]:
            await phone.registered()
        case ["writes", "to", number, *words]:
            await phone.write_to(number, " ".join(words))
        case _:
            return await _perceive(simulation, phone, deed)
    return True


async def _perceive(simulation: Simulation, phone: SimulatedPhone, deed: list[str]) -> bool:
    match deed:
        case ["reads", *words]:
            await phone.reads(" ".join(words))
        case ["hears", *what]:
            await phone.hears(_sound(" ".join(what)))
        case ["heard", *what]:
            await phone.heard(_sound(" ".join(what)))
        case ["rings"]:
            await phone.rings()
        case ["answered"]:
            await phone.answered()
        case ["connected", "to", other]:
            await phone.connected_to(simulation.phones[other])
        case ["ended"]:
            await phone.ended()
        case ["ended", "with", status]:
            ended = await phone.ended()
            assert str(ended.status) == status or ended.reason == status, ended
        case ["got", digits]:
            while phone.digits != digits:
                await simulation.wait(0.1)
        case _:
            return False
    return True


def _sound(text: str) -> str | float:
    """A file by name, a text that is spoken, or a tone by one of its frequencies."""
    return float(text) if text.replace(".", "").isdigit() else text
