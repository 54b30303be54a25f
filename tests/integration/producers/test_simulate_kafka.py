"""The simulator on a real broker: everything arrives, once, under its key, in order per case."""

from __future__ import annotations

from collections import defaultdict

import pytest
from kafka import TopicPartition

from gridrates.kafka import consumer
from gridrates.settings import Settings
from producers.simulator import Batch, Tally
from producers.simulator.delivery import to_kafka
from tests.simulating import simulation

FAULTS = {"duplicates": 25, "late_share": 0.05, "malformed": {"truncated": 3, "id_conflict": 2}}


def arrived(settings: Settings) -> dict[int, list[tuple[bytes, bytes]]]:
    """Every record of the topic, by partition."""
    found: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    client = consumer(settings)
    partitions = [TopicPartition(settings.topic, n) for n in range(settings.topic_partitions)]
    client.assign(partitions)
    client.seek_to_beginning(*partitions)
    ends = client.end_offsets(partitions)
    while any(client.position(p) < ends[p] for p in partitions):
        for partition, records in client.poll(timeout_ms=1000).items():
            found[partition.partition] += [(record.key, record.value) for record in records]
    client.close()
    return found


@pytest.mark.timeout(120)
def test_everything_arrives_once_in_the_order_of_sending(kafka_settings: Settings) -> None:
    run = simulation(scale=20, faults=FAULTS)
    tally = Tally(run)
    assert to_kafka(kafka_settings, run.batches(), tally) is None
    sent = [record for batch in simulation(scale=20, faults=FAULTS).batches() for record in batch.records]
    found = arrived(kafka_settings)
    assert len(found) == kafka_settings.topic_partitions
    assert sum(map(len, found.values())) == len(sent) == tally.records
    position = {partition: 0 for partition in found}
    home = {key: partition for partition, records in found.items() for key, _ in records}
    for key, value in sent:
        partition = home[key]
        assert found[partition][position[partition]] == (key, value)
        position[partition] += 1


def test_a_second_run_appends_the_same_bytes(kafka_settings: Settings) -> None:
    for _ in range(2):
        run = simulation()
        to_kafka(kafka_settings, run.batches(), Tally(run))
    records: list[Batch] = list(simulation().batches())
    expected = sorted(2 * [record for batch in records for record in batch.records])
    assert sorted(record for one in arrived(kafka_settings).values() for record in one) == expected
