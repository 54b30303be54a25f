"""How far landing is behind the topic, partition by partition.

Reads Kafka's offsets, the offsets that landing committed as a hint, and the first record that waits of each
partition; writes nothing. Every wait is bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from gridrates.settings import Settings

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition

# Longer than a broker on the next desk needs, shorter than anybody wants to look at an empty screen.
PATIENCE_SECONDS = 3


@dataclass(frozen=True)
class PartitionLag:
    """One partition: its first and end offset, where landing goes on, and when what waits longest arrived.

    `oldest_at` is None when nothing waits, when nobody asked, or when the record did not come in time.
    """

    partition: int
    begin: int
    end: int
    landed: int
    oldest_at: datetime | None = None

    @property
    def records(self) -> int:
        """Records on the topic."""
        return self.end - self.begin

    @property
    def behind(self) -> int:
        """Those of them that landing has not reached."""
        return max(0, self.end - max(self.landed, self.begin))


def read_partitions(settings: Settings, *, with_oldest: bool = False) -> list[PartitionLag]:
    """The lag of every partition, in order; none when there is no topic yet. Raises ServiceUnavailable."""
    from kafka import TopicPartition
    from kafka.errors import KafkaError

    from gridrates import kafka

    patience = PATIENCE_SECONDS * 1000
    group = kafka.landing_group(settings.topic)
    consumer = kafka.consumer(
        settings, group_id=group, bootstrap_timeout_ms=patience, request_timeout_ms=patience
    )
    try:
        numbers = consumer.partitions_for_topic(settings.topic) or ()
        partitions = [TopicPartition(settings.topic, number) for number in sorted(numbers)]
        begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        landed = {each: consumer.committed(each, timeout_ms=patience) or 0 for each in partitions}
        found = [PartitionLag(p.partition, begins[p], ends[p], landed[p]) for p in partitions]
        return _with_oldest(consumer, partitions, found) if with_oldest else found
    except KafkaError as error:
        raise kafka.unreachable(settings, error) from error
    finally:
        consumer.close()


def _with_oldest(
    consumer: KafkaConsumer, partitions: Sequence[TopicPartition], lags: Sequence[PartitionLag]
) -> list[PartitionLag]:
    """The same, each with the time of the first record that waits."""
    waiting = {
        place: max(lag.landed, lag.begin) for place, lag in zip(partitions, lags, strict=True) if lag.behind
    }
    times = _times(consumer, waiting) if waiting else {}
    return [
        PartitionLag(lag.partition, lag.begin, lag.end, lag.landed, times.get(place))
        for place, lag in zip(partitions, lags, strict=True)
    ]


def _times(consumer: KafkaConsumer, offsets: dict[TopicPartition, int]) -> dict[TopicPartition, datetime]:
    """When the records at or behind the offsets arrived, of those that come in time."""
    consumer.assign(list(offsets))
    for place, offset in offsets.items():
        consumer.seek(place, offset)
    times: dict[TopicPartition, datetime] = {}
    give_up = monotonic() + PATIENCE_SECONDS
    while len(times) < len(offsets) and monotonic() < give_up:
        for place, records in consumer.poll(timeout_ms=200, max_records=1).items():
            times[place] = datetime.fromtimestamp(records[0].timestamp / 1000, UTC)
            # One is enough: without it the others would wait behind this one's.
            consumer.pause(place)
    return times
