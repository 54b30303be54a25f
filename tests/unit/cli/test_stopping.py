"""A signal ends what writes the warehouse at once, and the command says where it stood."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from gridrates.cli.stopping import watched

# A computation of hours, by one thread or by several.
PROGRAM = """
import os, signal, threading
import duckdb
from gridrates.cli.stopping import watched

connection = duckdb.connect(config={"threads": %d})
with watched({"fold": "folding cases"}) as watch:
    watch("fold")
    threading.Timer(0.5, os.kill, (os.getpid(), %d)).start()
    connection.execute("SELECT sum(sin(range)) FROM range(1000000000000)")
"""


@pytest.mark.parametrize(("number", "threads"), [(signal.SIGTERM, 2), (signal.SIGINT, 1)])
def test_a_signal_ends_it_at_once_and_is_told_with_its_step(number: int, threads: int) -> None:
    program = [sys.executable, "-c", PROGRAM % (threads, number)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert done.stderr == (
        f"Stopped by {signal.Signals(number).name} while folding cases. Nothing is half done: what was "
        "committed stays, the rest is as it was before. Run the command again; it goes on from there.\n"
    )


def test_signals_are_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with watched({}):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
