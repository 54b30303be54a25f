"""Published rates on the topic of rates: as the AsyncAPI document says, whole, compacted to the latest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from kafka import KafkaConsumer
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from gridrates.cli import app
from gridrates.errors import WarehouseError
from gridrates.handing_on import send_rates, write_reports
from gridrates.kafka import admin
from gridrates.published_client import open_published
from gridrates.settings import Settings
from tests.published_street import course, make_published, publish_street

DAY, BEFORE = date(2026, 5, 2), date(2026, 5, 1)
DOCUMENT = yaml.safe_load((Path(__file__).parents[3] / "contracts" / "asyncapi.yaml").read_text("utf-8"))


@pytest.fixture
def street(kafka_settings: Settings, tmp_path: Path) -> Settings:
    names = ("kafka_bootstrap_servers", "topic", "rates_topic", "topic_partitions")
    return make_published(tmp_path, **{name: getattr(kafka_settings, name) for name in names})


def on_topic(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is on the topic of rates, by partition in the order it was sent."""
    consumer = KafkaConsumer(
        settings.rates_topic,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        consumer_timeout_ms=3_000,
    )
    try:
        for record in consumer:
            yield record.key.decode(), json.loads(record.value)
    finally:
        consumer.close()


def published(settings: Settings, *days: date) -> dict[str, dict[str, Any]]:
    """The rows of `daily_rates` by key, as JSON would have them."""
    with open_published(settings) as connection:
        rows = connection.execute(
            "SELECT concat_ws('/', business_date, level, code, work_type), to_json(daily_rates) "
            "FROM daily_rates WHERE list_contains($days, business_date)",
            {"days": list(days)},
        ).fetchall()
    return {key: json.loads(row) for key, row in rows}


def test_every_row_of_the_dates_is_an_event_under_its_key(street: Settings) -> None:
    sent = send_rates(street, [str(DAY), str(BEFORE)])
    found = dict(on_topic(street))
    assert sent == len(found) > 10
    assert {key: event["data"] for key, event in found.items()} == published(street, DAY, BEFORE)
    validator = Draft202012Validator(DOCUMENT["components"]["messages"]["dailyRate"]["payload"])
    for key, event in found.items():
        validator.validate(event)
        assert (event["subject"], event["id"]) == (key, f"{key}/1")
    total = found[f"{DAY}/total/total/all"]["data"]
    assert (total["closure_due_count"], total["closure_done_count"]) == (4, 3)


def test_a_restated_date_follows_under_the_same_keys(street: Settings) -> None:
    send_rates(street, [str(DAY)])
    publish_street(street, list(course("late", "W", str(DAY), filed="09:00", closed="10:00")))
    send_rates(street, [str(DAY)])
    latest = dict(on_topic(street))
    assert {key: event["data"] for key, event in latest.items()} == published(street, DAY)
    assert latest[f"{DAY}/total/total/all"]["id"].endswith("/2")


def test_the_topic_is_made_compacted(street: Settings) -> None:
    send_rates(street, [str(DAY)])
    client = admin(street)
    try:
        told = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, street.rates_topic)])
    finally:
        client.close()
    assert told["topic"][street.rates_topic]["cleanup.policy"]["value"] == "compact"


def test_without_a_topic_nothing_is_sent(street: Settings) -> None:
    assert send_rates(street.model_copy(update={"rates_topic": ""}), [str(DAY)]) == 0


def test_a_date_that_is_not_published_is_told(street: Settings) -> None:
    variables = {
        "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": street.kafka_bootstrap_servers,
        "GRIDRATES_RATES_TOPIC": street.rates_topic,
    }
    words = ["--home", str(street.home), "--profile", street.profile, "produce", "rates"]
    refused = CliRunner(env=variables).invoke(app, [*words, "--date", "1999-01-01"])
    assert refused.exit_code == 2
    assert "No rates are published for 1999-01-01" in refused.output
    assert CliRunner(env=variables).invoke(app, words).exit_code == 0


def test_before_anything_is_published_there_is_nothing_to_send(kafka_settings: Settings) -> None:
    with pytest.raises(WarehouseError, match="Nothing has been published"):
        send_rates(kafka_settings, [str(DAY)])


@pytest.mark.parametrize(("most", "days"), [(1, {str(DAY)}), (5, {str(DAY), str(BEFORE)}), (0, set())])
def test_of_many_dates_the_newest_have_reports(street: Settings, most: int, days: set[str]) -> None:
    few = street.model_copy(update={"reports_per_publication": most})
    written = {Path(file).parent.name for file in write_reports(few, [str(BEFORE), str(DAY)])}
    assert written == (days | {"2026-05"} if days else set())
