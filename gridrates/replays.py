"""Sending again: dead letters once they are mended.

Reads the live file, whose lock is held meanwhile; writes to the topic, and notes in the live file what was
acknowledged. Events carry their ids, so that what is sent twice is landed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gridrates.settings import Settings
from producers.publisher import Publisher
from warehouse.dead_letters import Pair, Replay, Send, Which, replay
from warehouse.live import open_live
from warehouse.mending import Mending


def replay_dead_letters(
    settings: Settings, which: Which, *, mending: Mending | None = None, note: str | None = None
) -> Replay:
    """Mend open dead letters and send those that are good now to the topic; the next landing takes them.

    Raises WarehouseError (another writer), InputError (an id there is not, an expression that cannot be
    understood), ServiceUnavailable (the broker is away). What was sent before is noted.
    """
    with (
        open_live(settings, command="gridrates dead-letters replay") as connection,
        Publisher(settings, settings.topic) as publisher,
    ):
        return replay(connection, settings, which, send=_sender(publisher), mending=mending, note=note)


def try_dead_letters(settings: Settings, which: Which, *, mending: Mending | None = None) -> Replay:
    """What `replay_dead_letters` would send. Sends and notes nothing."""
    with open_live(settings, command="gridrates dead-letters replay --dry-run") as connection:
        return replay(connection, settings, which, send=None, mending=mending)


def _sender(publisher: Publisher) -> Send:
    """Publish, wait for every acknowledgement, and say what was refused."""

    def send(pairs: Sequence[Pair]) -> Mapping[int, str]:
        publisher.publish(pairs, origins=range(len(pairs)))
        publisher.flush()
        return {refused.origin: refused.reason for refused in publisher.refused()}

    return send
