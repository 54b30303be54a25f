"""Where the landing stands in the log, and whether the log is still the one it stood in.

Reads `raw_landing_offset` and asks the broker. Writes only what a person accepts: a gap between what was
landed and what the log still has goes into `raw_accepted_loss`, in one transaction with the positions after
it. The truth is in the file: Kafka's consumer group only hears of it.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from gridrates import __version__
from gridrates.errors import ServiceUnavailable, WarehouseError
from gridrates.kafka import admin, describe_topic, unreachable
from gridrates.settings import Settings
from warehouse.relations import registered, transaction
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


@dataclass(frozen=True)
class Loss:
    """Records of a partition that can no longer be landed, and what became of them, in words.

    `from_offset` is the position that was stored, `to_offset` where landing can go on. `count` is None where
    nobody can know.
    """

    partition: int
    reason: Literal["deleted_before_landing", "topic_made_anew", "log_cut"]
    what: str
    from_offset: int
    to_offset: int
    count: int | None


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


def starting_positions(
    connection: duckdb.DuckDBPyConnection, log: Log, *, accept_loss: bool = False
) -> dict[int, int]:
    """Where to start in each partition: the stored position, else the first record there is.

    Raises WarehouseError when the log is not the one that was landed from, or no longer has what comes next,
    unless `accept_loss` says to go on all the same: then the loss is recorded first.
    """
    rows = connection.execute(statement("stored_offsets"), {"topic": log.topic}).fetchall()
    losses = [loss for row in rows if (loss := _loss(log, *row))]
    if losses and not accept_loss:
        raise _refusal(log, losses)
    positions = dict(log.first_offsets) | {partition: offset for partition, offset, _ in rows}
    positions |= {loss.partition: loss.to_offset for loss in losses}
    if losses:
        _accept(connection, log, losses)
    return {partition: positions[partition] for partition in log.first_offsets}


def _describe_topic(settings: Settings, topic: str) -> tuple[str | None, list[int]]:
    client = admin(settings)
    try:
        described = describe_topic(client, topic)
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


def _loss(log: Log, partition: int, offset: int, topic_id: str | None) -> Loss | None:
    """What a stored position says of the log, if something is wrong."""
    first, end = log.first_offsets.get(partition), log.end_offsets.get(partition)
    if topic_id and log.topic_id and topic_id != log.topic_id:
        what = f"the topic was deleted and created again (its id was {topic_id}, is {log.topic_id})"
        return Loss(partition, "topic_made_anew", what, offset, first or 0, None)
    if first is None or end is None:
        what = f"the partition is gone, though it has been landed up to offset {offset}"
        return Loss(partition, "topic_made_anew", what, offset, 0, None)
    if offset > end:
        what = f"the log ends at offset {end}, though it has been landed up to {offset}"
        return Loss(partition, "log_cut", what, offset, first, None)
    if offset < first:
        what = f"{first - offset:,} records were deleted before they were landed"
        return Loss(partition, "deleted_before_landing", what, offset, first, first - offset)
    return None


def _refusal(log: Log, losses: Sequence[Loss]) -> WarehouseError:
    known = sum(loss.count or 0 for loss in losses)
    counted = f" {known:,} records are lost." if known else ""
    if all(loss.reason == "deleted_before_landing" for loss in losses):
        remedy = "Produce them again if you can; then accept the loss with `gridrates land --accept-loss`."
    else:
        remedy = (
            "If that is meant, start the topic over with `gridrates land --accept-loss`: events that were "
            "landed before are recognised by their ids and not landed twice."
        )
    return WarehouseError(
        f"The log of {log.topic} does not go on where the last landing ended, so nothing was landed."
        f"{counted} {'; '.join(_told(losses))}.",
        remedy=remedy,
    )


def _told(losses: Sequence[Loss]) -> Iterator[str]:
    """What became of the partitions; what is the same for several is said once."""
    partitions: dict[str, list[int]] = {}
    for loss in sorted(losses, key=lambda loss: loss.partition):
        partitions.setdefault(loss.what, []).append(loss.partition)
    for what, numbers in partitions.items():
        yield f"partition{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}: {what}"


def _accept(connection: duckdb.DuckDBPyConnection, log: Log, losses: Sequence[Loss]) -> None:
    import pyarrow as pa

    lines = [
        {
            "kafka_partition": loss.partition,
            "reason_code": loss.reason,
            "reason_text": f"{log.topic}, partition {loss.partition}: {loss.what}",
            "from_offset": loss.from_offset,
            "to_offset": loss.to_offset,
            "lost_count": loss.count,
        }
        for loss in losses
    ]
    schema = pa.schema(
        [
            ("kafka_partition", pa.int32()),
            ("reason_code", pa.string()),
            ("reason_text", pa.string()),
            ("from_offset", pa.int64()),
            ("to_offset", pa.int64()),
            ("lost_count", pa.int64()),
        ]
    )
    values = {"topic": log.topic, "by": who(), "version": __version__}
    moved = pa.table(
        {
            "kafka_partition": [loss.partition for loss in losses],
            "next_offset": [loss.to_offset for loss in losses],
        }
    )
    losses_table = pa.Table.from_pylist(lines, schema=schema)
    with transaction(connection), registered(connection, losses=losses_table, moved=moved):
        connection.execute(statement("insert_accepted_loss"), values)
        connection.execute(statement("merge_offsets"), {"topic": log.topic, "topic_id": log.topic_id})
        known = {"topic": log.topic, "partitions": list(log.first_offsets)}
        connection.execute(statement("forget_partitions"), known)


def who() -> str:
    """The person and the machine, for records of what a person decided."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        name = "unknown"
    return f"{name}@{socket.gethostname()}"
