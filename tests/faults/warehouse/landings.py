"""Landings in processes of their own, that can be killed.

One process imports what a landing needs and makes a child for each: imports take longer than a landing.
Run as a script it reads one JSON line a landing, `{"settings": {…}, "crash_at": "…"}`, answers with the
child's process id and, when it is gone, with its wait status and its peak memory in megabytes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from types import TracebackType
from typing import Any

from gridrates.settings import Settings
from warehouse import crash_points
from warehouse.landing import land
from warehouse.live import open_live


class Landings:
    """Starts landings; a context manager. `peak_megabytes` is of the last one that was waited for."""

    def __init__(self, settings: Settings) -> None:
        self.peak_megabytes = 0
        self._settings = settings

    def __enter__(self) -> Landings:
        outside = {name: value for name, value in os.environ.items() if not name.startswith("GRIDRATES_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=outside,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def start(self, *, crash_at: str = "", **changes: Any) -> int:
        """Start one; return its process id."""
        settings = self._settings.model_copy(update=changes)
        chosen = json.loads(settings.model_dump_json(exclude_defaults=True))
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"settings": chosen, "crash_at": crash_at}) + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def wait(self) -> int:
        """Wait for the one that runs; return its exit code, negative for a signal."""
        status, self.peak_megabytes = map(int, self._line().split())
        return os.waitstatus_to_exitcode(status)

    def die_at(self, point: str, **changes: Any) -> None:
        """Run one that dies at a crash point, and see that it did."""
        self.start(crash_at=point, **changes)
        assert self.wait() == -signal.SIGKILL, f"{point} was not passed"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def main() -> None:
    """Make a child for every line."""
    import pyarrow  # noqa: F401  the children need it, and must not import it each

    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _land(order["settings"], order["crash_at"])
        print(child, flush=True)
        _, status, used = os.wait4(child, 0)
        print(status, used.ru_maxrss // 1024, flush=True)


def _land(chosen: dict[str, Any], crash_at: str) -> None:
    """In the child: land, and be gone."""
    crash_points.set_up(crash_at)
    try:
        settings = Settings(**chosen)
        with open_live(settings, command="a landing that may die") as connection:
            land(connection, settings)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
