"""The publisher with a real broker: nothing lost, doubled or reordered, and nothing left unsaid."""

from __future__ import annotations

import gc
import logging
import os
import random
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource
from kafka.errors import KafkaTimeoutError

from deploy import local_kafka
from gridrates.errors import ServiceUnavailable
from gridrates.kafka import admin, ensure_topic, largest_message, producer
from gridrates.settings import Settings
from producers import publisher as publisher_module
from producers.bulk import BATCH_BYTES, missing_parts
from producers.deliveries import Refused
from producers.publisher import Publisher
from tests.integration.producers.topics import by_key, pairs_of, partition_count, records

Pairs = list[tuple[bytes, bytes]]


def some_pairs(count: int, *, keys: int = 100, size: int = 300, seed: int = 7) -> Pairs:
    """Events whose values are numbered in the order they are sent."""
    chance = random.Random(seed)
    return [
        (b"case-%d" % chance.randrange(keys), (b"%d " % number).ljust(chance.randrange(10, size), b"x"))
        for number in range(count)
    ]


def sent(settings: Settings, pairs: Pairs, *, portion: int = 1000, bulk: bool = True) -> list[Refused]:
    with Publisher(settings, settings.topic, bulk=bulk) as publisher:
        assert publisher.is_bulk == bulk
        for start in range(0, len(pairs), portion):
            publisher.publish(pairs[start : start + portion])
    assert publisher.counts.given == len(pairs)
    assert (publisher.counts.waiting, publisher.waiting_bytes) == (0, 0)
    return publisher.refused()


@pytest.fixture
def broker_pid(broker: local_kafka.Broker) -> Iterator[int]:
    """The broker's process; set going again at the end, whatever the test did."""
    yield broker.pid
    os.kill(broker.pid, signal.SIGCONT)


@pytest.mark.parametrize("bulk", [True, False])
def test_everything_arrives_once_and_in_order_of_its_key(kafka_settings: Settings, bulk: bool) -> None:
    pairs = some_pairs(20_000)
    assert sent(kafka_settings, pairs, bulk=bulk) == []
    found = pairs_of(records(kafka_settings, kafka_settings.topic))
    assert len(found) == len(pairs)
    assert by_key(found) == by_key(pairs)


def test_the_partition_is_the_one_a_plain_send_chooses(kafka_settings: Settings) -> None:
    other = kafka_settings.model_copy(update={"topic": f"{kafka_settings.topic}-plain"})
    pairs = some_pairs(3000, keys=1500)
    sent(kafka_settings, pairs)
    ensure_topic(other, other.topic)
    plain = producer(other)
    for key, value in pairs:
        plain.send(other.topic, key=key, value=value)
    plain.close()
    by_bulk, by_send = records(kafka_settings, kafka_settings.topic), records(other, other.topic)
    assert {number: len(found) for number, found in by_bulk.items()}.keys() == {0, 1, 2, 3}
    assert by_bulk == by_send


def test_single_events_and_odd_ones(kafka_settings: Settings) -> None:
    pairs = [(b"a", b""), ("案件".encode(), "值".encode()), (b"b" * 500, b"\x00\xff"), (b"c", b"z" * 900_000)]
    assert sent(kafka_settings, pairs, portion=1) == []
    assert sorted(pairs_of(records(kafka_settings, kafka_settings.topic))) == sorted(pairs)


def test_no_events(kafka_settings: Settings) -> None:
    assert sent(kafka_settings, []) == []
    with Publisher(kafka_settings, kafka_settings.topic) as publisher:
        publisher.publish([])
        publisher.flush()
    assert publisher.counts.given == 0


def test_flush_waits_for_every_acknowledgement(kafka_settings: Settings) -> None:
    with Publisher(kafka_settings, kafka_settings.topic) as publisher:
        publisher.publish(some_pairs(5000))
        publisher.flush()
        assert publisher.counts.acknowledged == 5000
        assert len(pairs_of(records(kafka_settings, kafka_settings.topic))) == 5000


def test_the_topic_is_created_as_the_settings_say(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"topic_partitions": 3})
    sent(settings, some_pairs(10))
    assert partition_count(settings, settings.topic) == 3


def test_a_topic_that_is_there_is_left_as_it_is(kafka_settings: Settings) -> None:
    ensure_topic(kafka_settings.model_copy(update={"topic_partitions": 7}), kafka_settings.topic)
    ensure_topic(kafka_settings, kafka_settings.topic)
    sent(kafka_settings, some_pairs(500))
    assert partition_count(kafka_settings, kafka_settings.topic) == 7
    assert len(records(kafka_settings, kafka_settings.topic)) == 7


def test_two_may_create_a_topic_at_once(kafka_settings: Settings) -> None:
    failures: list[BaseException] = []

    def create() -> None:
        try:
            ensure_topic(kafka_settings, kafka_settings.topic)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert partition_count(kafka_settings, kafka_settings.topic) == 4


