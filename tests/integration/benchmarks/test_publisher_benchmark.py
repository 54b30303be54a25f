"""The publisher's benchmark runs, measures every way, and cleans up after itself."""

from __future__ import annotations

import json
import sys

import pytest

from benchmarks import publisher
from gridrates.kafka import admin
from gridrates.settings import Settings

pytestmark = pytest.mark.full


def test_it_measures_every_way(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRATES_KAFKA_BOOTSTRAP_SERVERS", str(kafka_settings.kafka_bootstrap_servers))
    before = topics(kafka_settings)
    monkeypatch.setattr(sys, "argv", ["publisher", "--events", "3000", "--rounds", "2"])
    publisher.main()
    told = json.loads(capsys.readouterr().out)
    assert told["sizes"] == {"events": 3000, "rounds": 2, "event_bytes": 334}
    assert list(told["ways"]) == ["send_loop", "publisher_plain", "publisher_bulk"]
    assert told["ways"]["send_loop"]["ratio_to_send_loop"] == 1
    assert all(way["events_per_second"] > 0 for way in told["ways"].values())
    assert topics(kafka_settings) == before


def topics(settings: Settings) -> set[str]:
    client = admin(settings)
    names = {topic["name"] for topic in client.describe_topics()}
    client.close()
    return names
