"""Landings of a few made-up batches that die at crash points, without a broker. Run by a test:
`python -m tests.unit.warehouse.dying HOME POINT…` starts a child for each point, one after the other, and
prints how each ended. Every child goes on where the live file stands.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from gridrates.settings import Settings
from tests.landing import LONGEST, batch_of, payload, payloads
from warehouse import crash_points
from warehouse.landing import Lander
from warehouse.live import open_live
from warehouse.offsets import Log, starting_positions
from warehouse.parse import Parser

# Good events, one of them again, one in conflict, and malformed ones: 40 of 47 land.
LOG = [
    *payloads(40),
    payloads(2)[1],
    payload(id="e-3", time="2026-05-01T00:03:00+08:00", data={}),
    *[b"[]"] * 5,
]
A_BATCH = 9


def land(settings: Settings) -> None:
    """Land what is left of the log, batch by batch."""
    with open_live(settings, command="test") as connection, Parser(longest=LONGEST) as parser:
        log = Log("case-events", "topic-1", {0: 0}, {0: len(LOG)})
        lander = Lander(connection, settings, log, starting_positions(connection, log))
        while (at := lander.positions[0]) < len(LOG):
            crash_points.pass_by("after_fetch")
            lander.land(parser.parse(batch_of(LOG[at : at + A_BATCH], first=at)))


def main() -> None:
    import pyarrow  # noqa: F401  the children need it, and must not import it each

    settings = Settings(home=Path(sys.argv[1]))
    for point in sys.argv[2:]:
        child = os.fork()
        if child == 0:
            crash_points.set_up(point)
            try:
                land(settings)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(point, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
