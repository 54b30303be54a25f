"""Tries exports without sending anything: what would become of the rows, and which codes they use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from producers.csv_export.importing import ImportSummary, Pair, import_exports
from producers.mapping import Mapping

CODE_FIELDS = frozenset(("grid_code", "unit_code", "category_code", "channel", "work_type"))


@dataclass
class Trial:
    """The summary of an import that sent nothing; `codes` counts the events of each code, by field."""

    summary: ImportSummary
    codes: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in CODE_FIELDS})


def try_exports(
    paths: Sequence[Path], mapping: Mapping, *, on_progress: Callable[[int], object] = lambda _: None
) -> Trial:
    """Map every row of every file, and count. Raises InputError when a file is no export of this mapping."""
    trial = Trial(ImportSummary())

    def look_at(pairs: Sequence[Pair], *, origins: Sequence[int]) -> None:  # noqa: ARG001
        for _, event in pairs:
            data = json.loads(event)["data"]
            for name in CODE_FIELDS & data.keys():
                trial.codes[name][data[name]] += 1

    import_exports(paths, mapping, publish=look_at, on_progress=on_progress, summary=trial.summary)
    return trial
