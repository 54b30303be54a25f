"""Where the landing stands in the log, and whether the log is still the one it stood in.

Reads `raw_landing_offset` and asks the broker; writes nothing. The truth is in the file: Kafka's consumer
group only hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from gridrates.errors import ServiceUnavailable, WarehouseError
from gridrates.kafka import admin, unreachable
from gridrates.settings import Settings
from warehouse.statements import statement


@dataclass(frozen=True)
class Log:
    """What the broker has of a topic: Kafka's id of it, and each partition's first and end offset.

    The end is the last stable offset: what a transaction has not yet decided is not in it.
    """

    topic: str
    topic_id: str | None
    first_offsets: Mapping[int, int]
    end_offsets: Mapping[int, int]


def describe(settings: Settings, consumer: KafkaConsumer, topic: str) -> Log:
    """Ask the broker. Raises ServiceUnavailable when it is away or has no such topic."""
    try:
        topic_id, numbers = _describe_topic(settings, topic)
        partitions = [TopicPartition(topic, number) for number in numbers]
        firsts = consumer.beginning_offsets(partitions)
        ends = consumer.end_offsets(partitions)
    except KafkaError as error:
        raise unreachable(settings, error) from error
    return Log(topic, topic_id, _by_number(firsts), _by_number(ends))


def stored_positions(connection: duckdb.DuckDBPyConnection, log: Log) -> dict[int, int]:
    """Where to start in each partition: the stored position, else the first record there is.

    Raises WarehouseError when the log is not the one that was landed from, or no longer has what comes next.
    """
    rows = connection.execute(statement("stored_offsets"), {"topic": log.topic}).fetchall()
    stored = {partition: (offset, topic_id) for partition, offset, topic_id in rows}
    for partition, (offset, topic_id) in stored.items():
        _refuse_other_topic(log, topic_id)
        _refuse_gap(log, partition, offset)
    return dict(log.first_offsets) | {partition: offset for partition, (offset, _) in stored.items()}


def _describe_topic(settings: Settings, topic: str) -> tuple[str | None, list[int]]:
    client = admin(settings)
    try:
        (described,) = client.describe_topics([topic])
    finally:
        client.close()
    numbers = sorted(partition["partition_index"] for partition in described["partitions"])
    if not numbers:
        raise ServiceUnavailable(
            f"Kafka has no topic {topic!r}.",
            remedy="Produce some events first (the publisher creates the topic), or set GRIDRATES_TOPIC.",
        )
    return described["topic_id"], numbers


def _by_number(offsets: Mapping[Any, int]) -> dict[int, int]:
    return {partition.partition: offset for partition, offset in offsets.items()}


def _refuse_other_topic(log: Log, topic_id: str | None) -> None:
    if topic_id and log.topic_id and topic_id != log.topic_id:
        raise WarehouseError(
            f"The topic {log.topic} is not the one this warehouse landed from: it was deleted and created "
            f"again (its id was {topic_id} and is {log.topic_id}). Nothing was landed.",
            remedy=_REMEDY,
        )


def _refuse_gap(log: Log, partition: int, offset: int) -> None:
    first, end = log.first_offsets.get(partition, 0), log.end_offsets.get(partition, 0)
    if offset > end:
        raise WarehouseError(
            f"{log.topic}, partition {partition}: the log ends at offset {end}, but this warehouse has "
            f"landed up to {offset}. The log was cut or is another one. Nothing was landed.",
            remedy=_REMEDY,
        )
    if offset < first:
        raise WarehouseError(
            f"{log.topic}, partition {partition}: the log starts at offset {first}, but {offset} is next. "
            f"{first - offset:,} records were deleted before they were landed. Nothing was landed.",
            remedy="Produce them again to a new topic and land that into a new warehouse (GRIDRATES_HOME).",
        )


_REMEDY = "If that is meant, land it into a new warehouse: set GRIDRATES_TOPIC and another GRIDRATES_HOME."
