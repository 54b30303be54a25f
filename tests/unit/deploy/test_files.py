"""Files are written whole or not at all, and say so when the disk refuses."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy import files
from gridrates.errors import ResourceError, ServiceUnavailable


def on_a_full_disk(path: Path) -> None:
    """Make the next replacement of `path` by this process meet a full disk."""
    path.with_name(f".{path.name}.{os.getpid()}").symlink_to("/dev/full")


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    files.write_json(note, {"a": 1})
    with note.open() as reader:
        files.write_json(note, {"a": 2})
        assert reader.read() == '{\n  "a": 1\n}\n', "a reader keeps the version it opened"
    assert files.read_json(note) == {"a": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write_text(tmp_path / "secret", "x", mode=0o600)
    finally:
        os.umask(before)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    files.write_json(note, {"a": 1})
    on_a_full_disk(note)
    with pytest.raises(ResourceError, match=r"The disk is full: .*note\.json.* Make room"):
        files.write_json(note, {"a": 2})
    assert files.read_json(note) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", "\ufeff{}"])
def test_what_is_not_a_whole_object_reads_as_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "note.json").write_text(content)
    assert files.read_json(tmp_path / "note.json") == {}


def test_a_missing_note_reads_as_empty(tmp_path: Path) -> None:
    assert files.read_json(tmp_path / "note.json") == {}


def test_a_file_in_the_way_of_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(ResourceError, match=r"taken/kafka cannot be written \(Not a directory\).*--home"):
        files.make_directory(tmp_path / "taken" / "kafka")


def test_other_errors_of_the_disk_are_not_called_full(tmp_path: Path) -> None:
    error = files.storage_error(tmp_path, OSError(errno.EROFS, "Read-only file system"))
    assert "Read-only file system" in error.message
    assert "full" not in error.message
    assert error.exit_code == 6


def test_tail_leaves_stack_frames_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n\tat java.base/x\n\nthree\n")
    assert files.tail(log, 2) == ["two", "three"]
    assert files.tail(tmp_path / "none", 2) == []


HOLDER = """
import sys, time
from pathlib import Path
from deploy.files import locked
with locked(Path(sys.argv[1]), timeout_seconds=1):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_waited_for_and_dropped_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "kafka" / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        begun = time.monotonic()
        with (
            pytest.raises(ServiceUnavailable, match="starting or stopping"),
            files.locked(lock, timeout_seconds=0.3),
        ):
            pass
        assert time.monotonic() - begun >= 0.3
        holder.kill()
    with files.locked(lock, timeout_seconds=5):
        pass