def test_a_topic_that_cannot_be_created_is_told_with_kafkas_reason(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"replication_factor": 3})
    with pytest.raises(ServiceUnavailable, match=r"only 1 broker\(s\) are registered\. Create it by hand"):
        Publisher(settings, settings.topic).open()


@pytest.mark.parametrize("bulk", [True, False])
def test_an_event_too_large_is_refused_alone(kafka_settings: Settings, bulk: bool) -> None:
    pairs = some_pairs(2000)
    pairs[700] = (b"large", b"x" * 1_100_000)
    pairs[1500] = (b"larger", b"x" * 5_000_000)
    refused = sent(kafka_settings, pairs, bulk=bulk)
    assert [(r.origin, r.key, len(r.value), r.is_certain) for r in refused] == [
        (700, b"large", 1_100_000, True),
        (1500, b"larger", 5_000_000, True),
    ]
    assert "1,100,005 bytes" in refused[0].reason and kafka_settings.topic in refused[0].reason
    rest = [pair for place, pair in enumerate(pairs) if place not in (700, 1500)]
    assert by_key(pairs_of(records(kafka_settings, kafka_settings.topic))) == by_key(rest)


def test_the_largest_event_that_fits_is_taken(kafka_settings: Settings) -> None:
    incompressible = random.Random(1).randbytes(2_000_000)
    with Publisher(kafka_settings, kafka_settings.topic) as publisher:
        most = publisher._largest_event
        publisher.publish([(b"k", incompressible[: most - 1]), (b"k", incompressible[:most])])
    assert [r.origin for r in publisher.refused()] == [1]
    assert publisher.counts.acknowledged == 1


def set_largest_message(settings: Settings, size: int) -> None:
    client = admin(settings)
    client.alter_configs([ConfigResource("TOPIC", settings.topic, {"max.message.bytes": str(size)})])
    client.close()
    for _ in range(100):
        if largest_message(settings, settings.topic) == size:
            return
        time.sleep(0.05)
    raise AssertionError("the broker did not take the new limit")


def test_a_topic_with_a_low_limit_gets_small_batches(kafka_settings: Settings) -> None:
    ensure_topic(kafka_settings, kafka_settings.topic)
    set_largest_message(kafka_settings, 20_000)
    chance = random.Random(3)
    pairs = [(b"c-%d" % (n % 9), chance.randbytes(chance.randrange(100, 21_000))) for n in range(300)]
    refused = sent(kafka_settings, pairs)
    too_large = [n for n, (key, value) in enumerate(pairs) if len(key) + len(value) > 20_000 - 21 - 61]
    assert [r.origin for r in refused] == too_large and too_large
    rest = [pair for place, pair in enumerate(pairs) if place not in too_large]
    assert by_key(pairs_of(records(kafka_settings, kafka_settings.topic))) == by_key(rest)


