"""Each DAG run by Airflow itself, on a real topic and a real warehouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from gridrates.cli import app
from gridrates.published_client import open_published, read_manifest
from gridrates.schedule import time_zone
from gridrates.settings import Settings

# Airflow and the libraries it brings warn of each other; warnings of ours are errors in all the other tests.
pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def street(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A small street whose last half year is on the topic, and settings that the tasks will read too."""
    for name, value in kafka_settings.model_dump(exclude_none=True).items():
        monkeypatch.setenv(f"GRIDRATES_{name.upper()}", str(value))
    begin = datetime.now(ZoneInfo(time_zone())) - timedelta(days=175)
    sent = CliRunner().invoke(app, ["produce", "simulate", "--scale", "0.3", "--from", f"{begin:%Y-%m-%d}"])
    assert sent.exit_code == 0, sent.output
    return kafka_settings


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with open_published(settings) as connection:
        return connection.execute(sql).fetchall()


def generation(settings: Settings) -> int:
    manifest = read_manifest(settings)
    assert manifest
    return int(manifest["generation"])


def test_from_the_topic_to_published_rates(street: Settings, run_dag: Callable[..., Any]) -> None:
    assert run_dag("rates_due").state == "failed", "nothing is published yet"

    landing = run_dag("land_case_events")
    assert (landing.state, landing.tasks) == ("success", {"land": "success"})
    assert [name for name, *_ in landing.events] == ["stale_dates"]

    rates = run_dag("daily_rates")
    assert rates.state == "success"
    assert set(rates.tasks.values()) == {"success"}
    published = {str(day) for (day,) in query(street, "SELECT business_date FROM published_dates")}
    assert published
    assert {key for name, key, _ in rates.events if name == "daily_rates"} == published
    (together,) = [extra for name, _, extra in rates.events if name == "publication"]
    assert set(together["dates"]) == published
    assert query(street, "SELECT count(*) > 0 FROM cases") == [(True,)]
    assert run_dag("rates_due").state == "success"

    # Again: nothing is new, nothing is stale, nothing is published anew.
    before = generation(street)
    landing = run_dag("land_case_events")
    assert (landing.tasks, landing.events) == ({"land": "skipped"}, [])
    rates = run_dag("daily_rates")
    assert rates.state == "success"
    assert set(rates.tasks.values()) == {"skipped"}
    assert rates.events == []
    assert generation(street) == before

    # By hand: the date asked for, although it is not stale, and no other.
    day = max(published)
    figures = query(street, "FROM daily_rates ORDER BY ALL")
    rates = run_dag("daily_rates", run_conf={"dates": [day]})
    assert rates.state == "success"
    assert [(name, key) for name, key, _ in rates.events] == [("daily_rates", day), ("publication", None)]
    assert generation(street) > before
    assert query(street, "FROM daily_rates ORDER BY ALL") == figures

    # What was published is handed on.
    assert run_dag("hand_on_rates", run_conf={"dates": [day]}).state == "success"
    assert (street.home_dir / "reports" / day / "total.html").exists()
