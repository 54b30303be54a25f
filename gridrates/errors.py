"""What can go wrong, said in one paragraph: what happened, where, and what to do about it.

Every error a person can mend is a `GridratesError`; the command line prints its message and its
remedy and exits with its code. Anything else is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable


class GridratesError(Exception):
    """A failure with a remedy.

    `exit_code` groups failures for scripts: 2 wrong input or settings, 3 a service is away,
    4 the warehouse refuses, 5 the data did not pass the gate, 6 no room or no permission.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InputError(GridratesError):
    """A file, option, setting or profile is wrong."""

    exit_code = 2


class ServiceUnavailable(GridratesError):
    """Kafka, Airflow or another service cannot be reached."""

    exit_code = 3


class WarehouseError(GridratesError):
    """The warehouse file refuses: another writer, a newer version, another profile, a gap in the log."""

    exit_code = 4


class GateError(GridratesError):
    """Critical expectations failed."""

    exit_code = 5


class ResourceError(GridratesError):
    """The disk is full, or a directory cannot be written."""

    exit_code = 6


def did_you_mean(
    wanted: str, known: Iterable[str], *, otherwise: str, shown: Callable[[str], str] = str
) -> str:
    """The remedy for a word that is not known: the nearest ones, as they are shown, or `otherwise`."""
    near = difflib.get_close_matches(wanted, list(known), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(map(shown, near))}?" if near else otherwise
