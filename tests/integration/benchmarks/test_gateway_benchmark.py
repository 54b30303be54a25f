"""The gateway's benchmark runs, measures every way beside the publisher, and cleans up after itself."""

from __future__ import annotations

import sys

import pytest

from benchmarks import gateway
from gridrates.kafka import admin
from gridrates.settings import Settings

pytestmark = pytest.mark.full


def test_it_measures_every_way(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDRATES_KAFKA_BOOTSTRAP_SERVERS", str(kafka_settings.kafka_bootstrap_servers))
    monkeypatch.setattr(sys, "argv", ["gateway", "--seconds", "0.3", "--rounds", "1", "--clients", "2"])
    gateway.main()
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == [title.format(clients=2) for title in gateway.WAYS.values()]
    assert rows[2][2:] == ["1.000", "–", "–", "–"]
    for _, per_second, _, p50, p99, _ in rows[3:]:
        assert float(per_second.replace(",", "")) > 0
        assert 0 < float(p50.replace(",", "")) <= float(p99.replace(",", ""))
    with admin(kafka_settings) as client:
        assert not [topic for topic in client.describe_topics() if topic["name"].startswith("bench-")]


def test_events_are_of_the_size_that_is_told_and_differ() -> None:
    portion = next(gateway.events(20))
    assert {len(text) for _, text in portion} == {gateway.EVENT_BYTES}
    assert len({text for _, text in portion}) == 20
