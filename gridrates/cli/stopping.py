"""SIGTERM and Ctrl-C while the warehouse is written: the process ends at once, and says where it stood.

Changes the process's signal handlers while the block runs, and puts the old ones back. Ending at once is
safe, for what is not committed was never there; and DuckDB, whose threads finish what they have begun, does
not delay it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from gridrates.cli import common

_STDERR = 2
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Empties the line of the spinner and gives the cursor back.
_CLEAR = "\r\x1b[2K\x1b[?25h"


@contextmanager
def watched(steps: Mapping[str, str]) -> Iterator[Callable[[str], None]]:
    """A spinner that names the step under way; yields what is to be told its key in `steps`.

    A signal ends the process with a line on standard error and the exit code 128 + its number. For the
    main thread.
    """
    step = "opening the warehouse"

    def stop(number: int, _frame: FrameType | None) -> None:
        told = (
            f"Stopped by {signal.Signals(number).name} while {step}. Nothing is half done: what was "
            "committed stays, the rest is as it was before. Run the command again; it goes on from there.\n"
        )
        # Not by the console: it may be writing just now.
        os.write(_STDERR, (_CLEAR * os.isatty(_STDERR) + told).encode())
        os._exit(128 + number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        with common.stderr().status(step) as spinner:

            def watch(key: str) -> None:
                nonlocal step
                step = steps[key]
                spinner.update(step)

            yield watch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
