"""Sends published rates to the topic `rates_topic`, one event a row of `daily_rates`.

Reads the published file; writes to that topic, which is created compacted: of each business date, level, code
and kind of work it keeps the latest figures, and a restated figure follows under the same key. Sending a date
again does no harm, since its events have the ids of the generation they come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from gridrates.errors import ServiceUnavailable
from gridrates.kafka import ensure_topic
from gridrates.published_client import open_published
from gridrates.settings import Settings
from producers.publisher import Publisher

QUERY = Path(__file__).with_suffix(".sql")
PORTION_ROWS = 5_000


def send_published_rates(settings: Settings, dates: Iterable[date]) -> int:
    """Send the rows of `dates` as they are published now; returns how many, 0 without a `rates_topic`.

    Raises WarehouseError (nothing is published) or ServiceUnavailable (Kafka is away, or refused a row).
    """
    if not settings.rates_topic:
        return 0
    with open_published(settings) as connection:
        rows = connection.execute(QUERY.read_text(encoding="utf-8"), {"dates": sorted(set(dates))})
        ensure_topic(settings, settings.rates_topic, compacted=True)
        with Publisher(settings, settings.rates_topic) as publisher:
            while portion := rows.fetchmany(PORTION_ROWS):
                publisher.publish([(key.encode(), event.encode()) for key, event in portion])
    if refused := publisher.refused():
        raise ServiceUnavailable(
            f"Kafka did not take {len(refused)} figures: {refused[0].reason}.",
            remedy="Mend what it says, then send the dates again with `gridrates produce rates`.",
        )
    return publisher.counts.acknowledged
