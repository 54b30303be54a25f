"""The benchmarks of landing do what they say, at a size that says nothing of speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import landing, publisher, soak, table
from benchmarks.pages import DOCS
from gridrates.settings import Settings

pytestmark = pytest.mark.full


@pytest.fixture
def small(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(table, "PUBLISHED", 2_000)
    monkeypatch.setattr(publisher, "WAYS", {"send_loop": publisher.WAYS["send_loop"]})
    ways = ["poll", "land_payload", "land_history"]
    monkeypatch.setattr(landing, "chosen_ways", lambda *_: ways)
    return kafka_settings


def test_one_run_gives_the_page_and_the_figures(small: Settings, tmp_path: Path) -> None:
    found = table.measure(small, events=3_000, rounds=1, history=1_000)
    assert list(found["landing"]) == ["poll", "land_payload", "land_history"]
    assert found["landing"]["poll"]["ratio_to_poll"] == 1
    assert found["landing"]["land_payload"]["bytes_an_event"] > 0
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n")
    table.write(found, tmp_path)
    table.write(found, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert text.count("payload kept (the default)") == 1
    assert json.loads((tmp_path / "benchmarks.json").read_text()) == found


def test_every_way_has_its_line_in_the_table() -> None:
    assert set(table.LANDING) == set(landing.WAYS)
    assert set(table.PUBLISHING) == set(publisher.WAYS)


@pytest.mark.parametrize("name", ["measured", "rates"])
def test_the_shipped_page_has_its_marks(name: str) -> None:
    text = (DOCS / "benchmarks.md").read_text("utf-8")
    assert text.count(f"<!-- {name}: begin -->") == text.count(f"<!-- {name}: end -->") == 1


def test_a_short_soak_adds_up(kafka_settings: Settings) -> None:
    notes = soak.soak(kafka_settings, rate=500, minutes=0.1)
    assert notes[-1].landed == notes[-1].produced > 1_000
    assert soak.faults(kafka_settings, notes) == []


def test_a_soak_notices_what_is_wrong(kafka_settings: Settings) -> None:
    first, *_, last = soak.soak(kafka_settings, rate=500, minutes=0.05) * 2
    lost = soak.Note(
        last.seconds, last.memory_mb, last.file_bytes, last.handles, last.produced + 1, last.landed
    )
    assert "the books say" in soak.faults(kafka_settings, [first, lost])[0]
    leaking = [
        soak.Note(float(at), 200.0 + at, 0, 10 + at // 60, last.produced, last.landed)
        for at in range(0, 3_600, 60)
    ]
    told = " ".join(soak.faults(kafka_settings, leaking))
    assert "memory grows by 3600 MB an hour" in told
    assert "handles grew from 10 to 69" in told
