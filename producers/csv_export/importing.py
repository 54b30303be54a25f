"""Imports exports: rows to events to Kafka, and the rows that cannot be mapped to a rejects file.

Reads CSV files; hands events to `publish` (nothing, when it is None) and writes one rejects file an export,
when there is something to reject. Guarantees: rows = mapped + rejected; the events of a row go together
or not at all; the same row gives the same events, ids included, on every import; memory does not grow with
the file.

While one chunk is published, the next is mapped in a thread of its own: DuckDB lets go of Python's lock.
"""

from __future__ import annotations

import gc
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from contracts.events import RETRACTION_TYPE
from producers.csv_export.day_month import DayMonth
from producers.csv_export.mapper import Made, Mapper
from producers.csv_export.memory import Changes, Hashes, Memory
from producers.csv_export.plan import Check, make_plan
from producers.csv_export.reading import Export, find_layout, open_export, read_head, seems_utf8, sheets_with
from producers.csv_export.rejects import Reject, RejectsFile
from producers.csv_export.rows import Chunk
from producers.csv_export.workbook import is_workbook
from producers.mapping import Mapping

CHUNK_ROWS = 20_000
# Characters of a cell shown in a reason, and rows shown for a reason.
SHOWN = 60
REJECTS = ".rejects.csv"
EXAMPLES = 3
_NO_HASHES = (np.empty(0, np.uint64), np.empty(0, np.uint64))

Places: TypeAlias = npt.NDArray[np.int64]
Pair: TypeAlias = tuple[bytes, bytes]


class Publish(Protocol):
    """What takes the events: keys and values, and the number of the row each is of."""

    def __call__(self, pairs: Sequence[Pair], *, origins: Sequence[int]) -> None:
        """Send them, in order."""


@dataclass
class ImportSummary:
    """What became of the rows: rows = mapped + rejected, and rejected = the sum of `reasons`.

    `unchanged` of the mapped ones are as an earlier import sent them: their events are not counted. `notes`
    say what a person should look at, though no row was rejected for it.
    """

    files: int = 0
    rows: int = 0
    mapped: int = 0
    rejected: int = 0
    events: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    rejects_files: list[Path] = field(default_factory=list)
    seconds: float = 0
    unchanged: int = 0
    changes: Changes | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def event_count(self) -> int:
        """Events of all types."""
        return self.events.total()

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "files": self.files,
            "rows": self.rows,
            "mapped": self.mapped,
            "rejected": self.rejected,
            "event_count": self.event_count,
            "events": dict(self.events),
            "reasons": dict(self.reasons),
            "examples": self.examples,
            "rejects_files": [str(path) for path in self.rejects_files],
            "seconds": round(self.seconds, 3),
            "unchanged": self.unchanged,
            "notes": self.notes,
            **(vars(self.changes) if self.changes is not None else {}),
        }

    def count_reject(self, place: str, reject: Reject) -> None:
        """Count a reject of a file or sheet, and keep it as an example while there are few of its kind."""
        self.rejected += 1
        self.reasons[reject.kind] += 1
        examples = self.examples.setdefault(reject.kind, [])
        if len(examples) < EXAMPLES:
            examples.append(f"{place}, row {reject.row} (line {reject.line}): {reject.reason}")


