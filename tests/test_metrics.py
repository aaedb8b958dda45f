"""What is counted, and told as Prometheus reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from callflow import App
from callflow.protocol.events import ChannelCreated, ChannelEnded, Party, ScriptFailed
from callflow.protocol.queries import EngineLoad, TrunkState
from callflow.protocol.records import MediaStatistics
from callflow.testing import Simulation
from engine.eventsocket.log import EventLog
from engine.metrics import Metrics

ROOT = Path(__file__).parents[1]


def metrics_of(log: EventLog) -> Metrics:
    return Metrics(
        log,
        engine="callflow/test",
        counters=lambda: {"channels": 3, "bans": 2},
        trunks=lambda: [
            TrunkState(id="carrier", calls=4, registration="registered"),
            TrunkState(id="other", is_up=False),
        ],
        registrations=lambda: 5,
        sessions=lambda: {"ivr": 1},
        rejected=lambda: {404: 2, 503: 1},
        load=lambda: EngineLoad(lag_ms=250.0, media_late_ms=3.0, overloaded="lag"),
        poor=lambda: 4,
    )


def told(metrics: Metrics) -> dict[str, float]:
    """Each sample, by its name and labels."""
    text = trio.run(metrics.text).decode()
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def a_leg(log: EventLog, *, answered_after: float | None, billable: float = 0.0, mos: float | None = None) -> None:
    party = Party(uri="sip:a@example.com")
    log.emit(ChannelCreated(direction="inbound", caller=party, callee=party, to="1000"), channel="a", call_seq=1)
    log.emit(
        ChannelEnded(
            cause=16 if answered_after is not None else 17,
            cause_name="normal_clearing" if answered_after is not None else "user_busy",
            ended_by="caller",
            phase="answered" if answered_after is not None else "ringing",
            created_at=100.0,
            answered_at=100.0 + answered_after if answered_after is not None else None,
            ended_at=200.0,
            billable=billable,
            received=MediaStatistics(packets=1000, lost=10, mos=mos),
        ),
        channel="a",
        call_seq=2,
    )


def test_what_calls_came_to_is_counted():
    log = EventLog("epoch", lambda: 0.0)
    metrics = metrics_of(log)
    a_leg(log, answered_after=0.2, billable=45.0, mos=4.35)
    a_leg(log, answered_after=3.0, billable=700.0, mos=3.1)
    a_leg(log, answered_after=None)
    found = told(metrics)
    assert found["callflow_legs_created_total direction=inbound"] == 3
    assert found["callflow_legs_created_total direction=outbound"] == 0
    assert found["callflow_legs_ended_total cause=normal_clearing phase=answered"] == 2
    assert found["callflow_legs_ended_total cause=user_busy phase=ringing"] == 1
    assert found["callflow_answer_delay_seconds_bucket le=0.25"] == 1
    assert found["callflow_answer_delay_seconds_bucket le=5.0"] == found["callflow_answer_delay_seconds_count"] == 2
    assert found["callflow_conversation_seconds_sum"] == 745
    assert found["callflow_mos_bucket le=3.5 way=received"] == 1
    assert found["callflow_mos_count way=sent"] == 0
    assert found["callflow_rtp_packets_total way=received"] == 3000
    assert found["callflow_rtp_packets_lost_total way=received"] == 30
    assert found["callflow_events_total"] == 6


def test_what_is_up_is_looked_up_when_asked():
    found = told(metrics_of(EventLog("epoch", lambda: 0.0)))
    assert found["callflow_channels"] == 3
    assert found["callflow_bans_total"] == 2
    assert found["callflow_registrations"] == 5
    assert found["callflow_app_sessions app=ivr"] == 1
    assert found["callflow_trunk_up trunk=carrier"] == 1
    assert found["callflow_trunk_calls trunk=carrier"] == 4
    assert found["callflow_trunk_registered trunk=carrier"] == 1
    assert found["callflow_trunk_up trunk=other"] == 0
    assert found["callflow_invites_rejected_total status=404"] == 2
    assert found["callflow_lag_seconds"] == 0.25
    assert found["callflow_media_late_seconds"] == 0.003
    assert found["callflow_overloaded"] == 1
    assert found["callflow_draining"] == 0
    assert found["callflow_legs_poor"] == 4
    assert found["callflow_info engine=callflow/test"] == 1
    assert found["callflow_process_resident_memory_bytes"] > 1 << 20


def test_a_value_at_a_bound_is_within_it():
    log = EventLog("epoch", lambda: 0.0)
    metrics = metrics_of(log)
    a_leg(log, answered_after=1.0, billable=10.0)
    found = told(metrics)
    assert found["callflow_answer_delay_seconds_bucket le=1.0"] == 1
    assert found["callflow_answer_delay_seconds_bucket le=0.5"] == 0


def test_scripts_that_fail_are_counted_by_app():
    log = EventLog("epoch", lambda: 0.0)
    metrics = metrics_of(log)
    log.emit(ScriptFailed(app="ivr", script="ivr.py", error="E"))
    assert told(metrics)["callflow_script_failures_total app=ivr"] == 1


@pytest.mark.callflow(App("any"))
async def test_the_dashboard_asks_only_for_what_an_engine_tells(simulation: Simulation):
    ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    families = list(simulation.switch.metrics.collect())
    names = {family.name + end for family in families for end in ends.get(family.type, [""])}
    panels = json.loads((ROOT / "ops/grafana.json").read_text())["panels"]
    for query in (target["expr"] for panel in panels for target in panel["targets"]):
        assert set(re.findall(r"callflow_[a-z_]+", query)) <= names, query
    assert len({panel["id"] for panel in panels}) == len(panels)
