"""Doing it again: mended dead letters, what was landed read anew, what was landed sent to a topic.

Reads and writes the live file, whose lock is held meanwhile; writes to topics. Events carry their ids, so
that what is sent twice is landed once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridrates.pipeline import PassSummary, Watch, open_pass
from gridrates.settings import Settings
from producers.publisher import Publisher
from warehouse.dead_letters import Pair, Replay, Send, Which, replay
from warehouse.live import open_live
from warehouse.mending import Mending
from warehouse.rereading import Rereading, Span, count_without_payload, payloads, reread


@dataclass(frozen=True)
class Resent:
    """What went to a topic: events `sent`, `refused` by Kafka, and those whose payload was not kept."""

    sent: int
    refused: int
    without_payload: int


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


def rebuild(
    settings: Settings, span: Span, *, watch: Watch = lambda _: None
) -> tuple[Rereading, PassSummary]:
    """Read the kept payloads of a span under the contract of today, then make everything that is derived
    anew, check it and publish it. Nothing is landed.

    Raises what a pass raises; dates that were held back are in the summary.
    """
    with open_pass(settings, "gridrates replay", watch=watch) as this:
        watch("reread")
        rereading = reread(this.connection, settings, span)
        folded = this.fold(full=True)
        this.summary.folded_cases, this.summary.is_full = folded.cases, folded.is_full
        dates = this.due_dates()
        this.summary.computed = this.compute(dates).dates
        this.check_marts(dates)
        this.summary.publication = this.publish()
    return rereading, this.summary


def resend(settings: Settings, span: Span, topic: str) -> Resent:
    """Send the kept payloads of a span to a topic, in the order they were landed, under their subjects.

    Raises ServiceUnavailable when the broker is away.
    """
    with open_live(settings, command="gridrates replay --topic") as connection:
        with Publisher(settings, topic) as publisher:
            for table in payloads(connection, settings, span):
                texts = zip(table["subject_id"].to_pylist(), table["payload"].to_pylist(), strict=True)
                publisher.publish([(subject.encode(), payload.encode()) for subject, payload in texts])
        counts = publisher.counts
        without = count_without_payload(connection, settings, span)
        return Resent(counts.acknowledged, counts.refused, without)


def _sender(publisher: Publisher) -> Send:
    """Publish, wait for every acknowledgement, and say what was refused."""

    def send(pairs: Sequence[Pair]) -> Mapping[int, str]:
        publisher.publish(pairs, origins=range(len(pairs)))
        publisher.flush()
        return {refused.origin: refused.reason for refused in publisher.refused()}

    return send
