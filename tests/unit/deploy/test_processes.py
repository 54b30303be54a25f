"""Processes are found again, never mistaken, and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.processes import Daemon, spawn, stop_all

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def started(tmp_path: Path, log: Path) -> Iterator[list[Daemon]]:
    """What a test starts through `run`; killed at its end."""
    daemons: list[Daemon] = []
    yield daemons
    stop_all(daemons, grace_seconds=0)


def run(started: list[Daemon], log: Path, program: str) -> Daemon:
    daemon = spawn([sys.executable, "-c", program], cwd=log.parent, log=log, env=os.environ)
    started.append(daemon)
    return daemon


def said(log: Path) -> str:
    """The first line of the log, waited for."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if log.read_text().endswith("\n"):
            return log.read_text().splitlines()[0]
        time.sleep(0.02)
    raise AssertionError("the process said nothing")


def gone(pid: int) -> bool:
    try:
        psutil.wait_procs([psutil.Process(pid)], timeout=5)
        return not psutil.pid_exists(pid)
    except psutil.NoSuchProcess:
        return True


def test_a_process_survives_its_starter(log: Path) -> None:
    program = (
        "import os; from pathlib import Path; from deploy.processes import spawn\n"
        f"d = spawn(['sleep', '60'], cwd=Path('/'), log=Path({str(log)!r}), env=os.environ)\n"
        "print(d.pid, d.born)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    pid, born = out.split()
    daemon = Daemon(int(pid), born)
    assert daemon.is_alive
    stop_all([daemon], grace_seconds=5)
    assert not daemon.is_alive


def test_it_runs_where_and_with_what_it_was_told(tmp_path: Path, log: Path, started: list[Daemon]) -> None:
    folder = tmp_path / "街道 一,'网格'"
    folder.mkdir()
    program = "import os; print(os.getcwd(), os.environ['WORD'], os.getsid(0) == os.getpid(), os.read(0, 1))"
    daemon = spawn([sys.executable, "-c", program], cwd=folder, log=log, env=os.environ | {"WORD": "字"})
    started.append(daemon)
    assert said(log) == f"{folder} 字 True b''"


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    from gridrates.errors import ResourceError

    with pytest.raises(ResourceError, match="cannot be written"):
        spawn(["true"], cwd=tmp_path, log=tmp_path, env=os.environ)


def test_an_ended_child_is_not_alive(log: Path, started: list[Daemon]) -> None:
    daemon = run(started, log, "print('done')")
    said(log)
    until = time.monotonic() + 5
    while daemon.is_alive and time.monotonic() < until:
        time.sleep(0.02)
    assert not daemon.is_alive, "a child that nobody waited for must not look alive"


def test_a_zombie_of_another_parent_is_not_alive(log: Path, started: list[Daemon]) -> None:
    run(started, log, PARENT)
    child = Daemon.of(int(said(log)))
    assert child.is_alive
    os.kill(child.pid, 9)
    until = time.monotonic() + 5
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        time.sleep(0.02)
    assert psutil.pid_exists(child.pid)
    assert not child.is_alive


def test_a_stubborn_process_is_killed_after_the_grace(log: Path, started: list[Daemon]) -> None:
    daemon = run(started, log, STUBBORN)
    assert said(log) == "ready"
    begun = time.monotonic()
    stop_all([daemon], grace_seconds=0.5)
    assert 0.5 <= time.monotonic() - begun < 5
    assert not daemon.is_alive


def test_children_left_behind_are_killed_even_in_groups_of_their_own(
    log: Path, started: list[Daemon]
) -> None:
    daemon = run(started, log, PARENT)
    child = int(said(log))
    stop_all([daemon], grace_seconds=5)
    assert gone(child)


def test_orphans_of_a_killed_process_are_swept_up(log: Path, started: list[Daemon]) -> None:
    daemon = run(started, log, PARENT)
    child = int(said(log))
    os.kill(daemon.pid, 9)
    while daemon.is_alive:
        time.sleep(0.02)
    assert psutil.pid_exists(child)
    stop_all([daemon], grace_seconds=1)
    assert gone(child)


def test_a_stranger_with_the_same_pid_is_left_alone(log: Path, started: list[Daemon]) -> None:
    stranger = run(started, log, STUBBORN)
    assert said(log) == "ready"
    boot, _, tick = stranger.born.partition("/")
    for born in (f"{boot}/{int(tick) - 1}", f"another-boot/{tick}", ""):
        ours = Daemon(stranger.pid, born)
        assert not ours.is_alive
        stop_all([ours], grace_seconds=0)
        assert stranger.is_alive


def test_after_a_reboot_nothing_is_signalled() -> None:
    """The pids of another boot mean nothing: not even a group without a leader is touched."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        stop_all([Daemon(process.pid, "another-boot/1")], grace_seconds=0)
        assert process.poll() is None
        process.kill()
