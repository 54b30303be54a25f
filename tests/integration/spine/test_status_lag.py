"""Status asks a real broker for the lag, and does not wait long for one that is away."""

from __future__ import annotations

import time

import pytest

from gridrates import kafka
from gridrates.errors import ServiceUnavailable
from gridrates.settings import Settings
from gridrates.status import Lag, read_lag


def send(settings: Settings, count: int) -> None:
    producer = kafka.producer(settings)
    try:
        for number in range(count):
            producer.send(settings.topic, b"{}", partition=number % settings.topic_partitions)
        producer.flush()
    finally:
        producer.close()


def say_landed(settings: Settings, offsets: dict[int, int]) -> None:
    from kafka import OffsetAndMetadata, TopicPartition

    with kafka.consumer(settings, group_id=kafka.landing_group(settings.topic)) as consumer:
        consumer.commit(
            {TopicPartition(settings.topic, n): OffsetAndMetadata(at, "", -1) for n, at in offsets.items()}
        )


def test_counts_what_landing_has_not_reached(kafka_settings: Settings) -> None:
    kafka.ensure_topic(kafka_settings, kafka_settings.topic)
    assert read_lag(kafka_settings) == Lag(records=0, behind=0)
    send(kafka_settings, 10)
    assert read_lag(kafka_settings) == Lag(records=10, behind=10)
    say_landed(kafka_settings, {0: 3, 1: 3, 2: 1})
    assert read_lag(kafka_settings) == Lag(records=10, behind=3)
    say_landed(kafka_settings, {0: 3, 1: 3, 2: 2, 3: 2})
    assert read_lag(kafka_settings) == Lag(records=10, behind=0)


def test_a_topic_that_does_not_exist_holds_nothing(kafka_settings: Settings) -> None:
    assert read_lag(kafka_settings) == Lag(records=0, behind=0, has_topic=False)


def test_does_not_wait_long_for_a_broker_that_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        read_lag(away)
    assert time.monotonic() - began < 10
