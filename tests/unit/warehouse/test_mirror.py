"""The mirror of rejects beside a broker that falls silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition

from gridrates.errors import ServiceUnavailable
from warehouse import mirror


class Reader:
    """A consumer of a topic with one partition that ends at 3; each poll brings what it is told to."""

    def __init__(self, *polls: int) -> None:
        self.polls = list(polls)
        self.at = 0

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return {0}

    def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 3)

    def assign(self, _partitions: Sequence[TopicPartition]) -> None: ...

    def seek(self, _partition: TopicPartition, offset: int) -> None:
        self.at = offset

    def position(self, _partition: TopicPartition) -> int:
        return self.at

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Any]]:
        assert timeout_ms > 0
        count = self.polls.pop(0) if self.polls else 0
        first, self.at = self.at, self.at + count
        return {TopicPartition("dlq", 0): [SimpleNamespace(offset=first + n) for n in range(count)]}


def offsets(reader: Reader, patience: float = 0.05) -> list[int]:
    return [record.offset for record in mirror._records_since(reader, "dlq", {0: 1}, patience)]


def test_what_is_there_beyond_the_note_is_read_to_its_end() -> None:
    assert offsets(Reader(0, 1, 0, 1)) == [1, 2]


def test_a_broker_that_falls_silent_is_given_up() -> None:
    with pytest.raises(ServiceUnavailable, match="Kafka sent nothing of dlq"):
        offsets(Reader(1))