def import_exports(
    paths: Sequence[Path],
    mapping: Mapping,
    *,
    publish: Publish | None = None,
    rejects_files: Sequence[Path] | None = None,
    on_progress: Callable[[int], object] = lambda _: None,
    is_stopped: Callable[[], bool] = lambda: False,
    summary: ImportSummary | None = None,
    memory: Memory | None = None,
) -> ImportSummary:
    """Map every row of every file and publish its events; without `publish`, only count.

    `rejects_files` has a file for each of `paths` (see `rejects_beside`). `on_progress` is told how many
    bytes of all files have been read, `is_stopped` is asked whether to go on. `summary` is filled on the
    way, for who wants it although the import fails. With a `memory`, only what has changed since the imports
    it knows is published; it is for the caller to keep it. Raises InputError, before anything is sent, when
    a file is no such export, and whatever `publish` raises.
    """
    started = time.monotonic()
    summary = summary or ImportSummary()
    importer = _Importer(mapping, publish, summary, memory)
    for path in paths:
        importer.look_at(path)
    with _rare_collections():
        for position in importer.run(paths, rejects_files or [None] * len(paths)):
            on_progress(position)
            if is_stopped():
                break
        else:
            importer.send_changes()
    importer.note_doubts()
    summary.seconds = time.monotonic() - started
    return summary


@dataclass(frozen=True)
class _Tried:
    """What became of the rows of a chunk: the events of those that were mapped, and the checks that others
    failed, by their place; and the events that lie before an earlier step of their row, likewise. Those at
    `known` are as an earlier import sent them. `hashes` are those of all rows, for the memory.
    """

    made: Made
    failed: dict[int, Check]
    backwards: dict[int, int]
    known: Places = field(default_factory=lambda: np.empty(0, np.int64))
    hashes: tuple[Hashes, Hashes] = _NO_HASHES


