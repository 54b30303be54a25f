"""How much memory this process had at the most.

From the kernel's own account of the process. `getrusage` is no help in a child: its maximum begins with what
the parent had when the child was made.
"""

from __future__ import annotations

from pathlib import Path


def peak_megabytes(status: Path = Path("/proc/self/status")) -> int:
    """The largest resident memory since the program began, in megabytes. Raises OSError beside Linux."""
    for line in status.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) // 1024
    raise OSError(f"{status} tells no VmHWM")
