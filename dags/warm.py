"""Imports what tasks need before there are tasks: in the scheduler, whose children they are.

Every task is a new process, made from the scheduler's. What the scheduler has imported it need not import:
the gate alone takes seconds to do so, twice a pass. Nor need it parse the SQL models and the rules of the
gate, nor look through all of that for garbage. Airflow
calls this by the `airflow_local_settings` that `deploy.airflow_home` writes, in each of its processes; the
others need none of it. The price: tasks run the code that the scheduler has started with, until it is started
anew.
"""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from importlib import import_module

MODULES = ("gridrates.pipeline", "great_expectations", "gridrates.alerts")


def warm_up() -> None:
    """Import what tasks will, if this is the scheduler."""
    if "scheduler" in sys.argv[1:2]:
        for name in MODULES:
            import_module(name)
        _prepare()
        # Else a task's collector would go through all that stays, and copy its memory by doing so.
        gc.freeze()


def _prepare() -> None:
    """What is wrong with settings or profile is for tasks to tell: the scheduler runs without."""
    from gridrates.errors import GridratesError
    from gridrates.pipeline import prepare
    from gridrates.settings import load_settings

    with suppress(GridratesError):
        prepare(load_settings())