class _Importer:
    """Imports one file after another into one summary."""

    def __init__(
        self, mapping: Mapping, publish: Publish | None, summary: ImportSummary, memory: Memory | None
    ) -> None:
        self.mapping = mapping
        self.memory = memory
        self.publish = publish
        self.summary = summary
        self.plan = make_plan(mapping)
        self.mapper = Mapper(self.plan)
        self.day_month = DayMonth(self.mapper)
        self.names: tuple[str, ...] = ()
        # Of each event that lies before an earlier step of its row: the first row, and how many there are.
        self.backwards: dict[int, str] = {}
        self.backwards_counts: Counter[int] = Counter()

    def look_at(self, path: Path) -> None:
        """Note sheets that are passed over, and an encoding that may be wrong. Raises InputError when the
        file is no export of this mapping.
        """
        mapping = self.mapping
        for sheet in self.sheets_of(path):
            find_layout(
                path,
                wanted=self.plan.columns,
                encoding=mapping.encoding,
                delimiter=mapping.delimiter,
                sheet=sheet,
            )
        fitting = sheets_with(path, self.plan.columns) if mapping.sheets else []
        if unread := [name for name in fitting if name not in mapping.sheets]:
            self.summary.notes.append(
                f"{path.name} has the mapped columns also in sheets that the mapping does not name, and that "
                f"are not read: {', '.join(unread)}."
            )

        if seems_utf8(path, mapping.encoding):
            self.summary.notes.append(
                f"{path.name} is UTF-8 by all its first bytes, and is read as {mapping.encoding}, which the "
                "mapping names: look whether its words are right."
            )

    def sheets_of(self, path: Path) -> Sequence[str | None]:
        """The sheets to read of a file, where the mapping names any; they matter in a workbook alone."""
        return self.mapping.sheets if self.mapping.sheets and is_workbook(read_head(path)) else (None,)

    def run(self, paths: Sequence[Path], rejects_files: Sequence[Path | None]) -> Iterator[int]:
        """Import the files; yields how many bytes of all of them have been read, again and again."""
        done = 0
        for path, rejects_file in zip(paths, rejects_files, strict=True):
            for position in self.run_file(path, rejects_file):
                yield done + position
            done += path.stat().st_size

    def run_file(self, path: Path, rejects_file: Path | None) -> Iterator[int]:
        """Import a file; yields how many of its bytes have been read, again and again."""
        sheets = self.sheets_of(path)
        files = _rejects_of_sheets(rejects_file, sheets) if len(sheets) > 1 else [rejects_file]
        for place, (sheet, file) in enumerate(zip(sheets, files, strict=True)):
            for position in self.run_sheet(path, sheet, file):
                yield (path.stat().st_size * place + position) // len(sheets)
        self.summary.files += 1

    def run_sheet(self, path: Path, sheet: str | None, rejects_file: Path | None) -> Iterator[int]:
        """Import a sheet of a workbook, or another file; yields as `run_file` does."""
        encoding, delimiter = self.mapping.encoding, self.mapping.delimiter
        name = f"{path.name}, sheet {sheet}" if len(self.mapping.sheets) > 1 and sheet else path.name
        with (
            open_export(
                path, wanted=self.plan.columns, encoding=encoding, delimiter=delimiter, sheet=sheet
            ) as export,
            RejectsFile(rejects_file, export.layout.names) as rejects,
        ):
            self.names = export.layout.names
            for chunk, tried in self.mapped(export):
                self.count(chunk, tried, name)
                for reject in self.rejects(chunk, tried):
                    rejects.add(reject)
                    self.summary.count_reject(name, reject)
                if rejects.written is not None and rejects.written not in self.summary.rejects_files:
                    self.summary.rejects_files.append(rejects.written)
                numbers = np.asarray(chunk.numbers, np.int64)
                self.send(self.noted(tried, numbers), numbers)
                yield export.position

    def mapped(self, export: Export) -> Iterator[tuple[Chunk, _Tried]]:
        """Chunks with what became of their rows; while one is worked on, the next is being mapped."""
        positions = [self.names.index(name) for name in self.plan.columns]
        waiting: tuple[Chunk, Future[_Tried]] | None = None
        with ThreadPoolExecutor(1, "map-rows") as pool:
            for chunk in export.chunks(CHUNK_ROWS, positions):
                future = pool.submit(self.tried, chunk, positions)
                if waiting is not None:
                    yield waiting[0], waiting[1].result()
                waiting = chunk, future
            if waiting is not None:
                yield waiting[0], waiting[1].result()

    def tried(self, chunk: Chunk, positions: Sequence[int]) -> _Tried:
        """Map the rows of a chunk that are not known to be as they were."""
        columns, bad = chunk.columns(positions)
        picked = self.mapper.picked(columns, {place: self.names[position] for place, position in bad.items()})
        self.day_month.look_at(picked)
        if self.memory is None:
            outcomes = self.mapper.outcomes(picked)
            return _Tried(outcomes.made, outcomes.failed, outcomes.backwards)
        keys, contents = self.mapper.hashes(picked, self.mapping)
        is_known = self.memory.is_known(contents)
        is_known[list(picked.bad)] = False
        places = np.flatnonzero(~is_known)
        outcomes = self.mapper.outcomes(picked.only(places))
        failed = {int(places[place]): check for place, check in outcomes.failed.items()}
        backwards = {int(places[place]): event for place, event in outcomes.backwards.items()}
        made = replace(outcomes.made, rows=places[outcomes.made.rows])
        return _Tried(made, failed, backwards, np.flatnonzero(is_known), (keys, contents))

    def noted(self, tried: _Tried, numbers: Places) -> Made:
        """Tell the memory, if there is one; what waits for the end goes out of the chunk."""
        if self.memory is None:
            return tried.made
        refused = np.asarray(sorted(tried.failed), np.int64)
        return self.memory.note(*tried.hashes, tried.made, numbers, refused=refused, known=tried.known)

    def send_changes(self) -> None:
        """All rows have been seen: send the events of changed ones, and take back what does not hold."""
        if self.memory is None or self.publish is None:
            return
        self.summary.changes = self.memory.compare()
        for changed in self.memory.changed():
            self.summary.events.update(json.loads(event)["type"] for _, _, event in changed)
            self.publish([(key, event) for _, key, event in changed], origins=[row for row, *_ in changed])
        for pairs in self.memory.retractions():
            self.summary.events[RETRACTION_TYPE] += len(pairs)
            self.publish(pairs, origins=[0] * len(pairs))

    def note_doubts(self) -> None:
        """Note steps that run backwards, and dates that no row tells how to read; the latter not again where
        earlier imports went the same way.
        """
        for event, count in sorted(self.backwards_counts.items()):
            name = list(self.mapping.events)[event]
            self.summary.notes.append(
                f"`{name}` lies before an earlier step of its row in {count:,} rows, first in "
                f"{self.backwards[event]}. They are mapped as they stand."
            )
        is_known = self.memory is not None and self.memory.is_filled
        self.summary.notes += self.day_month.notes(is_known=is_known)

    def count(self, chunk: Chunk, tried: _Tried, place: str) -> None:
        """Count the rows of a chunk of a file or sheet, but for those rejected."""
        self.backwards_counts.update(tried.backwards.values())
        for row, event in tried.backwards.items():
            # Lines are counted only where they are asked for.
            if event not in self.backwards:
                self.backwards[event] = f"{place}, row {chunk.numbers[row]} (line {chunk.lines[row]})"
        self.summary.rows += chunk.count
        self.summary.mapped += len(chunk.numbers) - len(tried.failed)
        self.summary.unchanged += len(tried.known)

    def rejects(self, chunk: Chunk, tried: _Tried) -> list[Reject]:
        """The rows of a chunk that were not mapped, in their order."""
        rejects = [Reject(b.number, b.line, "", b.kind, b.reason, b.cells) for b in chunk.broken]
        rejects += [self.reject(chunk, place, check) for place, check in tried.failed.items()]
        return sorted(rejects, key=lambda reject: reject.row)

    def send(self, made: Made, numbers: Places) -> None:
        """Count and publish the events of rows, all of a row's in one call."""
        counts = np.bincount(made.kinds, minlength=len(self.plan.types)).tolist()
        for name, count in zip(self.plan.types, counts, strict=True):
            self.summary.events[name] += count
        if self.publish is not None and len(made.rows):
            pairs = list(zip(made.keys.to_pylist(), made.events.to_pylist(), strict=True))
            self.publish(pairs, origins=numbers[made.rows].tolist())

    def reject(self, chunk: Chunk, place: int, check: Check) -> Reject:
        """The reject of a whole row that failed a check."""
        cells = chunk.rows[place]
        at = {name: cells[self.names.index(name)] for name in check.columns}
        shown = ", ".join(f"{name} is {_shown(cell)}" for name, cell in at.items())
        reason = f"{check.reason}: {shown}" if shown else check.reason
        return Reject(
            chunk.numbers[place], chunk.lines[place], ", ".join(check.columns), check.reason, reason, cells
        )


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python look for cycles seldom: a chunk is a million small objects, none of them in a cycle, and
    looking through them again and again takes a third of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= SHOWN else cell[:SHOWN] + "…")


def rejects_beside(paths: Sequence[Path], folder: Path | None = None) -> list[Path]:
    """A rejects file for each export, named after it: beside it, or in `folder`. Where several sheets of it
    are read, their rejects files are named after this one.
    """
    seen: Counter[Path] = Counter()
    files = []
    for path in paths:
        name = path.name.removesuffix(".gz").removesuffix(".csv")
        place = (folder or path.parent) / name
        seen[place] += 1
        number = f"-{seen[place]}" if seen[place] > 1 else ""
        files.append(place.with_name(f"{name}{number}{REJECTS}"))
    return files


def _rejects_of_sheets(file: Path | None, sheets: Sequence[str | None]) -> list[Path | None]:
    """A rejects file for each sheet, for their columns may differ; one for all of them is no longer right."""
    if file is None:
        return [None] * len(sheets)
    with RejectsFile(file, ()):
        name = file.name.removesuffix(REJECTS)
    names = [re.sub(r'[\\/:*?"<>|]', "-", sheet or "") for sheet in sheets]
    return [file.with_name(f"{name}.{sheet}{REJECTS}") for sheet in names]
