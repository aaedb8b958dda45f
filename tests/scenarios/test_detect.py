"""detect: phones say something, or send a tone, and the script hears what it is."""

from __future__ import annotations

import pytest

from callflow import (
    AnswererRules,
    App,
    Call,
    ChannelSilent,
    ChannelTalking,
    ChannelTone,
    Detected,
    Undetected,
)
from callflow.testing import (
    BEEP,
    BUSY,
    CONGESTION,
    FAX_ANSWERS,
    FAX_CALLS,
    HUMAN,
    MACHINE,
    SIT,
    SilenceSource,
    ToneSource,
    talk,
)

app = App("ears")
pytestmark = pytest.mark.callflow(app)
outcomes: list[object] = []
wanted: list[dict[str, object]] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    outcomes.clear()


@app.route("100")
async def listens(call: Call) -> None:
    await call.answer()
    given = dict(wanted[-1])
    outcomes.append(await call.detect(*given.pop("what"), **given))  # type: ignore[misc,arg-type]


@app.route("200")
async def follows(call: Call) -> None:
    await call.answer()
    async with call.detecting("busy") as heard:
        async for sound in heard:
            outcomes.append(sound)
        outcomes.append(await heard.wait())


@app.route("300")
async def waits_for_the_beep(call: Call) -> None:
    await call.answer()
    outcomes.append(await call.detect("answerer"))
    outcomes.append(await call.detect("beep"))


async def says(simulation, *what, to="100"):
    alice = simulation.phone("alice")
    alice.call(to)
    await alice.answered()
    alice.speak(*what)
    await alice.ended()


async def hear(simulation, *said, what, **options) -> Detected | Undetected:
    wanted.append({"what": what, **options})
    await says(simulation, *said)
    return outcomes[-1]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (BUSY, "busy"),
        (CONGESTION, "congestion"),
        (SIT, "sit"),
        (FAX_CALLS, "cng"),
        (FAX_ANSWERS, "ced"),
        ((*talk(1.0), SilenceSource(300), BEEP), "beep"),
        ((ToneSource((440.0,), duration_ms=400),), "beep"),
    ],
)
async def test_tones_are_told_by_their_names(simulation, said, name):
    tones = ("busy", "congestion", "sit", "cng", "ced", "beep")
    assert (await hear(simulation, *said, what=tones, timeout=9.0)).what == name


@pytest.mark.parametrize("said", [talk(3.0), (ToneSource((440.0, 480.0), (2000, 4000)),), ()])
async def test_talk_ringing_and_silence_are_no_tones(simulation, said):
    assert await hear(simulation, *said, what=("busy", "congestion", "sit", "beep"), timeout=9.0) == Undetected()


async def test_talk_is_heard_when_it_has_lasted(simulation):
    found = await hear(simulation, SilenceSource(1000), *talk(3.0), what=("talk",), talk=0.5)
    assert (found.what, found.level_dbov) == ("talk", -20)
    assert 1500 <= found.after_ms <= 1800


async def test_short_talk_is_none_where_long_talk_is_wanted(simulation):
    assert await hear(simulation, *talk(0.4, 0.4), what=("talk",), talk=0.5, timeout=5.0) == Undetected()


async def test_silence_is_heard_after_the_talk_when_it_has_lasted(simulation):
    found = await hear(simulation, *talk(1.0, 1.0, pause=0.8), what=("silence",), silence=1.5)
    assert found.what == "silence"
    assert 4300 <= found.after_ms <= 4600


@pytest.mark.parametrize(("level_dbov", "what"), [(-42.0, "silence"), (-60.0, "talk")])
async def test_what_is_softer_than_the_level_is_silence(simulation, level_dbov, what):
    soft = ToneSource((310.0, 440.0), duration_ms=5000, level_dbm0=-50.0)
    found = await hear(simulation, soft, what=("talk", "silence"), level_dbov=level_dbov)
    assert found.what == what


@pytest.mark.parametrize(
    ("said", "who", "why"),
    [
        (HUMAN, "human", "short"),
        (talk(0.4, 0.5, pause=0.3), "human", "short"),
        (MACHINE, "machine", "long"),
        (talk(*[0.15] * 9, pause=0.12), "machine", "words"),
        ((SilenceSource(900), BEEP), "machine", "tone"),
        (FAX_ANSWERS, "machine", "tone"),
        ((), "unknown", "silence"),
    ],
)
async def test_who_answers_is_told_with_the_evidence(simulation, said, who, why):
    found = await hear(simulation, *said, what=("answerer",))
    assert found.greeting is not None
    assert (found.what, found.greeting.why) == (who, why)


async def test_the_evidence_has_words_and_pauses(simulation):
    found = await hear(simulation, SilenceSource(500), *talk(0.4, 0.6, pause=0.3), what=("answerer",))
    heard = found.greeting
    assert (heard.words, heard.longest_word_ms, heard.pauses_ms) == (2, 600, (300,))
    assert (heard.greeting_ms, round(heard.silence_ms, -2)) == (1300, 500)


async def test_the_rules_can_be_others(simulation):
    patient = AnswererRules(greeting=3.0)
    found = await hear(simulation, *talk(2.0), what=("answerer",), rules=patient)
    assert found.what == "human"


async def test_after_a_greeting_the_beep_can_be_waited_for(simulation):
    await says(simulation, *MACHINE, to="300")
    who, beep = outcomes
    assert isinstance(who, Detected)
    assert isinstance(beep, Detected)
    assert (who.what, beep.what) == ("machine", "beep")


async def test_what_is_heard_is_told_while_the_script_goes_on(simulation):
    await says(simulation, *talk(1.0), SilenceSource(1500), BEEP, SilenceSource(500), *BUSY, to="200")
    *sounds, outcome = outcomes
    assert [type(sound) for sound in sounds] == [ChannelTalking, ChannelSilent, ChannelTone, ChannelTone]
    assert [sound.tone for sound in sounds if isinstance(sound, ChannelTone)] == ["beep", "busy"]
    assert isinstance(outcome, Detected)
