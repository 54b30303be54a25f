"""Sends exports to Kafka: the import with a publisher behind it.

Reads CSV files, writes to the topic of the settings and to rejects files. Guarantees that what it says was
acknowledged is on the topic; SIGTERM and Ctrl-C end it after the rows at hand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrates.errors import GridratesError
from gridrates.kafka import topic_identity
from gridrates.settings import Settings
from producers.csv_export.importing import ImportSummary, import_exports, rejects_beside
from producers.csv_export.memory import Memory
from producers.deliveries import Refused
from producers.mapping import Mapping
from producers.publisher import Publisher
from producers.stopping import StopSwitch


@dataclass(frozen=True)
class Sent:
    """What became of the rows, and of their events: `acknowledged` of them are on the topic.

    `signal_number` and `failure` say why the end was not reached, if it was not.
    """

    summary: ImportSummary
    acknowledged: int
    refused: list[Refused]
    signal_number: int | None = None
    failure: GridratesError | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return self.summary.as_json() | {
            "acknowledged": self.acknowledged,
            "refused": len(self.refused),
            "is_complete": self.signal_number is None and self.failure is None,
        }


def send_exports(
    settings: Settings,
    paths: Sequence[Path],
    mapping: Mapping,
    *,
    rejects_dir: Path | None = None,
    kind: str | None = None,
    send_all: bool = False,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Sent:
    """Import exports and send their events to the topic of the settings.

    Rejects go to a file beside each export, or in `rejects_dir`. Exports of one `kind` are versions of each
    other: what was sent of the last one is remembered, and only what has changed is sent, unless `send_all`;
    without a kind nothing is remembered. What is remembered moves once everything is acknowledged. Raises
    InputError when a file is no export of this mapping, and ServiceUnavailable when the broker is away from
    the start; what fails on the way is in the result.
    """
    publisher = Publisher(settings, settings.topic)
    publisher.open()
    summary = ImportSummary()
    failure: GridratesError | None = None
    memory = _memory(settings, mapping, kind, send_all) if kind is not None else None
    with StopSwitch(publisher.stop) as switch, memory or nullcontext():
        try:
            import_exports(
                paths,
                mapping,
                publish=publisher.publish,
                rejects_files=rejects_beside(paths, rejects_dir),
                on_progress=on_progress,
                is_stopped=lambda: switch.is_on,
                summary=summary,
                memory=memory,
            )
        except GridratesError as error:
            failure = error
        finally:
            publisher.close()
        refused = publisher.refused()
        is_whole = not switch.is_on and failure is None and publisher.failure is None and not refused
        if memory is not None and is_whole:
            memory.keep()
    if failure is not None and not summary.rows:
        raise failure
    acknowledged = publisher.counts.acknowledged
    return Sent(summary, acknowledged, refused, switch.signal_number, failure or publisher.failure)


def _memory(settings: Settings, mapping: Mapping, kind: str, send_all: bool) -> Memory:
    """What was sent of this kind of export to this very topic: one made anew has none of it."""
    whole = "\n".join((kind, mapping.source, topic_identity(settings, settings.topic)))
    name = f"{re.sub(r'[^0-9A-Za-z_-]+', '-', kind)}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"
    return Memory(settings.home_dir / "imports", name, mapping.source, send_all=send_all)
