"""The courier with a real broker: every event's fate is told, and it comes back by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from deploy import local_kafka
from gridrates.errors import ServiceUnavailable
from gridrates.settings import Settings
from producers import publisher as publisher_module
from producers.gateway import courier as courier_module
from producers.gateway.courier import Busy, Courier
from tests.integration.producers.topics import pairs_of, records

Pairs = list[tuple[bytes, bytes]]


def some(count: int, prefix: str = "e", size: int = 50) -> Pairs:
    return [(b"case-%d" % (n % 7), f"{prefix}-{n} ".encode().ljust(size, b"x")) for n in range(count)]


@pytest.fixture
def courier(kafka_settings: Settings) -> Iterator[Courier]:
    started = Courier(kafka_settings)
    started.start()
    yield started
    started.close()


@pytest.fixture
def broker_pid(broker: local_kafka.Broker) -> Iterator[int]:
    yield broker.pid
    os.kill(broker.pid, signal.SIGCONT)


def landed(settings: Settings) -> list[bytes]:
    return [value for _, value in pairs_of(records(settings, settings.topic))]


def test_what_is_delivered_is_on_the_topic(kafka_settings: Settings, courier: Courier) -> None:
    assert asyncio.run(courier.deliver(some(100))) == []
    assert sorted(landed(kafka_settings)) == sorted(value for _, value in some(100))


def test_requests_at_once_are_each_told_their_own(kafka_settings: Settings, courier: Courier) -> None:
    async def all_at_once() -> list[list[int]]:
        good, bad = some(3), (b"large", b"x" * 2_000_000)
        wanted = [[*good, bad], good, [bad], [bad, *good, bad], good]
        told = await asyncio.gather(*(courier.deliver(pairs) for pairs in wanted))
        return [sorted(refused.origin for refused in one) for one in told]

    assert asyncio.run(all_at_once()) == [[3], [], [0], [0, 4], []]
    assert len(landed(kafka_settings)) == 12


def test_many_requests_share_deliveries(kafka_settings: Settings, courier: Courier) -> None:
    async def many() -> float:
        started = time.monotonic()
        await asyncio.gather(*(courier.deliver(some(1, f"r{n}")) for n in range(2000)))
        return time.monotonic() - started

    assert asyncio.run(many()) < 10, "one acknowledgement each would take far longer"
    assert len(landed(kafka_settings)) == 2000


def test_order_of_a_key_is_the_order_of_the_requests(kafka_settings: Settings, courier: Courier) -> None:
    async def in_turn() -> None:
        await asyncio.gather(*(courier.deliver([(b"case", b"%d" % n)]) for n in range(500)))

    asyncio.run(in_turn())
    assert landed(kafka_settings) == [b"%d" % n for n in range(500)]


def test_a_slow_broker_is_told_and_the_events_may_still_arrive(
    kafka_settings: Settings, broker_pid: int
) -> None:
    courier = Courier(kafka_settings, patience_seconds=0.5)
    courier.start()
    asyncio.run(courier.deliver(some(1)))
    os.kill(broker_pid, signal.SIGSTOP)
    with pytest.raises(Busy, match="did not acknowledge in time") as caught:
        asyncio.run(courier.deliver(some(5, "late")))
    assert caught.value.seconds > 0
    os.kill(broker_pid, signal.SIGCONT)
    courier.close()
    assert len(landed(kafka_settings)) == 6


def test_what_waits_is_bounded(
    kafka_settings: Settings, broker_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "MOST_WAITING_BYTES", 100_000)
    courier = Courier(kafka_settings, patience_seconds=1)
    courier.start()

    async def flood() -> list[str]:
        os.kill(broker_pid, signal.SIGSTOP)
        told = await asyncio.gather(
            *(courier.deliver(some(100, size=300)) for _ in range(20)), return_exceptions=True
        )
        return [str(one) for one in told]

    told = asyncio.run(flood())
    os.kill(broker_pid, signal.SIGCONT)
    assert told.count("too many events wait for Kafka") == 17
    assert told.count("Kafka did not acknowledge in time") == 3
    courier.close()


def test_after_an_outage_it_comes_back_by_itself(
    kafka_settings: Settings, broker_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "PATIENCE", 2)
    monkeypatch.setattr(courier_module, "RETRY_SECONDS", 0.1)
    settings = kafka_settings.model_copy(update={"kafka_timeout_seconds": 0.5})
    courier = Courier(settings, patience_seconds=10)
    courier.start()
    assert asyncio.run(courier.deliver(some(10, "before"))) == []
    os.kill(broker_pid, signal.SIGSTOP)
    refused = asyncio.run(courier.deliver(some(10, "during")))
    assert [one.origin for one in sorted(refused, key=lambda one: one.origin)] == list(range(10))
    assert not any(one.is_of_the_event for one in refused)
    assert not courier.is_connected
    with pytest.raises(Busy, match="Kafka takes no events"):
        asyncio.run(courier.deliver(some(1)))
    os.kill(broker_pid, signal.SIGCONT)
    until = time.monotonic() + 30
    while not courier.is_connected and time.monotonic() < until:
        time.sleep(0.05)
    assert asyncio.run(courier.deliver(some(10, "after"))) == []
    courier.close()
    found = landed(kafka_settings)
    assert {value for value in found if value.startswith((b"before", b"after"))} == {
        value for _, value in some(10, "before") + some(10, "after")
    }


def test_closing_in_an_outage_ends(
    kafka_settings: Settings, broker_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "PATIENCE", 2)
    settings = kafka_settings.model_copy(update={"kafka_timeout_seconds": 0.5})
    courier = Courier(settings, patience_seconds=10)
    courier.start()
    os.kill(broker_pid, signal.SIGSTOP)
    asyncio.run(courier.deliver(some(3)))
    started = time.monotonic()
    courier.close()
    assert time.monotonic() - started < 10
    assert not [thread for thread in threading.enumerate() if thread.name == "courier"]


def test_a_broker_that_is_away_at_the_start_is_a_clear_error(kafka_settings: Settings) -> None:
    settings = kafka_settings.model_copy(
        update={"kafka_bootstrap_servers": "127.0.0.1:9", "kafka_timeout_seconds": 0.5}
    )
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        Courier(settings).start()
