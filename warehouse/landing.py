"""From the topic to the warehouse: nothing lost, nothing twice.

The truth about what has been landed is in the live file alone: positions stand in `raw_landing_offset` and
move in the same transaction as the rows they stand for. Kafka's consumer group only hears of it. So a death
at any moment leaves either the whole of a batch or nothing of it, and the next landing starts where the last
committed one ended. The protocol, one batch after the other (names in brackets are the crash points between
the steps, see `warehouse.crash_points`):

 1. Hold the writer's lock (the caller does, with `open_live`).
 2. Ask the broker for the topic's id and its first and end offsets; compare them with the stored positions.
    A topic made anew, or records deleted before they were landed, stop the landing.
 3. Read from the stored positions to the end offsets seen in step 2. [after_fetch]
 4. Accept or refuse every record; nothing is dropped silently. [after_parse]
 5. Find duplicates and conflicts, in the batch and in all of history.
 6. BEGIN. [before_rows]
 7. Insert the good rows. [before_rejects]
 8. Insert the refused records with their reason, bytes, headers and position. [before_offsets]
 9. Move the positions. [before_ledger]
10. Write the ledger: read = landed + duplicates + rejected, by partition; if the numbers that DuckDB inserted
    do not agree, roll everything back. [before_commit]
11. COMMIT. [after_commit]
12. After the last batch, tell Kafka's group the positions, for lag monitors. [before_group_commit]
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import duckdb
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from gridrates.kafka import consumer as make_consumer
from gridrates.kafka import landing_group
from gridrates.settings import Settings
from warehouse.crash_points import pass_by
from warehouse.duplicates import History
from warehouse.failures import explained_duckdb
from warehouse.offsets import Log, describe, stored_positions
from warehouse.parse import Parsed, Parser
from warehouse.reading import Reader
from warehouse.statements import statement
from warehouse.writing import Landing, write_ledger, write_offsets, write_rejects, write_rows

log = logging.getLogger(__name__)

_MOST_BYTES = 256 * 1024 * 1024


@dataclass
class LandingSummary:
    """What a landing did. `rejected` counts conflicts too; read = landed + duplicates + rejected."""

    read: int = 0
    landed: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    batches: int = 0
    byte_count: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


def land(connection: duckdb.DuckDBPyConnection, settings: Settings) -> LandingSummary:
    """Land everything that is on the topic now. `connection` is the live file's, from `open_live`.

    Raises ServiceUnavailable (broker or topic away), WarehouseError (the log is not the one landed from, or
    lost records), ResourceError (disk full). What was committed before stays.
    """
    began = time.perf_counter()
    summary = LandingSummary(seconds=dict.fromkeys(("fetch", "parse", "write"), 0.0))
    with closing(_consumer(settings)) as consumer, explained_duckdb(settings.warehouse_path):
        topic = describe(settings, consumer, settings.topic)
        positions = stored_positions(connection, topic)
        if positions != dict(topic.end_offsets):
            positions = _land_batches(connection, settings, consumer, topic, positions, summary)
        pass_by("before_group_commit")
        _tell_group(consumer, topic, positions)
    summary.seconds["total"] = time.perf_counter() - began
    return summary


def _consumer(settings: Settings) -> KafkaConsumer:
    return make_consumer(
        settings,
        group_id=landing_group(settings.topic),
        max_poll_records=50_000,
        max_partition_fetch_bytes=16 * 1024 * 1024,
        fetch_max_bytes=64 * 1024 * 1024,
    )


def _land_batches(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    consumer: KafkaConsumer,
    topic: Log,
    positions: dict[int, int],
    summary: LandingSummary,
) -> dict[int, int]:
    """Land batch after batch; return where each partition stands."""
    reader = Reader(
        consumer,
        topic,
        positions,
        most_events=settings.land_batch_events,
        most_bytes=_MOST_BYTES,
        patience_seconds=settings.kafka_timeout_seconds,
    )
    history = History(connection)
    with Parser(longest=settings.land_max_event_bytes) as parser:
        for batch in reader.batches():
            pass_by("after_fetch")
            parsed = parser.parse(batch)
            pass_by("after_parse")
            _land_one(connection, settings, topic, parsed, history, summary)
            positions = dict(batch.to_offsets)
    return positions


def _land_one(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    topic: Log,
    parsed: Parsed,
    history: History,
    summary: LandingSummary,
) -> None:
    """Steps 5 to 11 of the protocol."""
    began = time.perf_counter()
    (batch_id,) = connection.execute(statement("next_batch_id")).fetchone() or (1,)
    landing = Landing(batch_id, topic.topic_id, parsed, history.repeats(parsed), settings.keep_payload)
    with _transaction(connection):
        pass_by("before_rows")
        landed = write_rows(connection, landing)
        pass_by("before_rejects")
        rejected = write_rejects(connection, landing)
        pass_by("before_offsets")
        write_offsets(connection, landing)
        pass_by("before_ledger")
        write_ledger(connection, landing, write_seconds=time.perf_counter() - began)
        _check(landing, landed, rejected)
        pass_by("before_commit")
    pass_by("after_commit")
    history.add(landing.landed_id_hashes)
    _add_up(summary, landing, time.perf_counter() - began)


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _check(landing: Landing, landed: int, rejected: int) -> None:
    """The last look before COMMIT: what DuckDB inserted and what was left out is what was read."""
    counted = landed + len(landing.repeats.duplicates) + rejected
    if counted != len(landing.batch):
        raise AssertionError(
            f"batch {landing.batch_id} does not add up: read {len(landing.batch)}, landed {landed}, "
            f"duplicates {len(landing.repeats.duplicates)}, rejected {rejected}; it was rolled back"
        )


def _add_up(summary: LandingSummary, landing: Landing, write_seconds: float) -> None:
    summary.read += len(landing.batch)
    summary.landed += len(landing.landed_rows)
    summary.duplicates += len(landing.repeats.duplicates)
    summary.conflicts += len(landing.repeats.conflicts)
    summary.rejected += len(landing.refused)
    summary.batches += 1
    summary.byte_count += sum(chunk.byte_count for chunk in landing.batch.chunks)
    summary.seconds["fetch"] += landing.batch.fetch_seconds
    summary.seconds["parse"] += landing.parsed.seconds
    summary.seconds["write"] += write_seconds


def _tell_group(consumer: KafkaConsumer, topic: Log, positions: dict[int, int]) -> None:
    """A hint for lag monitors; the landing is done, whether or not it is heard."""
    offsets = {
        TopicPartition(topic.topic, partition): OffsetAndMetadata(offset, "", -1)
        for partition, offset in positions.items()
    }
    try:
        consumer.commit(offsets)
    except KafkaError as error:
        log.warning("The consumer group of %s was not told the positions: %s", topic.topic, error)
