"""Named places where a process can be made to die, as by `kill -9`.

`GRIDRATES_CRASH_AT=<name>` or `<name>:<n>` (the n-th time it is passed) names one. Nothing is cleaned up,
flushed or said. When the variable is not set, a place costs one comparison. For tests alone.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "GRIDRATES_CRASH_AT"
LANDING = (
    "after_fetch",
    "after_parse",
    "before_rows",
    "before_rejects",
    "before_offsets",
    "before_ledger",
    "before_commit",
    "after_commit",
    "before_group_commit",
    "before_mirror",
    "after_mirror",
)
PUBLISHING = (
    "publish_started",
    "publish_built",
    "publish_described",
    "publish_placed",
    "publish_switched",
    "publish_remembered",
    "publish_pruned",
)

_name = ""
_left = 0


def set_up(where: str) -> None:
    """Choose the place to die at: `name` or `name:n`, or none when `where` is empty."""
    global _name, _left
    _name, _, count = where.partition(":")
    _left = int(count or 1)


def pass_by(name: str) -> None:
    """Go past a named place, or die there."""
    if name == _name:
        _die_in_turn()


def _die_in_turn() -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


set_up(os.environ.get(VARIABLE, ""))
