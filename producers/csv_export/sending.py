"""Sends exports to Kafka: the import with a publisher behind it.

Reads CSV files, writes to the topic of the settings and to rejects files. Guarantees that what it says was
acknowledged is on the topic; SIGTERM and Ctrl-C end it after the rows at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrates.errors import GridratesError
from gridrates.settings import Settings
from producers.csv_export.importing import ImportSummary, import_exports, rejects_beside
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
    on_progress: Callable[[int], object] = lambda _: None,
) -> Sent:
    """Import exports and send their events to the topic of the settings.

    Rejects go to a file beside each export, or in `rejects_dir`. Raises InputError when a file is no export
    of this mapping, and ServiceUnavailable when the broker is away from the start; what fails on the way is
    in the result.
    """
    publisher = Publisher(settings, settings.topic)
    publisher.open()
    summary = ImportSummary()
    failure: GridratesError | None = None
    with StopSwitch(publisher.stop) as switch:
        try:
            import_exports(
                paths,
                mapping,
                publish=publisher.publish,
                rejects_files=rejects_beside(paths, rejects_dir),
                on_progress=on_progress,
                is_stopped=lambda: switch.is_on,
                summary=summary,
            )
        except GridratesError as error:
            failure = error
        finally:
            publisher.close()
    if failure is not None and not summary.rows:
        raise failure
    refused = publisher.refused()
    acknowledged = publisher.counts.acknowledged
    return Sent(summary, acknowledged, refused, switch.signal_number, failure or publisher.failure)
