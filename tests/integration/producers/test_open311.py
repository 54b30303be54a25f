"""An Open311 server polled into a real warehouse through a real Kafka, while its requests change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gridrates.cli import app
from gridrates.settings import Settings
from producers.open311 import client as client_module
from tests.derived import bring_up_to_date, rows
from tests.open311 import MAPPING, Town, request, serving
from warehouse.landing import LandingSummary, land
from warehouse.live import open_live

DUE = "2026-05-20T12:00:00+08:00"
CASE = (
    "SELECT case_id, state, category_code, unit_code, reported_at, filed_at, dispatched_at, closed_at, "
    "declined_at, deadline_at, dispatch_count, event_count FROM core_case ORDER BY case_id"
)


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr(client_module, "FIRST_WAIT", 0.01)
    with serving(Town()) as started:
        yield started


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "open311.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


class Poller:
    """Polls by the command line, and lands."""

    def __init__(
        self, settings: Settings, town: Town, mapping: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.settings = settings.model_copy(update={"profile": "demo-street"})
        self._arguments = [town.url, "--mapping", str(mapping), "--since", "2026-05-01", "--pause", "0"]
        self._variables = {
            "GRIDRATES_HOME": str(settings.home),
            "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka_bootstrap_servers),
            "GRIDRATES_TOPIC": settings.topic,
        }
        self._monkeypatch = monkeypatch

    def run(self, *more: str) -> Result:
        for name, value in self._variables.items():
            self._monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["produce", "open311", *self._arguments, *more])

    def poll(self, *more: str, code: int = 0) -> dict[str, Any]:
        result = self.run("--json", *more)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)  # type: ignore[no-any-return]

    def land(self) -> tuple[LandingSummary, list[dict[str, Any]]]:
        """Land and fold; what was landed, and the cases."""
        from gridrates.profile import load_profile

        with open_live(self.settings, command="test") as connection:
            landed = land(connection, self.settings)
            bring_up_to_date(connection, load_profile("demo-street"))
            return landed, rows(connection, CASE)


def first_day() -> list[dict[str, Any]]:
    return [
        request(n, f"2026-05-0{1 + n % 4}T0{n}:00:00+08:00", agency_responsible="DPW", expected_datetime=DUE)
        for n in range(8)
    ]


def second_day(town: Town) -> None:
    """One closed, one a duplicate, one with another agency, one with another deadline, one new."""
    later = "2026-05-06T09:30:00+08:00"
    town.put(service_request_id="R-0", status="closed", updated_datetime=later)
    town.put(
        service_request_id="R-1", status="closed", status_notes="Duplicate request.", updated_datetime=later
    )
    town.put(service_request_id="R-2", agency_responsible="Parks", updated_datetime=later)
    town.put(service_request_id="R-3", expected_datetime="2026-05-25T12:00:00+08:00", updated_datetime=later)
    town.put(service_request_id="R-4", status="closed", updated_datetime=later)
    town.put(**request(9, "2026-05-06T10:00:00+08:00"))


def third_day(town: Town) -> None:
    """One re-opened, one closed at another time, one back at its first agency, one with another category."""
    later = "2026-05-08T09:30:00+08:00"
    town.put(service_request_id="R-0", status="open", updated_datetime=later)
    town.put(service_request_id="R-4", updated_datetime="2026-05-06T08:00:00+08:00")
    town.put(service_request_id="R-2", agency_responsible="DPW", updated_datetime=later)
    town.put(service_request_id="R-9", service_code="001", status="closed", updated_datetime=later)


@pytest.mark.parametrize("kind", ["json", pytest.param("xml", marks=pytest.mark.full)])
def test_three_polls_give_the_cases_of_a_fresh_one(
    kafka_settings: Settings,
    town: Town,
    mapping: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
) -> None:
    poller = Poller(kafka_settings, town, mapping, monkeypatch)
    town.requests = first_day()
    assert poller.poll("--format", kind)["requests"] == 8
    poller.land()
    second_day(town)
    poller.poll("--format", kind)
    _, cases = poller.land()
    assert [case["state"] for case in cases].count("closed") == 2
    third_day(town)
    third = poller.poll("--format", kind, "--revisit-days", "0")
    assert third["rejected"] == 0 and third["events"]["gridrates.event.retracted.v1"] > 0
    _, cases = poller.land()

    fresh = kafka_settings.model_copy(
        update={"home": tmp_path / "fresh", "topic": f"{kafka_settings.topic}-fresh"}
    )
    again = Poller(fresh, town, mapping, monkeypatch)
    assert "gridrates.event.retracted.v1" not in again.poll()["events"]
    _, expected = again.land()
    assert len(expected) == 9
    assert cases == expected
    states = {case["case_id"]: case["state"] for case in cases}
    assert (states["R-0"], states["R-1"], states["R-4"]) == ("dispatched", "declined", "closed")


@pytest.mark.full
def test_polling_again_or_from_the_beginning_changes_nothing(
    kafka_settings: Settings, town: Town, mapping: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = Poller(kafka_settings, town, mapping, monkeypatch)
    town.requests = first_day()
    sent = poller.poll()["acknowledged"]
    landed, cases = poller.land()
    assert landed.landed == sent
    assert poller.poll()["acknowledged"] == 0
    for folder in ("imports", "open311"):
        for path in (poller.settings.home_dir / folder).iterdir():
            path.unlink()
    assert poller.poll()["acknowledged"] == sent
    landed, after = poller.land()
    assert (landed.landed, landed.duplicates, landed.conflicts) == (0, sent, 0)
    assert after == cases


@pytest.mark.full
def test_older_requests_are_followed_while_they_are_open(
    kafka_settings: Settings, town: Town, mapping: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = Poller(kafka_settings, town, mapping, monkeypatch)
    town.requests = first_day()
    poller.poll()
    poller._arguments = [
        argument for argument in poller._arguments if argument not in ("--since", "2026-05-01")
    ]
    town.put(service_request_id="R-5", status="closed", updated_datetime="2026-05-09T09:00:00+08:00")
    town.requests = [each for each in town.requests if each["service_request_id"] != "R-6"]
    town.asked.clear()
    found = poller.poll("--revisit-days", "0")
    asked = [given["service_request_id"] for path, given in town.asked if "service_request_id" in given]
    assert asked and set(asked[0].split(",")) == {f"R-{n}" for n in range(8)}
    assert found["missing"] == ["R-6"]
    assert (found["event_count"], found["events"]["gridrates.case.closed.v1"]) == (1, 1)
    town.asked.clear()
    poller.poll("--revisit-days", "0")
    assert "R-5" not in str(town.asked) and "R-6" in str(town.asked)


def test_what_cannot_be_mapped_is_rejected_and_the_rest_goes(
    kafka_settings: Settings, town: Town, mapping: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    poller = Poller(kafka_settings, town, mapping, monkeypatch)
    town.requests = [
        *first_day(),
        request("naive", "2026-05-02T08:00:00"),
        request("late", "2026-05-02T08:00:00Z", expected_datetime="tomorrow"),
        request("nul", "2026-05-02T08:00:00Z", service_code="a\0b"),
        request("none", "2026-05-02T08:00:00Z") | {"service_request_id": None, "token": "t"},
        {"service_request_id": "bare", "requested_datetime": "2026-05-02T08:00:00Z"},
    ]
    found = poller.poll("--rejects", str(tmp_path / "rejected"), code=2)
    assert (found["requests"], found["pending"], found["rejected"]) == (12, 1, 1)
    (path,) = (tmp_path / "rejected").iterdir()
    assert "R-late" in path.read_text(encoding="utf-8-sig")
    landed, cases = poller.land()
    assert landed.rejected == 0 and landed.landed == found["acknowledged"]
    naive = next(case for case in cases if case["case_id"] == "R-naive")
    assert naive["reported_at"].isoformat().startswith("2026-05-02")


def test_the_cursor_stays_where_it_was_when_kafka_is_away_or_nothing_is_to_be_sent(
    kafka_settings: Settings, town: Town, mapping: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = Poller(kafka_settings, town, mapping, monkeypatch)
    town.requests = first_day()
    assert poller.poll("--dry-run")["mapped"] == 8
    folder = poller.settings.home_dir / "open311"
    assert not list(folder.glob("*.json")) and not list(folder.glob("*.csv"))
    poller._variables["GRIDRATES_KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:9"
    away = poller.run()
    assert away.exit_code == 3 and "does not answer" in away.stderr
    assert not list(folder.glob("*.json"))
    poller._variables["GRIDRATES_KAFKA_BOOTSTRAP_SERVERS"] = str(kafka_settings.kafka_bootstrap_servers)
    assert poller.poll()["acknowledged"] > 0
    (cursor,) = folder.glob("*.json")
    cursor.write_text("{")
    broken = poller.run()
    assert broken.exit_code == 2 and "cannot be read as the cursor" in broken.stderr


def test_what_the_server_says_is_told(
    kafka_settings: Settings, town: Town, mapping: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = Poller(kafka_settings, town, mapping, monkeypatch)
    listed = poller.run("--services")
    assert listed.exit_code == 0 and "001  sanitation  Cans left out" in listed.stdout
    assert "attributes.WHISPAWN  What is the ticket?" in listed.stdout
    empty = poller.run()
    assert (empty.exit_code, empty.stdout.splitlines()[0][:15]) == (0, "0 requests read")
    declined = b'[{"code":400,"description":"jurisdiction_id was not provided"}]'
    town.odd = lambda path, _: (400, {}, declined)
    refused = poller.run()
    assert refused.exit_code == 2 and "jurisdiction_id was not provided" in refused.stderr
    town.odd = lambda path, _: (503, {}, b"down")
    away = poller.run()
    assert away.exit_code == 3 and "status 503" in away.stderr
