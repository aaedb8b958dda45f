"""Whether calls are traced, by the configuration and by the variables of OpenTelemetry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.config import ConfigError, load
from engine.traces import Traces, are_wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("told", "environment", "wanted"),
    [
        (None, {}, False),
        (None, ENDPOINT, True),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        (None, {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        (Traces(), {}, True),
        (Traces(enabled=False), ENDPOINT, False),
        (Traces(), {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_configuration_or_the_variables_want_traces(told: Traces | None, environment: dict[str, str], wanted: bool):
    assert are_wanted(told, environment) is wanted


def read(tmp_path: Path, text: str) -> Traces | None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    return load(path).traces


def test_all_of_it_is_read(tmp_path: Path):
    assert read(tmp_path, "") is None
    text = 'endpoint = "https://c.example.com/v1/traces"\nheaders = { Authorization = "Basic x" }\nservice = "pbx"\n'
    assert read(tmp_path, f"[traces]\n{text}sample = 0.1\nqueue = 10000\n") == Traces(
        endpoint="https://c.example.com/v1/traces", headers={"Authorization": "Basic x"}, service="pbx", sample=0.1,
        queue=10000,
    )  # fmt: skip


@pytest.mark.parametrize(
    "line", ['endpoint = "collector:4318"', "sample = 2", "sample = true", "queue = 10", "queue = true"]
)
def test_what_cannot_be_names_its_line(tmp_path: Path, line: str):
    with pytest.raises(ConfigError, match=r"c\.toml:2: \[traces\]"):
        read(tmp_path, f"[traces]\n{line}\n")


def test_without_traces_nothing_of_opentelemetry_is_imported():
    program = "import sys, engine.app; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_traces_without_the_extra_say_how_to_get_it(tmp_path: Path):
    (tmp_path / "c.toml").write_text("[traces]\n")
    program = "import sys; sys.modules['opentelemetry'] = None\nfrom callflow.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program, "check", "--config", str(tmp_path / "c.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'callflow[otel]'" in done.stderr
