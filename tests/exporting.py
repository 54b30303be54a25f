"""Exports and mappings for tests, and what an import makes of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from producers.csv_export import ImportSummary, import_exports
from producers.csv_export.importing import rejects_beside
from producers.csv_export.mapper import Mapper
from producers.csv_export.plan import Check
from producers.csv_export.rows import ReadRows
from producers.mapping import Mapping

# The shortest mapping of a case: reported and closed.
SIMPLE: dict[str, Any] = {
    "source": "test",
    "id": "id",
    "time_zone": "Asia/Shanghai",
    "events": {"reported": "opened", "closed": {"at": "closed", "when": {"closed": "present"}}},
}


# A row's key and its events in the order of the mapping, None where one is not made; or the check it failed.
Outcome: TypeAlias = "tuple[bytes, list[bytes | None]] | Check"


@dataclass
class Imported:
    """What came out: the summary, the events by row, and the rejects file."""

    summary: ImportSummary
    events: list[dict[str, Any]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)

    def of(self, verb: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"].split(".")[-2] == verb]

    def datum(self, name: str) -> list[Any]:
        """A field of `data` of every event, in order."""
        return [event["data"].get(name) for event in self.events]


def write_csv(path: Path, rows: Sequence[Sequence[str]], *, encoding: str = "utf-8", **options: Any) -> Path:
    with path.open("w", encoding=encoding, errors="surrogateescape", newline="") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def mapping_of(content: dict[str, Any] | str) -> Mapping:
    """A mapping as its YAML file would give it."""
    text = (
        content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    )
    return Mapping.model_validate({"time_zone": "UTC"} | yaml.load(text, Loader=yaml.BaseLoader))


def import_files(paths: Path | Sequence[Path], mapping: Mapping | dict[str, Any] | str) -> Imported:
    """Import, with a list where Kafka would be."""
    files = [paths] if isinstance(paths, Path) else list(paths)
    got: list[tuple[int, bytes, dict[str, Any]]] = []

    def publish(pairs: Sequence[tuple[bytes, bytes]], *, origins: Sequence[int]) -> None:
        got.extend((o, key, json.loads(value)) for o, (key, value) in zip(origins, pairs, strict=True))

    rejects_files = rejects_beside(files)
    summary = import_exports(
        files,
        mapping if isinstance(mapping, Mapping) else mapping_of(mapping),
        publish=publish,
        rejects_files=rejects_files,
    )
    rejects = [row for path in rejects_files if path.exists() for row in read_rejects(path)]
    rows, keys, events = ([item[place] for item in got] for place in range(3))
    return Imported(summary, events, rows, keys, rejects)  # type: ignore[arg-type]


def map_rows(
    mapper: Mapper, rows: Sequence[Sequence[str]], positions: Sequence[int] | None = None
) -> list[Outcome]:
    """What becomes of rows, whose cells (at `positions`) are the columns of the mapper's plan."""
    columns = mapper.plan.columns
    places = range(len(columns)) if positions is None else positions
    cells, bad = ReadRows(rows=[list(row) for row in rows]).columns(places)
    names = {place: columns[places.index(position)] for place, position in bad.items()}
    outcomes = mapper.outcomes(mapper.picked(cells, names))
    mapped: list[tuple[bytes, list[bytes | None]]] = [(b"", [None] * len(mapper.plan.types)) for _ in rows]
    made = outcomes.made
    found = (made.rows.tolist(), made.kinds.tolist(), made.keys.to_pylist(), made.events.to_pylist())
    for place, kind, key, event in zip(*found, strict=True):
        mapped[place][1][kind] = event
        mapped[place] = key, mapped[place][1]
    return [outcomes.failed.get(place, outcome) for place, outcome in enumerate(mapped)]


def read_rejects(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def import_rows(
    tmp_path: Path, rows: Sequence[Sequence[str]], mapping: Mapping | dict[str, Any] | str, **options: Any
) -> Imported:
    """Import a file of these rows, the header first."""
    return import_files(write_csv(tmp_path / "export.csv", rows, **options), mapping)
