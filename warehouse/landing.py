"""From the topic to the warehouse: nothing lost, nothing twice.

The truth about what has been landed is in the live file alone: positions stand in `raw_landing_offset` and
move in the same transaction as the rows they stand for. Kafka's consumer group only hears of it. So a death
at any moment leaves either the whole of a batch or nothing of it, and the next landing starts where the last
committed one ended. The protocol, one batch after the other (names in brackets are the crash points between
the steps, see `warehouse.crash_points`):

 1. Hold the writer's lock (the caller does, with `open_live`).
 2. Ask the broker for the topic's id and its first and end offsets; compare them with the stored positions.
    A topic made anew, or records deleted before they were landed, stop the landing until a person accepts
    the loss.
 3. Read from the stored positions to the end offsets seen in step 2 (`Reader`). [after_fetch]
 4. Mask personal data (`warehouse.masking`), then accept or refuse every record; nothing is dropped silently
    (`Parser`). [after_parse]
 5. Find duplicates and conflicts, in the batch and in all of history.
 6. BEGIN. [before_rows]
 7. Insert the good rows. [before_rejects]
 8. Insert the refused records with their reason, bytes, headers and position. [before_offsets]
 9. Move the positions. [before_ledger]
10. Write the ledger: read = landed + duplicates + rejected, by partition; if the numbers that DuckDB inserted
    do not agree, roll everything back. [before_commit]
11. COMMIT. [after_commit]
12. After the last batch, tell Kafka's group the positions, for lag monitors. [before_group_commit]
13. Mirror new rejects to the dead-letter topic (`warehouse.mirror`, with steps of its own).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import duckdb
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from gridrates.kafka import consumer as make_consumer
from gridrates.kafka import landing_group
from gridrates.settings import Settings
from warehouse.allocation import give_back_large_blocks
from warehouse.crash_points import pass_by
from warehouse.disk import require_room, room
from warehouse.duplicates import History
from warehouse.failures import explained_duckdb
from warehouse.masking import masked
from warehouse.mirror import mirror
from warehouse.offsets import Log, describe, starting_positions
from warehouse.parse import Parsed, Parser
from warehouse.reading import Reader
from warehouse.relations import transaction
from warehouse.stages import Stages
from warehouse.statements import statement
from warehouse.writing import Landing, write_ledger, write_offsets, write_rejects, write_rows

logger = logging.getLogger(__name__)

# How the memory for what was read and is not yet written is shared out. A batch is in one of three stages or
# between them, and has its payloads, views of them, columns and what DuckDB makes of these: all of that is so
# many times its payloads, measured with long events. What was fetched and not yet taken is held beside it.
_BATCH_SHARE = 16
_FETCH_SHARE, _LARGEST_FETCH = 16, 32 * 1024 * 1024
_PARTITION_SHARE = 4
# What a transaction may write for a byte of payload: once to the log, once to the file.
_WRITTEN_A_BYTE = 2
_THREADS = 1
# How much of DuckDB's log is put off at the most, and of the room that the disk has for it and for the file.
_LOG_BYTES, _LOG_SHARE = 256 * 1024 * 1024, 4


@dataclass
class LandingSummary:
    """What a landing did. `rejected` counts conflicts too; read = landed + duplicates + rejected.

    `mirrored` counts rejects sent to the dead-letter topic, older ones included. `masked` counts what was
    masked in all that was read, by the mark that took its place. `seconds` by stage; stages work at the same
    time, so they add up to more than the total.
    """

    read: int = 0
    landed: int = 0
    duplicates: int = 0
    conflicts: int = 0
    rejected: int = 0
    batches: int = 0
    byte_count: int = 0
    mirrored: int = 0
    masked: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(
        default_factory=lambda: {"fetch": 0.0, "parse": 0.0, "write": 0.0, "total": 0.0}
    )

    def add(self, landing: Landing, write_seconds: float) -> None:
        """Count a batch that was committed."""
        self.read += len(landing.batch)
        self.landed += len(landing.landed_rows)
        self.duplicates += len(landing.repeats.duplicates)
        self.conflicts += len(landing.repeats.conflicts)
        self.rejected += len(landing.refused)
        self.batches += 1
        self.byte_count += landing.batch.byte_count
        self.masked = dict(Counter(self.masked) + Counter(landing.batch.mask_counts))
        self.seconds["fetch"] += landing.batch.fetch_seconds
        self.seconds["parse"] += landing.parsed.seconds
        self.seconds["write"] += write_seconds


def land(
    connection: duckdb.DuckDBPyConnection, settings: Settings, *, accept_loss: bool = False
) -> LandingSummary:
    """Land everything that is on the topic now. `connection` is the live file's, from `open_live`.

    `accept_loss` goes on, and keeps a record of it, where the log has lost what should come next. Raises
    ServiceUnavailable (broker or topic away), WarehouseError (the log is not the one landed from, or lost
    records), ResourceError (disk nearly full). What was committed before stays.
    """
    began = time.perf_counter()
    with closing(_consumer(settings)) as consumer, explained_duckdb(settings.warehouse_path):
        log = describe(settings, consumer, settings.topic)
        positions = starting_positions(connection, log, accept_loss=accept_loss)
        lander = Lander(connection, settings, log, positions)
        if positions != dict(log.end_offsets):
            _land_all(lander, consumer, settings)
        pass_by("before_group_commit")
        _tell_group(consumer, log.topic, lander.positions)
        lander.summary.mirrored = mirror(connection, settings)
    lander.summary.seconds["total"] = time.perf_counter() - began
    return lander.summary


def _memory(settings: Settings) -> int:
    return settings.land_memory_mb * 1024 * 1024


def _consumer(settings: Settings) -> KafkaConsumer:
    fetch = min(_memory(settings) // _FETCH_SHARE, _LARGEST_FETCH)
    return make_consumer(
        settings,
        group_id=landing_group(settings.topic),
        max_partition_fetch_bytes=fetch // _PARTITION_SHARE,
        fetch_max_bytes=fetch,
    )


def _land_all(lander: Lander, consumer: KafkaConsumer, settings: Settings) -> None:
    """Read, parse and write at the same time, each stage a batch ahead of the next."""
    give_back_large_blocks()
    reader = Reader(
        consumer,
        lander.log,
        lander.positions,
        most_events=settings.land_batch_events,
        most_bytes=_memory(settings) // _BATCH_SHARE,
        patience_seconds=settings.kafka_timeout_seconds,
    )
    with Parser(longest=settings.land_max_event_bytes) as parser, lander.tuned(), Stages() as stages:
        batches = stages.ahead(map(masked, reader.batches()), name="reader")
        ready = stages.ahead(map(parser.parse, batches), name="parser")
        lander.recall()
        for parsed in ready:
            lander.land(parsed)
            del parsed  # or it is held until the next one is there


class Lander:
    """Writes parsed batches, each in a transaction of its own: steps 5 to 11 of the protocol.

    `positions` is where each partition stands after the last commit.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        log: Log,
        positions: Mapping[int, int],
    ) -> None:
        self.log = log
        self.positions = dict(positions)
        self.summary = LandingSummary()
        self._connection = connection
        self._settings = settings

    @cached_property
    def _history(self) -> History:
        return History(self._connection)

    def recall(self) -> None:
        """Read what has been landed, which the first batch asks for: best while that is read and parsed."""
        _ = self._history

    @contextmanager
    def tuned(self) -> Iterator[None]:
        """Let DuckDB write with one thread: the other stages use the rest of the machine, and rows written
        by several threads take more work and more room. And let it put off checkpoints, as far as the disk
        has room: each writes the last row group anew, which is dear when events are long.
        """
        row = self._connection.execute("SELECT current_setting('threads')").fetchone()
        free = room(self._settings.warehouse_path.parent, keep_free_mb=self._settings.keep_free_mb)
        log_bytes = min(_LOG_BYTES, max(free, 0) // _LOG_SHARE)
        self._connection.execute(f"SET threads = {_THREADS}; SET checkpoint_threshold = '{log_bytes} bytes'")
        try:
            yield
        finally:
            self._connection.execute(f"SET threads = {row[0] if row else 1}; RESET checkpoint_threshold")

    def land(self, parsed: Parsed) -> None:
        """Land one batch. Raises ResourceError while the disk still has room for everything else."""
        began = time.perf_counter()
        require_room(
            self._settings.warehouse_path.parent,
            wanted_bytes=_WRITTEN_A_BYTE * parsed.batch.byte_count,
            keep_free_mb=self._settings.keep_free_mb,
        )
        landing = Landing(
            batch_id=self._next_batch_id(),
            topic_id=self.log.topic_id,
            parsed=parsed,
            repeats=self._history.repeats(parsed),
            keep_payload=self._settings.keep_payload,
        )
        with transaction(self._connection):
            pass_by("before_rows")
            landed = write_rows(self._connection, landing)
            pass_by("before_rejects")
            rejected = write_rejects(self._connection, landing)
            pass_by("before_offsets")
            write_offsets(self._connection, landing)
            pass_by("before_ledger")
            write_ledger(self._connection, landing, write_seconds=time.perf_counter() - began)
            _check(landing, landed, rejected)
            pass_by("before_commit")
        pass_by("after_commit")
        self.positions = dict(parsed.batch.to_offsets)
        self._history.add(landing.landed_identities)
        self.summary.add(landing, time.perf_counter() - began)

    def _next_batch_id(self) -> int:
        row = self._connection.execute(statement("next_batch_id")).fetchone()
        return int(row[0]) if row else 1


def _check(landing: Landing, landed: int, rejected: int) -> None:
    """The last look before COMMIT: what DuckDB inserted and what was left out is what was read."""
    counted = landed + len(landing.repeats.duplicates) + rejected
    if counted != len(landing.batch):
        raise AssertionError(
            f"batch {landing.batch_id} does not add up: read {len(landing.batch)}, landed {landed}, "
            f"duplicates {len(landing.repeats.duplicates)}, rejected {rejected}; it was rolled back"
        )


def _tell_group(consumer: KafkaConsumer, topic: str, positions: Mapping[int, int]) -> None:
    """A hint for lag monitors; the landing is done, whether or not it is heard."""
    offsets = {
        TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
        for partition, offset in positions.items()
    }
    try:
        consumer.commit(offsets)
    except KafkaError as error:
        logger.warning("The consumer group of %s was not told the positions: %s", topic, error)