def test_batches_that_become_too_large_on_the_way_are_split(
    kafka_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """The limit is lowered after the publisher has asked: kafka-python splits, no event is lost."""
    caplog.set_level(logging.WARNING, "kafka")
    chance = random.Random(4)
    pairs = [(b"c-%d" % (n % 9), chance.randbytes(900)) for n in range(2000)]
    with Publisher(kafka_settings, kafka_settings.topic) as publisher:
        publisher.publish(pairs[:10])
        publisher.flush()
        set_largest_message(kafka_settings, 60_000)
        publisher.publish(pairs[10:])
    assert "splitting batch" in caplog.text
    assert publisher.counts.acknowledged == 2000
    assert by_key(pairs_of(records(kafka_settings, kafka_settings.topic))) == by_key(pairs)


def test_events_keep_the_names_the_caller_gave_them(kafka_settings: Settings) -> None:
    with Publisher(kafka_settings, kafka_settings.topic) as publisher:
        publisher.publish([(b"a", b"1"), (b"b", b"x" * 2_000_000)], origins=[17, 23])
        publisher.publish([(b"c", b"x" * 2_000_000)], origins=[99])
    assert [r.origin for r in publisher.refused()] == [23, 99]


def test_memory_stays_bounded(kafka_settings: Settings, broker_pid: int) -> None:
    """The broker stands still: what waits never takes more than it may, and publish waits."""
    seen: list[int] = []
    pairs = some_pairs(20_000, size=200)
    with Publisher(kafka_settings, kafka_settings.topic, most_waiting_bytes=300_000) as publisher:
        publisher.publish(pairs[:10])
        publisher.flush()
        os.kill(broker_pid, signal.SIGSTOP)
        timer = threading.Timer(1.5, os.kill, (broker_pid, signal.SIGCONT))
        timer.start()
        watcher = threading.Thread(target=lambda: seen.extend(_watched(publisher, 1.2)))
        watcher.start()
        started = time.monotonic()
        publisher.publish(pairs[10:])
        waited = time.monotonic() - started
        watcher.join()
        timer.join()
    assert max(seen) <= 300_000 and max(seen) > 0
    assert waited > 1
    assert publisher.counts.acknowledged == 20_000


def _watched(publisher: Publisher, seconds: float) -> Iterator[int]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield publisher.waiting_bytes
        time.sleep(0.005)


@pytest.mark.full
def test_many_events_take_no_more_memory_than_few(kafka_settings: Settings) -> None:
    pairs = some_pairs(5000, size=400)
    with Publisher(kafka_settings, kafka_settings.topic, most_waiting_bytes=4_000_000) as publisher:
        for _ in range(20):
            publisher.publish(pairs)
        publisher.flush()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(80):
            publisher.publish(pairs)
        publisher.flush()
        gc.collect()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert publisher.counts.acknowledged == 500_000
    assert grown < 20 * 1024, f"{grown} KiB more after four times as many events"


def test_a_broker_that_stands_still_loses_doubles_and_reorders_nothing(
    kafka_settings: Settings, broker_pid: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Three stops of several request time-outs: batches are sent again, and known as the same."""
    caplog.set_level(logging.WARNING, "kafka")
    settings = kafka_settings.model_copy(update={"kafka_timeout_seconds": 1.0})
    pairs = some_pairs(120_000, keys=500)
    with Publisher(settings, settings.topic, most_waiting_bytes=2_000_000) as publisher:
        for start in range(0, len(pairs), 2000):
            if start in (20_000, 60_000, 100_000):
                os.kill(broker_pid, signal.SIGSTOP)
                threading.Timer(2.5, os.kill, (broker_pid, signal.SIGCONT)).start()
            publisher.publish(pairs[start : start + 2000])
    assert publisher.refused() == []
    assert "retrying" in caplog.text, "the stops were too short to matter"
    found = pairs_of(records(kafka_settings, settings.topic))
    assert len(found) == len(pairs)
    assert by_key(found) == by_key(pairs)


@pytest.mark.full
def test_a_broker_that_is_killed_and_started_again_loses_doubles_and_reorders_nothing(
    tmp_path: Path,
) -> None:
    home = tmp_path / "own-broker"
    own = local_kafka.start(home)
    try:
        settings = Settings(
            home=home, kafka_bootstrap_servers=own.bootstrap_servers, kafka_timeout_seconds=5.0
        )
        pairs = some_pairs(150_000, keys=500)
        with Publisher(settings, settings.topic, most_waiting_bytes=2_000_000) as publisher:
            for start in range(0, len(pairs), 2000):
                if start in (40_000, 100_000):
                    os.kill(local_kafka.start(home).pid, signal.SIGKILL)
                    threading.Timer(1.0, local_kafka.start, (home,)).start()
                publisher.publish(pairs[start : start + 2000])
        assert publisher.refused() == []
        found = pairs_of(records(settings, settings.topic))
        assert len(found) == len(pairs)
        assert by_key(found) == by_key(pairs)
    finally:
        local_kafka.stop(home)


def test_a_broker_that_stays_away_ends_it_with_every_event_told(
    kafka_settings: Settings, broker_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "PATIENCE", 4)
    settings = kafka_settings.model_copy(update={"kafka_timeout_seconds": 0.5})
    pairs = some_pairs(50_000)
    publisher = Publisher(settings, settings.topic, most_waiting_bytes=1_000_000)
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable, match="stopped taking events") as caught, publisher:
        publisher.publish(pairs[:1000])
        publisher.flush()
        os.kill(broker_pid, signal.SIGSTOP)
        publisher.publish(pairs[1000:])
    assert time.monotonic() - started < 20
    assert "1,000 acknowledged, 49,000 not" in str(caught.value)
    assert "run the same command again" in caught.value.remedy
    refused = publisher.refused()
    assert [r.origin for r in sorted(refused, key=lambda r: r.origin)] == list(range(1000, 50_000))
    assert {r.is_certain for r in refused} == {True, False}, "some were on their way, most never left"
    assert publisher.counts.waiting == 0


def test_stopping_while_the_broker_stands_still_takes_one_time_out(
    kafka_settings: Settings, broker_pid: int
) -> None:
    settings = kafka_settings.model_copy(update={"kafka_timeout_seconds": 1.0})
    publisher = Publisher(settings, settings.topic, most_waiting_bytes=500_000)
    publisher.open()
    publisher.publish(some_pairs(10))
    publisher.flush()
    os.kill(broker_pid, signal.SIGSTOP)
    threading.Timer(0.3, publisher.stop).start()
    started = time.monotonic()
    publisher.publish(some_pairs(10_000))
    publisher.close()
    assert time.monotonic() - started < 6
    refused = publisher.refused()
    assert len(refused) == 10_000
    assert any(r.reason == "not sent: the publisher was stopped" for r in refused)
    assert sum(not r.is_certain for r in refused) >= 1


def test_an_error_in_the_block_still_sends_what_was_published(kafka_settings: Settings) -> None:
    publisher = Publisher(kafka_settings, kafka_settings.topic)
    with pytest.raises(ZeroDivisionError), publisher:
        publisher.publish(some_pairs(3000))
        raise ZeroDivisionError
    assert publisher.counts.acknowledged == 3000


def test_closing_twice_does_nothing(kafka_settings: Settings) -> None:
    with Publisher(kafka_settings, kafka_settings.topic) as publisher:
        publisher.publish(some_pairs(10))
    publisher.close()
    assert publisher.counts.acknowledged == 10


def test_no_thread_is_left_behind(kafka_settings: Settings) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    sent(kafka_settings, some_pairs(100))
    deadline = time.monotonic() + 5
    while (left := {t.ident for t in threading.enumerate()} - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == set()


@pytest.mark.parametrize("bulk", [True, False])
def test_a_broker_that_stops_before_the_first_event(
    kafka_settings: Settings, broker_pid: int, bulk: bool
) -> None:
    settings = kafka_settings.model_copy(update={"kafka_timeout_seconds": 0.5})
    publisher = Publisher(settings, settings.topic, bulk=bulk)
    publisher.open()
    os.kill(broker_pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable, match="stopped taking events"):
        publisher.publish(some_pairs(10))
    publisher.close()
    assert time.monotonic() - started < 5
    assert len(publisher.refused()) == 10


@pytest.mark.full
def test_a_topic_deleted_on_the_way(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(update={"kafka_timeout_seconds": 1.0})
    publisher = Publisher(settings, settings.topic)
    publisher.open()
    publisher.publish(some_pairs(1000))
    publisher.flush()
    client = admin(settings)
    client.delete_topics([settings.topic])
    client.close()
    with pytest.raises(ServiceUnavailable, match="1,000 acknowledged, 1,000 not"):
        publisher.publish(some_pairs(1000))
        publisher.flush()
    publisher.close()
    assert len(publisher.refused()) == 1000


def test_a_broker_that_is_away_is_a_clear_error(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(
        update={"kafka_bootstrap_servers": "127.0.0.1:9", "kafka_timeout_seconds": 0.5}
    )
    with pytest.raises(ServiceUnavailable, match=r"Kafka at 127\.0\.0\.1:9 does not answer"):
        Publisher(settings, settings.topic).open()


def test_kafka_python_has_the_insides_the_bulk_way_uses(kafka_settings: Settings) -> None:
    """Canary: when a new version fails here, `producers.bulk` needs a look before the pin is moved."""
    client = producer(kafka_settings)
    try:
        assert missing_parts(client) == []
    finally:
        client.close()


@pytest.mark.parametrize("lost", ["_accumulator", "_sender", "partitions_for"])
def test_without_these_insides_events_go_one_by_one(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lost: str
) -> None:
    class Hidden:
        """A producer of another version: one of its attributes has gone."""

        def __init__(self, real: Any) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            if name == lost:
                raise AttributeError(name)
            return getattr(self._real, name)

    def other_version(*arguments: Any, **options: Any) -> Hidden:
        return Hidden(producer(*arguments, **options))

    monkeypatch.setattr(publisher_module, "producer", other_version)
    pairs = some_pairs(300)
    with caplog.at_level(logging.WARNING), Publisher(kafka_settings, kafka_settings.topic) as publisher:
        assert not publisher.is_bulk
        publisher.publish(pairs)
    assert f"Hidden.{lost}" in caplog.text
    assert by_key(pairs_of(records(kafka_settings, kafka_settings.topic))) == by_key(pairs)


def test_batches_fill_up_to_their_size(kafka_settings: Settings) -> None:
    """Canary: a batch we queue is sent as it is, neither appended to nor divided."""
    settings = kafka_settings.model_copy(update={"topic_partitions": 1})
    pairs = [(b"k", random.Random(5).randbytes(1000))] * 600
    with Publisher(settings, settings.topic) as publisher:
        publisher.publish(pairs)
        publisher.flush()
        metrics = publisher._producer.metrics()["producer-metrics"]
    assert metrics["records-per-request-avg"] * 1000 <= BATCH_BYTES
    assert metrics["record-retry-rate"] == 0


def test_a_timeout_counts_as_an_outage() -> None:
    """What the publisher tells apart: the error of an event, and everything else."""
    from producers.deliveries import Deliveries

    deliveries = Deliveries()
    deliveries.give(1)
    deliveries.refuse([(b"", b"")], [0], lambda _: KafkaTimeoutError())
    assert isinstance(deliveries.outage, KafkaTimeoutError)
