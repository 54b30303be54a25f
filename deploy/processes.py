"""Processes that outlive the command that started them: start, find again, stop.

A process is noted by its pid and by its birth, so that a stranger who was given the same pid later is never
taken for ours, nor stopped.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.files import writing

_CHANGE_DIRECTORY = ("/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh")


@dataclass(frozen=True)
class Daemon:
    """A process that we started: it leads a session and a process group of its own."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> Daemon:
        """The process that has this pid now."""
        return cls(pid, _birth(pid) or "")

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        _reap(self.pid)
        return _birth(self.pid) == self.born


def spawn(command: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str]) -> Daemon:
    """Start a process that survives us, its output appended to `log`. Raises ResourceError.

    Not with `subprocess`: its objects complain when they are forgotten while the process runs, and forgetting
    is what we want.
    """
    argv = [*_CHANGE_DIRECTORY, str(cwd), *command]
    with writing(log):
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        pid = os.posix_spawn(argv[0], argv, env, file_actions=_streams(output), setsid=True)
    finally:
        os.close(output)
    return Daemon.of(pid)


def _streams(output: int) -> list[tuple[int, ...] | tuple[int, int, str, int, int]]:
    return [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
    ]


def stop_all(daemons: Sequence[Daemon], *, grace_seconds: float) -> None:
    """Ask the processes to end; after `grace_seconds` kill what is left of them and of what they started."""
    for daemon in daemons:
        if daemon.is_alive:
            _signal(daemon.pid, signal.SIGTERM)
    wait(lambda: not any(daemon.is_alive for daemon in daemons), grace_seconds)
    for daemon in daemons:
        for pid in _session(daemon):
            _signal(pid, signal.SIGKILL)
    wait(lambda: not any(daemon.is_alive for daemon in daemons), 5)


def wait(done: Callable[[], bool], seconds: float, *, pause_seconds: float = 0.05) -> bool:
    """Wait until `done`, at the most so long; whether it was."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(pause_seconds)
    return True


def _session(daemon: Daemon) -> list[int]:
    """What runs in the daemon's session: itself, and what it or its children started in whatever group.

    A session's number is not given to another process while anyone is left in it. So unless a stranger leads
    it, or the machine was started anew, it is ours, even when the daemon itself is gone.
    """
    ours = daemon.born.startswith(f"{_boot()}/") and _birth(daemon.pid) in (daemon.born, None)
    return [pid for pid in psutil.pids() if _leader(pid) == daemon.pid] if ours else []


def _leader(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap(pid: int) -> None:
    """Collect a child of ours that has ended: until then it would look alive."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _birth(pid: int) -> str | None:
    """Boot and start tick, which a change of the clock leaves alone; None when there is no such process."""
    try:
        if psutil.LINUX:
            state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # A process that ends shows as a zombie while some of its threads still hold its ports and files.
            return None if state in "ZX" and int(fields[16]) <= 1 else f"{_boot()}/{fields[18]}"
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{_boot()}/{process.create_time()}"
    except (OSError, psutil.Error):
        return None


def _boot() -> str:
    if psutil.LINUX:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return str(int(psutil.boot_time()))
