"""[trace]: how much is kept of what calls did."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow import App
from callflow.protocol.events import EngineRecovered
from callflow.testing import Simulation
from engine.config import Config, ConfigError, load
from engine.history import History


def read(tmp_path: Path, text: str) -> History:
    path = tmp_path / "c.toml"
    path.write_text(f"[trace]\n{text}\n")
    return load(path).history


def test_all_of_it_is_read(tmp_path: Path):
    text = 'messages = 500\nmessage_memory = "1MB"\nevents = 600\nevent_memory = "2GB"\nevent_age = 60\n'
    assert read(tmp_path, f'{text}command_memory = "3MB"') == History(
        messages=500, message_memory=1 << 20, events=600, event_memory=2 << 30, event_age=60.0, command_memory=3 << 20
    )


@pytest.mark.parametrize(
    "line", ["messages = 10", "events = true", 'event_memory = "1KB"', "event_memory = 5", "event_age = 0"]
)
def test_what_cannot_be_names_its_line(tmp_path: Path, line: str):
    with pytest.raises(ConfigError, match=r"c\.toml:2: \[trace\]"):
        read(tmp_path, line)


@pytest.mark.callflow(App("any"), settings=Config(history=History(events=100)))
async def test_an_engine_keeps_no_more_than_that(simulation: Simulation):
    log = simulation.switch.log
    for _ in range(250):
        log.emit(EngineRecovered())
    assert log.last_seq - log.first_seq + 1 == 100
