"""The publisher's benchmark runs, measures every way, and cleans up after itself."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import publisher
from gridrates.kafka import admin
from gridrates.settings import Settings


def test_it_measures_every_way(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRATES_KAFKA_BOOTSTRAP_SERVERS", str(kafka_settings.kafka_bootstrap_servers))
    monkeypatch.setattr(sys, "argv", ["publisher", "--events", "3000", "--rounds", "2"])
    publisher.main()
    told = json.loads(capsys.readouterr().out)
    assert told["sizes"] == {"events": 3000, "rounds": 2, "event_bytes": 334}
    assert list(told["ways"]) == ["send_loop", "publisher_plain", "publisher_bulk"]
    assert told["ways"]["send_loop"]["ratio_to_send_loop"] == 1
    assert all(way["events_per_second"] > 0 for way in told["ways"].values())
    client = admin(kafka_settings)
    left = [topic["name"] for topic in client.describe_topics() if topic["name"].startswith("bench-")]
    client.close()
    assert left == []


def test_the_bulk_way_is_several_times_the_loop(kafka_settings: Settings) -> None:
    """A guard, not a measurement: a busy machine lowers the ratio, but never to near one."""
    pairs = publisher.events(60_000)
    ratios = [
        publisher.measure(kafka_settings, publisher.WAYS["publisher_bulk"], pairs).per_second
        / publisher.measure(kafka_settings, publisher.WAYS["send_loop"], pairs).per_second
        for _ in range(3)
    ]
    assert max(ratios) > 2.5, ratios


def test_its_events_are_as_described() -> None:
    pairs = publisher.events(6000)
    assert {len(value) for _, value in pairs} == {publisher.EVENT_BYTES}
    assert len({json.loads(value)["id"] for _, value in pairs}) == 6000
    assert len(pairs) / len({key for key, _ in pairs}) == pytest.approx(6, rel=0.1)
