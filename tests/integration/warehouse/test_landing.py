"""From a real topic into the live file: what arrives, where the next landing starts, and what is refused."""

from __future__ import annotations

import json
import random
import socket

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import NewPartitions

from gridrates.errors import ServiceUnavailable, WarehouseError
from gridrates.kafka import admin, consumer, ensure_topic, landing_group, producer
from gridrates.settings import Settings
from tests.integration.warehouse.topics import (
    changed,
    counts,
    partitions_of,
    publish,
    query,
    run,
    send,
    wait_for,
)
from tests.landing import payload, payloads
from warehouse import reading
from warehouse.landing import LandingSummary, land
from warehouse.live import open_live


@pytest.fixture(params=["whole batches", "records"])
def any_settings(
    request: pytest.FixtureRequest, kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Both ways of reading."""
    if request.param == "records":
        monkeypatch.setattr(reading, "install", lambda _: False)
    return kafka_settings


def test_lands_everything_once(any_settings: Settings) -> None:
    good, bad = payloads(1_440), [b"[]", b"\xff" * 20, b"{}", payload(time="x")]
    mixed = [*good, *good[:100], *bad]
    random.Random(1).shuffle(mixed)
    publish(any_settings, mixed)
    assert counts(run(any_settings)) == (1_440, 100, 4)
    assert counts(run(any_settings)) == (0, 0, 0)
    publish(any_settings, good)
    assert counts(run(any_settings)) == (0, 1_440, 0)
    assert query(any_settings, "SELECT count(*), count(DISTINCT event_id) FROM raw_event") == [(1_440, 1_440)]


def test_many_transactions_join_without_gap_or_overlap(any_settings: Settings) -> None:
    publish(any_settings, payloads(1_000))
    summary = run(changed(any_settings, land_batch_events=70))
    assert counts(summary) == (1_000, 0, 0)
    assert summary.batches == -(-1_000 // 70)
    lines = query(
        any_settings,
        "SELECT kafka_partition, from_offset, to_offset, read_count FROM raw_landing_batch ORDER BY ALL",
    )
    ends: dict[int, int] = {}
    for partition, start, end, read in lines:
        assert start == ends.get(partition, 0)
        assert read == end - start, "no transactions, no compaction: every offset is a record"
        ends[partition] = end
    assert sum(ends.values()) == 1_000
    stored = query(any_settings, "SELECT kafka_partition, next_offset FROM raw_landing_offset")
    assert dict(stored) == ends


def test_batches_shrink_when_messages_are_large(
    any_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.landing._BATCH_SHARE", 100)
    text = "x" * 500_000
    publish(any_settings, [payload(id=f"e-{n}", data={"colour": text}) for n in range(30)])
    summary = run(changed(any_settings, land_memory_mb=286))
    assert counts(summary) == (30, 0, 0)
    assert summary.batches == 5, "of three megabytes at the most, and the event that goes over"


def test_lands_the_largest_message_a_broker_takes_and_refuses_what_is_too_large(
    any_settings: Settings,
) -> None:
    large = payload(data={"colour": "x" * 900_000})
    send(any_settings, large, payload(id="small"), compression_type=None)
    assert counts(run(changed(any_settings, land_max_event_bytes=500_000))) == (1, 0, 1)
    assert query(any_settings, "SELECT reason_code, octet_length(payload) FROM raw_rejected_event") == [
        ("too_large", len(large))
    ]


def test_tells_the_group_how_far_it_is_even_when_nothing_is_new(kafka_settings: Settings) -> None:
    publish(kafka_settings, payloads(100))
    run(kafka_settings)
    partitions = [TopicPartition(kafka_settings.topic, n) for n in range(4)]
    with consumer(kafka_settings, group_id=landing_group(kafka_settings.topic)) as group:
        assert sum(group.committed(partition) for partition in partitions) == 100
        group.commit(dict.fromkeys(partitions, OffsetAndMetadata(0, "", -1)))
        run(kafka_settings)
    with consumer(kafka_settings, group_id=landing_group(kafka_settings.topic)) as group:
        assert sum(group.committed(partition) for partition in partitions) == 100


def test_what_the_group_says_does_not_matter(kafka_settings: Settings) -> None:
    publish(kafka_settings, payloads(100))
    partitions = [TopicPartition(kafka_settings.topic, n) for n in range(4)]
    with consumer(kafka_settings, group_id=landing_group(kafka_settings.topic)) as group:
        ends = group.end_offsets(partitions)
        group.commit({p: OffsetAndMetadata(end, "", -1) for p, end in ends.items()})
    assert counts(run(kafka_settings)) == (100, 0, 0)


def test_lands_only_what_transactions_have_committed(any_settings: Settings) -> None:
    ensure_topic(any_settings, any_settings.topic)
    first, second, third = (payloads(30)[n : n + 10] for n in (0, 10, 20))
    with producer(any_settings, transactional_id=any_settings.topic) as writer:
        writer.init_transactions()
        for values, end in ((first, writer.commit_transaction), (second, writer.abort_transaction)):
            writer.begin_transaction()
            for value in values:
                writer.send(any_settings.topic, value, key=b"C-1", partition=0)
            writer.flush()
            end()
        writer.begin_transaction()
        for value in third:
            writer.send(any_settings.topic, value, key=b"C-1", partition=0)
        writer.flush()
        assert counts(run(any_settings)) == (10, 0, 0)
        assert counts(run(any_settings)) == (0, 0, 0)
        writer.commit_transaction()
    assert counts(run(any_settings)) == (10, 0, 0)
    assert query(any_settings, "SELECT next_offset FROM raw_landing_offset WHERE kafka_partition = 0") == [
        (33,)
    ]
    assert query(any_settings, "SELECT sum(read_count) FROM raw_landing_batch") == [(20,)]


def test_lands_from_partitions_that_were_added(kafka_settings: Settings) -> None:
    publish(kafka_settings, payloads(50))
    run(kafka_settings)
    with admin(kafka_settings) as client:
        client.create_partitions({kafka_settings.topic: NewPartitions(6)})
    wait_for(lambda: len(partitions_of(kafka_settings)) == 6)
    send(kafka_settings, payload(id="new"), partition=5)
    assert counts(run(kafka_settings)) == (1, 0, 0)
    stored = query(kafka_settings, "SELECT next_offset FROM raw_landing_offset WHERE kafka_partition = 5")
    assert stored == [(1,)]


def test_a_topic_that_starts_late_is_landed_from_its_start(kafka_settings: Settings) -> None:
    send(kafka_settings, *payloads(20))
    delete_records(kafka_settings, 5)
    assert counts(run(kafka_settings)) == (15, 0, 0)


def delete_records(settings: Settings, before: int) -> None:
    with admin(settings) as client:
        client.delete_records({TopicPartition(settings.topic, 0): before})


def test_says_when_the_topic_is_missing(kafka_settings: Settings) -> None:
    with pytest.raises(ServiceUnavailable, match=f"no topic '{kafka_settings.topic}'"):
        run(kafka_settings)


def test_says_when_no_broker_answers(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        away = changed(settings, kafka_bootstrap_servers=address, kafka_timeout_seconds=1.0)
        with pytest.raises(ServiceUnavailable, match=f"Kafka at {address} does not answer"):
            run(away)


LOSSES = (
    "SELECT reason_code, kafka_partition, from_offset, to_offset, lost_count "
    "FROM raw_accepted_loss ORDER BY ALL"
)


def accept_loss(settings: Settings) -> LandingSummary:
    with open_live(settings, command="test") as connection:
        return land(connection, settings, accept_loss=True)


def test_refuses_a_topic_that_was_made_anew_until_told_to_start_over(kafka_settings: Settings) -> None:
    send(kafka_settings, *payloads(5))
    run(kafka_settings)
    recreate(changed(kafka_settings, topic_partitions=2))
    send(kafka_settings, *payloads(20))
    for _ in range(2):
        said = "partitions 0, 1, 2, 3: the topic was deleted and created again"
        with pytest.raises(WarehouseError, match=said) as caught:
            run(kafka_settings)
        assert "--accept-loss" in caught.value.remedy
        assert query(kafka_settings, "SELECT count(*) FROM raw_event") == [(5,)]
    assert query(kafka_settings, LOSSES) == []
    assert counts(accept_loss(kafka_settings)) == (15, 5, 0)
    assert query(kafka_settings, LOSSES) == [
        ("topic_made_anew", 0, 5, 0, None),
        *(("topic_made_anew", partition, 0, 0, None) for partition in (1, 2, 3)),
    ]
    assert counts(run(kafka_settings)) == (0, 0, 0)
    assert query(kafka_settings, "SELECT kafka_partition FROM raw_landing_offset ORDER BY 1") == [(0,), (1,)]


def recreate(settings: Settings) -> None:
    with admin(settings) as client:
        client.delete_topics([settings.topic])
        wait_for(lambda: client.describe_topics([settings.topic])[0]["error_code"] != 0)
    wait_for(lambda: can_create(settings))


def can_create(settings: Settings) -> bool:
    ensure_topic(settings, settings.topic)
    return bool(partitions_of(settings))


def test_refuses_a_log_that_ends_before_what_was_landed(kafka_settings: Settings) -> None:
    send(kafka_settings, *payloads(5))
    run(kafka_settings)
    with open_live(kafka_settings, command="test") as connection:
        connection.execute("UPDATE raw_landing_offset SET next_offset = 9 WHERE kafka_partition = 0")
    with pytest.raises(WarehouseError, match=r"partition 0: the log ends at offset 5, .* landed up to 9"):
        run(kafka_settings)
    assert counts(accept_loss(kafka_settings)) == (0, 5, 0)
    assert query(kafka_settings, LOSSES) == [("log_cut", 0, 9, 0, None)]


def test_counts_what_was_deleted_before_it_was_landed(kafka_settings: Settings) -> None:
    send(kafka_settings, *payloads(5))
    run(kafka_settings)
    send(kafka_settings, *payloads(40))
    delete_records(kafka_settings, 30)
    lost = r"25 records are lost.* partition 0: 25 records were deleted before they were landed"
    with pytest.raises(WarehouseError, match=lost):
        run(kafka_settings)
    assert query(kafka_settings, "SELECT count(*) FROM raw_event") == [(5,)]
    assert counts(accept_loss(kafka_settings)) == (15, 0, 0)
    assert query(kafka_settings, LOSSES) == [("deleted_before_landing", 0, 5, 30, 25)]
    assert query(kafka_settings, "SELECT accepted_by LIKE '%@%' FROM raw_accepted_loss") == [(True,)]
    assert counts(accept_loss(kafka_settings)) == (0, 0, 0)
    assert len(query(kafka_settings, LOSSES)) == 1, "there is nothing to accept any more"


def test_two_topics_land_into_one_warehouse(kafka_settings: Settings) -> None:
    other = changed(kafka_settings, topic=f"{kafka_settings.topic}-other")
    send(kafka_settings, *payloads(5))
    send(other, *payloads(8))
    assert counts(run(kafka_settings)) == (5, 0, 0)
    assert counts(run(other)) == (3, 5, 0)
    assert counts(run(kafka_settings)) == (0, 0, 0)
    stored = query(
        kafka_settings, "SELECT count(DISTINCT kafka_topic), sum(next_offset) FROM raw_landing_offset"
    )
    assert stored == [(2, 13)]


def test_payloads_are_kept_only_on_request(kafka_settings: Settings) -> None:
    send(kafka_settings, *payloads(3))
    run(changed(kafka_settings, keep_payload=False))
    assert query(kafka_settings, "SELECT count(*), count(payload) FROM raw_event") == [(3, 0)]


def test_seconds_of_every_stage_are_in_ledger_and_summary(kafka_settings: Settings) -> None:
    publish(kafka_settings, payloads(500))
    summary = run(kafka_settings)
    assert set(summary.seconds) == {"fetch", "parse", "write", "total"}
    assert all(value > 0 for value in summary.seconds.values())
    (line,) = query(
        kafka_settings,
        "SELECT DISTINCT fetch_seconds, parse_seconds, write_seconds, committed_at >= started_at, "
        "program_version FROM raw_landing_batch",
    )
    assert min(line[:3]) > 0
    assert line[3] is True
    assert json.dumps(summary.seconds)
