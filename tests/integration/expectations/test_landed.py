"""The raw gate on what really landed from a topic, with doubles and malformed records, and what follows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kafka import TopicPartition

from expectations.gate import GateResult, check
from gridrates.kafka import admin, ensure_topic
from gridrates.settings import Settings
from producers.publisher import Publisher
from tests.derived import bring_up_to_date
from tests.integration.expectations.town import PROFILE, TRANSFORMS, failed
from tests.integration.warehouse.topics import partitions_of, wait_for
from tests.landing import payload, payloads
from warehouse.landing import land
from warehouse.live import open_live

QUIET = "parameters: {freshness_hours: null, rejected_share: 0.9}\n"


def publish(settings: Settings, values: Sequence[bytes]) -> None:
    with Publisher(settings, settings.topic) as publisher:
        publisher.publish([(b"C-%d" % (number % 50), value) for number, value in enumerate(values)])


def land_and_check(
    settings: Settings, folder: Path, run_id: str, tamper: str = "", *, accept_loss: bool = False
) -> GateResult:
    """Land what is on the topic, perhaps break it, and judge the raw layer."""
    additions = folder / "expectations.yaml"
    additions.write_text(QUIET)
    with open_live(settings, command="test") as connection:
        land(connection, settings, accept_loss=accept_loss)
        if tamper:
            connection.execute(tamper)
        return check(connection, suite="raw", run_id=run_id, additions=additions)


def test_what_landed_passes_pass_after_pass(kafka_settings: Settings, tmp_path: Path) -> None:
    good, bad = payloads(600), [b"[]", b"\xff" * 20, b"{}", payload(time="x"), payload(type="unknown")]
    mixed = [*good, *good[:100], *bad]
    random.Random(1).shuffle(mixed)
    publish(kafka_settings, mixed)
    small = kafka_settings.model_copy(update={"land_batch_events": 90})
    assert failed(land_and_check(small, tmp_path, "run-1")) == set()
    publish(kafka_settings, [*good[:50], payload(id="late"), b"not json"])
    assert failed(land_and_check(small, tmp_path, "run-2")) == set()
    assert failed(land_and_check(small, tmp_path, "run-3")) == set()


def test_a_row_lost_after_landing_is_noticed(kafka_settings: Settings, tmp_path: Path) -> None:
    publish(kafka_settings, payloads(200))
    tamper = "DELETE FROM raw_event WHERE event_id = 'e-7'"
    result = land_and_check(kafka_settings, tmp_path, "run-1", tamper)
    assert failed(result) == {"raw_landing_batch.landed_are_there"}
    assert not result.passed


def test_an_offset_that_was_moved_is_noticed(kafka_settings: Settings, tmp_path: Path) -> None:
    publish(kafka_settings, payloads(200))
    land_and_check(kafka_settings, tmp_path, "run-1")
    tamper = "UPDATE raw_landing_offset SET next_offset = next_offset - 1 WHERE kafka_partition = 0"
    assert failed(land_and_check(kafka_settings, tmp_path, "run-2", tamper)) == {
        "raw_landing_batch.ends_at_offset"
    }


def make_anew(settings: Settings) -> None:
    """Delete the topic and create it again: it counts its records from the start."""
    with admin(settings) as client:
        client.delete_topics([settings.topic])
        wait_for(lambda: client.describe_topics([settings.topic])[0]["error_code"] != 0)
    wait_for(lambda: ensure_topic(settings, settings.topic) is None and bool(partitions_of(settings)))


def test_an_accepted_loss_does_not_close_the_gate(kafka_settings: Settings, tmp_path: Path) -> None:
    values = [*payloads(40), b"not json"]
    publish(kafka_settings, values)
    assert failed(land_and_check(kafka_settings, tmp_path, "run-1")) == set()
    make_anew(kafka_settings)
    assert failed(land_and_check(kafka_settings, tmp_path, "run-2", accept_loss=True)) == set()
    publish(kafka_settings, values)
    assert failed(land_and_check(kafka_settings, tmp_path, "run-3")) == set()
    publish(kafka_settings, payloads(60))
    with admin(kafka_settings) as client:
        client.delete_records({TopicPartition(kafka_settings.topic, 0): 20})
    assert failed(land_and_check(kafka_settings, tmp_path, "run-4", accept_loss=True)) == set()
    tamper = "DELETE FROM raw_accepted_loss; DELETE FROM ops_quality_mark"
    assert failed(land_and_check(kafka_settings, tmp_path, "run-5", tamper)) == {
        "raw_landing_batch.offsets_contiguous"
    }


def test_facts_and_rates_of_what_landed_pass(kafka_settings: Settings, tmp_path: Path) -> None:
    verbs = ("reported", "filed", "dispatched", "signed", "handled", "closed")
    events = [
        payload(
            id=f"{case}-{verb}",
            type=f"gridrates.case.{verb}.v1",
            subject=f"C-{case}",
            time=f"2026-05-{1 + case % 20:02}T{9 + step:02}:00:00+08:00",
            data={"unit_code": "U1", "grid_code": ("G1", "G2")[case % 2], "channel": "patrol"},
        )
        for case in range(60)
        for step, verb in enumerate(verbs)
    ]
    random.Random(2).shuffle(events)
    publish(kafka_settings, events)
    with open_live(kafka_settings, command="test") as connection:
        land(connection, kafka_settings)
        bring_up_to_date(connection, PROFILE, datetime(2026, 6, 1, tzinfo=UTC))
        for suite in ("core", "marts"):
            result = check(
                connection,
                suite=suite,
                run_id="run-1",
                declarations=TRANSFORMS,
                as_of_date=datetime(2026, 5, 22).date(),
            )
            assert failed(result) == set()
