"""Mirrors refused records to the dead-letter topic, each exactly once.

Reads `raw_rejected_event`, which is the outbox: what has a higher `reject_id` than the one noted in
`raw_dead_letter_mirror` is still to be sent. Writes the dead-letter topic and that note. The steps:

1. Take over: a transactional producer shuts out any earlier process of this warehouse and ends what it had
   begun. What it had committed is on the topic for good.
2. Look at the topic from where it ended when the note was written: what is there from this warehouse was
   sent by a process that died before it could note it. Skip that. [before_mirror]
3. Send a portion of rejects in one Kafka transaction. [after_mirror]
4. Note the last `reject_id` and where the topic ends now. Repeat from step 3.

A death anywhere leaves a portion either wholly on the topic or not at all, and step 2 tells which. That the
dead-letter topic cannot be written is no reason to stop landing: it is logged, and made good next time.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from gridrates.errors import GridratesError, ServiceUnavailable
from gridrates.kafka import consumer, ensure_topic, largest_message, producer
from gridrates.settings import Settings
from warehouse.chunks import Header
from warehouse.crash_points import pass_by
from warehouse.relations import transaction
from warehouse.statements import statement

logger = logging.getLogger(__name__)

PREFIX = "gridrates-"
_PORTION = 10_000
_PORTION_BYTES = 16 * 1024 * 1024
# What the broker adds to a record, and headers of ordinary length.
_OVERHEAD = 4_096
_POLL_MILLISECONDS = 500


@dataclass(frozen=True)
class _Note:
    """How far the mirror is: the last reject on the topic, and where the topic ended then."""

    mirror_id: str
    last_reject_id: int
    end_offsets: Mapping[int, int]


def mirror(connection: duckdb.DuckDBPyConnection, settings: Settings) -> int:
    """Send the rejects that are not yet on the dead-letter topic; return how many.

    That the broker refuses or is away is logged and not raised.
    """
    row = connection.execute(statement("last_reject_id")).fetchone()
    note = _read_note(connection, settings.dead_letter_topic)
    if not row or row[0] <= (note.last_reject_id if note else 0):
        return 0
    try:
        ensure_topic(settings, settings.dead_letter_topic)
        with closing(consumer(settings)) as reader:
            return _Mirror(connection, settings, reader, note).run()
    except (KafkaError, GridratesError) as error:
        logger.warning("Rejects were not mirrored to %s: %s", settings.dead_letter_topic, error)
        return 0


class _Mirror:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        reader: KafkaConsumer,
        note: _Note | None,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._topic = settings.dead_letter_topic
        self._reader = reader
        self._note = note or self._first_note()

    def run(self) -> int:
        """Take over, skip what is there, send the rest."""
        largest = largest_message(self._settings, self._topic)
        sent = 0
        name = f"gridrates-dead-letters-{self._note.mirror_id}"
        options = {
            "transactional_id": name,
            "max_request_size": largest,
            "max_block_ms": int(self._settings.kafka_timeout_seconds * 1000),
        }
        with closing(producer(self._settings, **options)) as writer:
            writer.init_transactions()
            there = self._already_there()
            pass_by("before_mirror")
            for portion in self._portions():
                missing = [row for row in portion if row["reject_id"] not in there]
                self._send(writer, missing, largest - _OVERHEAD)
                pass_by("after_mirror")
                self._remember(portion[-1]["reject_id"])
                sent += len(missing)
        return sent

    def _first_note(self) -> _Note:
        """A mirror that has sent nothing yet, noted before it sends anything."""
        self._note = _Note(uuid.uuid4().hex, 0, {})
        self._remember(0)
        return self._note

    def _remember(self, last_reject_id: int) -> None:
        ends = self._reader.end_offsets(_partitions(self._reader, self._topic))
        offsets = {partition.partition: end for partition, end in ends.items()}
        self._note = _Note(self._note.mirror_id, last_reject_id, offsets)
        with transaction(self._connection):
            self._connection.execute(statement("delete_mirror_note"), {"topic": self._topic})
            self._connection.execute(
                statement("insert_mirror_note"),
                {
                    "topic": self._topic,
                    "mirror_id": self._note.mirror_id,
                    "last_reject_id": last_reject_id,
                    "partitions": list(offsets),
                    "ends": list(offsets.values()),
                },
            )

    def _already_there(self) -> set[int]:
        """Rejects of this warehouse that are on the topic beyond what was noted."""
        found = set()
        patience = self._settings.kafka_timeout_seconds
        for record in _records_since(self._reader, self._topic, self._note.end_offsets, patience):
            headers = dict(record.headers)
            if headers.get(f"{PREFIX}mirror-id") == self._note.mirror_id.encode():
                found.add(int(headers[f"{PREFIX}reject-id"]))
        return found

    def _portions(self) -> Iterator[list[dict[str, Any]]]:
        while True:
            asked = {"after": self._note.last_reject_id, "most": _PORTION, "bytes": _PORTION_BYTES}
            rows = self._connection.execute(statement("rejects_after"), asked).to_arrow_table().to_pylist()
            if not rows:
                return
            yield rows

    def _send(self, writer: KafkaProducer, rows: Sequence[Mapping[str, Any]], largest: int) -> None:
        if not rows:
            return
        writer.begin_transaction()
        for row in rows:
            value, headers = row["payload"], self._headers(row)
            if len(value or b"") > largest:
                headers.append((f"{PREFIX}payload-bytes", str(len(value)).encode()))
                value = b""
            key = row["record_key"]
            # A record needs a key or a value.
            writer.send(self._topic, b"" if value is key is None else value, key=key, headers=headers)
        writer.commit_transaction()

    def _headers(self, row: Mapping[str, Any]) -> list[Header]:
        """The record's own headers, and what became of it."""
        names = ("reject_id", "reason_code", "reason_text", "kafka_topic", "kafka_partition", "kafka_offset",
                 "rejected_at")  # fmt: skip
        told = [("mirror-id", self._note.mirror_id), *((name, row[name]) for name in names)]
        return own_headers(row["headers"]) + [
            (PREFIX + name.removeprefix("kafka_").replace("_", "-"), str(value).encode())
            for name, value in told
        ]


