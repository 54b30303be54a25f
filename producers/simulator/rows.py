"""Events before they are written out: small numbers in a fixed row, so that many can wait in memory.

A code is the index of its name in the `World`; -1 stands for "nothing".
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from contracts import events
from producers.simulator.scenario import Fault

Rows = npt.NDArray[np.void]
Array = npt.NDArray[Any]

ROW = np.dtype(
    [
        ("sent", np.int64),  # seconds since 1970, UTC
        ("at", np.int64),
        ("day", np.int32),  # the case number: day it was reported on, and its number on that day
        ("number", np.int32),
        ("into_day", np.int32),  # the case it was merged into
        ("into_number", np.int32),
        ("step", np.int16),  # the how-manieth event of its case
        ("verb", np.int8),
        ("fault", np.int8),
        ("stream", np.int16),
        ("life", np.int8),
        ("entry", np.int32),  # category, condition and limit
        ("node", np.int32),  # of the grid tree
        ("unit", np.int32),
        ("channel", np.int16),
        ("task", np.int8),  # the how-manieth dispatch
        ("outcome", np.int8),
        ("satisfaction", np.int8),
        ("resolution", np.int8),
        ("is_valid", np.int8),
        ("is_tagged", np.int8),
        ("is_contacted", np.int8),
        ("is_reopened", np.int8),
        ("moment", np.int64),  # a deadline, the issue of an order, the end of a pause
        ("person", np.int64),  # who decided, reported or lives there
        ("detail", np.int64),  # the number of an activity or project event
    ]
)
BYTES = np.dtype((np.void, ROW.itemsize))
BLANK = np.array([tuple(-1 for _ in ROW.names or ())], dtype=ROW)

VERBS: tuple[type[events.Data], ...] = (
    *events.CASE_TYPES,
    events.ActivityRecorded,
    events.ProjectStageChanged,
)
VERB = {model: number for number, model in enumerate(VERBS)}

OUTCOMES: dict[type[events.Data], tuple[str, ...]] = {
    events.Verified: ("confirmed", "refuted"),
    events.Checked: ("passed", "failed"),
    events.Handled: ("succeeded", "failed"),
    events.Closed: ("normal", "forced", "special"),
    events.Visited: ("valid", "no_answer", "refused", "invalid"),
}
SATISFACTIONS = ("very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "very_dissatisfied")
RESOLUTIONS = ("resolved", "explained", "unresolved")

# Values of the `fault` column: -1 none, 0 sent twice, then the malformed ones.
DUPLICATE = 0
FAULTS: tuple[Fault, ...] = get_args(Fault)


def blank(size: int) -> Rows:
    """`size` rows in which everything is still -1."""
    return np.repeat(BLANK, size)


def joined(parts: list[Rows]) -> Rows:
    """All rows of `parts` in one array."""
    # As bytes: numpy would compare the fields of every two parts.
    return np.concatenate([part.view(BYTES) for part in parts]).view(ROW) if parts else blank(0)


def in_order_of_sending(rows: Rows) -> Rows:
    """Rows as they arrive: by sending; what is sent in the same second keeps the order it was made in."""
    return rows[np.argsort(rows["sent"], kind="stable")]
