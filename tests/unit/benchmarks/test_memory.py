"""The peak of memory is the process's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory import peak_megabytes

LARGE = 200 * 1024**2


def test_a_child_does_not_begin_with_what_its_parent_had() -> None:
    held = b"x" * LARGE
    code = "from benchmarks.memory import peak_megabytes; print(peak_megabytes())"
    told = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert peak_megabytes() >= len(held) // 1024**2
    assert 1 < int(told) < 100


def test_a_system_that_does_not_tell_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name: python\n")
    with pytest.raises(OSError, match="tells no VmHWM"):
        peak_megabytes(tmp_path / "status")
