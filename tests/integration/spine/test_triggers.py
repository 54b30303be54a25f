"""The trigger at a real broker: it fires when landing is behind, and nothing makes it return or raise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest

from gridrates import kafka, triggers
from gridrates.settings import Settings
from gridrates.triggers import TopicLagTrigger

Scenario = Callable[[AsyncIterator[Any]], Awaitable[None]]


@pytest.fixture
def environment(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings a triggerer would read; quick probes."""
    for name in ("kafka_bootstrap_servers", "topic"):
        monkeypatch.setenv(f"GRIDRATES_{name.upper()}", str(getattr(kafka_settings, name)))
    monkeypatch.setenv("GRIDRATES_WAKE_SETTLE_SECONDS", "0.2")
    monkeypatch.setattr(triggers, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(triggers, "LONGEST_PAUSE_SECONDS", 0.2)
    return kafka_settings


def watch(scenario: Scenario) -> None:
    """Run a scenario over a new trigger's events."""

    async def run() -> None:
        trigger = TopicLagTrigger()  # type: ignore[no-untyped-call]
        events = trigger.run()
        try:
            await scenario(events)
        finally:
            await trigger.cleanup()

    asyncio.run(run())


async def next_event(events: AsyncIterator[Any]) -> Any:
    async with asyncio.timeout(20):
        return (await anext(events)).payload


async def no_event(events: AsyncIterator[Any]) -> None:
    """Nothing comes for a while. The generator is finished by this."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await anext(events)


def produce(settings: Settings, count: int) -> None:
    with kafka.producer(settings) as producer:
        for number in range(count):
            producer.send(settings.topic, b"{}", partition=number % 2).get(timeout=20)


def commit(settings: Settings, offsets: dict[int, int]) -> None:
    """Say how far landing came, as landing does."""
    from kafka import TopicPartition
    from kafka.structs import OffsetAndMetadata

    with kafka.consumer(settings, group_id=kafka.landing_group(settings.topic)) as consumer:
        consumer.commit(
            {TopicPartition(settings.topic, p): OffsetAndMetadata(o, "", -1) for p, o in offsets.items()}
        )


def test_it_fires_when_landing_is_behind_and_rests_when_it_caught_up(environment: Settings) -> None:
    kafka.ensure_topic(environment, environment.topic)
    produce(environment, 3)

    async def scenario(events: AsyncIterator[Any]) -> None:
        assert await next_event(events) == {"ends": {"0": 2, "1": 1, "2": 0, "3": 0}}
        await asyncio.to_thread(commit, environment, {0: 2, 1: 1})
        await no_event(events)

    watch(scenario)


def test_after_a_landing_it_fires_for_what_came_later(environment: Settings) -> None:
    kafka.ensure_topic(environment, environment.topic)
    produce(environment, 2)

    async def scenario(events: AsyncIterator[Any]) -> None:
        assert (await next_event(events))["ends"]["0"] == 1
        await asyncio.to_thread(commit, environment, {0: 1, 1: 1})
        await asyncio.to_thread(produce, environment, 1)
        assert (await next_event(events))["ends"]["0"] == 2

    watch(scenario)


def test_a_missing_topic_is_waited_for_and_not_created(environment: Settings) -> None:
    async def scenario(events: AsyncIterator[Any]) -> None:
        waiting = asyncio.ensure_future(next_event(events))
        await asyncio.sleep(1)
        with kafka.admin(environment) as admin:
            assert environment.topic not in admin.list_topics()
        await asyncio.to_thread(kafka.ensure_topic, environment, environment.topic)
        await asyncio.to_thread(produce, environment, 1)
        assert (await waiting)["ends"]["0"] == 1

    watch(scenario)


@pytest.mark.parametrize(
    "variable", [("GRIDRATES_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9"), ("GRIDRATES_TOPIC_PARTITIONS", "many")]
)
def test_what_is_wrong_at_first_may_be_mended_meanwhile(
    environment: Settings, monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]
) -> None:
    """Neither a broker that is away nor wrong settings end the trigger: nobody would start it again."""
    kafka.ensure_topic(environment, environment.topic)
    produce(environment, 1)
    monkeypatch.setattr(triggers, "PROBE_MILLISECONDS", 1000)

    async def scenario(events: AsyncIterator[Any]) -> None:
        with monkeypatch.context() as wrong:
            wrong.setenv(*variable)
            waiting = asyncio.ensure_future(next_event(events))
            await asyncio.sleep(1.5)
            assert not waiting.done()
        assert (await waiting)["ends"]["0"] == 1

    watch(scenario)


def test_airflow_can_make_it_again_from_what_it_stores() -> None:
    path, arguments = TopicLagTrigger().serialize()  # type: ignore[no-untyped-call]
    module, _, name = path.rpartition(".")
    assert isinstance(getattr(import_module(module), name)(**arguments), TopicLagTrigger)
    assert arguments == {}, "arguments that change leave watchers behind that cannot be made again"
