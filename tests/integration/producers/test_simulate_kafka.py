"""The simulator on a real broker: everything arrives, once, under its key, in the order of sending."""

from __future__ import annotations

import pytest

from gridrates.settings import Settings
from producers.simulator import Tally
from producers.simulator.delivery import to_kafka
from tests.integration.producers.topics import by_key, pairs_of, records
from tests.simulating import simulation

FAULTS = {"duplicates": 25, "late_share": 0.05, "malformed": {"truncated": 3, "id_conflict": 2}}


@pytest.mark.timeout(120)
def test_everything_arrives_in_the_order_of_sending(kafka_settings: Settings) -> None:
    run = simulation(scale=20, faults=FAULTS)
    tally = Tally(run)
    assert to_kafka(kafka_settings, run.batches(), tally) is None
    sent = [pair for batch in simulation(scale=20, faults=FAULTS).batches() for pair in batch.records]
    found = pairs_of(records(kafka_settings, kafka_settings.topic))
    assert len(found) == len(sent) == tally.records
    assert by_key(found) == by_key(sent)


def test_a_second_run_appends_the_same_bytes(kafka_settings: Settings) -> None:
    for _ in range(2):
        run = simulation()
        to_kafka(kafka_settings, run.batches(), Tally(run))
    once = [pair for batch in simulation().batches() for pair in batch.records]
    assert sorted(pairs_of(records(kafka_settings, kafka_settings.topic))) == sorted(2 * once)