def own_headers(text: str | None) -> list[Header]:
    """Headers as they were on the wire, from the text kept of them; but one that was null is empty."""
    return [(name, _header_value(value)) for name, value in json.loads(text or "[]")]


def _header_value(value: Any) -> bytes:
    if isinstance(value, dict):
        return b64decode(value["base64"])
    return (value or "").encode()


def _read_note(connection: duckdb.DuckDBPyConnection, topic: str) -> _Note | None:
    row = connection.execute(statement("mirror_note"), {"topic": topic}).fetchone()
    return _Note(row[0], row[1], dict(row[2])) if row else None


def _partitions(reader: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic) or ())]


def _records_since(
    reader: KafkaConsumer, topic: str, offsets: Mapping[int, int], patience_seconds: float
) -> Iterator[Any]:
    """What is on the topic from these offsets on (from the start where none is known).

    Raises ServiceUnavailable when the broker stays silent: the writer's lock is held meanwhile.
    """
    partitions = _partitions(reader, topic)
    firsts, ends = reader.beginning_offsets(partitions), reader.end_offsets(partitions)
    reader.assign(partitions)
    for partition in partitions:
        known = offsets.get(partition.partition, 0)
        # A topic made anew may end before what is known of it.
        reader.seek(partition, known if firsts[partition] <= known <= ends[partition] else firsts[partition])
    reached: dict[TopicPartition, int] = {}
    give_up = time.monotonic() + patience_seconds
    while any(reader.position(partition) < end for partition, end in ends.items()):
        for records in reader.poll(timeout_ms=_POLL_MILLISECONDS).values():
            yield from records
        before, reached = reached, {partition: reader.position(partition) for partition in partitions}
        if reached != before:
            give_up = time.monotonic() + patience_seconds
        elif time.monotonic() >= give_up:
            raise ServiceUnavailable(
                f"Kafka sent nothing of {topic} for {patience_seconds:g} seconds, though more is there.",
                remedy="Check the broker; the next landing mirrors what is missing.",
            )
