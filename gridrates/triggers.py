"""Airflow's side of waking up: a trigger that watches how far landing is behind the topic.

Reads the end offsets of the topic and the offsets that landing committed as a hint; writes nothing.
Guarantees that it neither returns nor raises: Airflow starts a trigger that returned again each second, and
one that raised in every loop, without a pause. An event is only a wake-up: what is landed is known to the
warehouse alone.

Airflow stores the class and its arguments. A running triggerer keeps the code it has imported, and one that
cannot make the class again stays silent until it is restarted. So it takes no arguments and reads its
settings where a mistake in them is only a probe that fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from gridrates.settings import Settings, load_settings
from gridrates.wake_up import Offsets, WakeUp

if TYPE_CHECKING:
    from kafka import KafkaConsumer

PAUSE_SECONDS = 0.4
LONGEST_PAUSE_SECONDS = 30
# Shorter than elsewhere: a triggerer that is told to stop waits for the probe that is under way.
PROBE_MILLISECONDS = 5000


class TopicLagTrigger(BaseEventTrigger):
    """Fires when landing is behind the topic of the settings, and again as `WakeUp` says."""

    _connection: tuple[Settings, KafkaConsumer] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow stores to make this trigger again."""
        return f"{__name__}.{type(self).__qualname__}", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Probe for ever; yield the end offsets whenever a landing is due."""
        wake, failures = None, 0
        while True:
            try:
                ends, landed = await asyncio.to_thread(self.probe)
                failures = 0
                wake = wake or _wake_up(load_settings())
                if wake.due(ends, landed, time.monotonic()):
                    yield _event(ends)
                pause = min(PAUSE_SECONDS, wake.seconds_to_settle(time.monotonic()))
            except Exception as error:
                failures += 1
                self.log.warning("The lag could not be read, %d times in a row: %s", failures, error)
                pause = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2 ** min(failures, 5))
                await asyncio.to_thread(self._drop)
            await asyncio.sleep(pause)

    async def cleanup(self) -> None:
        """Close the connection when the trigger is taken away."""
        await asyncio.to_thread(self._drop)

    def probe(self) -> tuple[Offsets, Offsets]:
        """The topic's end offsets and landing's hint, by partition; both empty when there is no topic yet.

        Raises ServiceUnavailable or KafkaError when there is no broker.
        """
        from kafka import TopicPartition

        settings, consumer = self._connected()
        numbers = consumer.partitions_for_topic(settings.topic) or ()
        partitions = [TopicPartition(settings.topic, number) for number in numbers]
        ends = consumer.end_offsets(partitions)
        landed = {each.partition: consumer.committed(each) or 0 for each in partitions}
        return {each.partition: ends[each] for each in partitions}, landed

    def _connected(self) -> tuple[Settings, KafkaConsumer]:
        from gridrates import kafka

        if self._connection is None:
            settings = load_settings()
            group = kafka.landing_group(settings.topic)
            bounds = {"bootstrap_timeout_ms": PROBE_MILLISECONDS, "request_timeout_ms": PROBE_MILLISECONDS}
            self._connection = settings, kafka.consumer(settings, group_id=group, **bounds)
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection[1].close()


def _wake_up(settings: Settings) -> WakeUp:
    return WakeUp(settings.wake_settle_seconds, settings.wake_refire_seconds)


def _event(ends: Offsets) -> TriggerEvent:
    payload = {"ends": {str(partition): end for partition, end in sorted(ends.items())}}
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
