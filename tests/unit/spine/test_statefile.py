"""The state file: entries by stage, whole at every moment, none lost."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gridrates import statefile
from gridrates.settings import Settings

ROOT = Path(__file__).parents[3]


def test_without_a_file_there_is_nothing(settings: Settings) -> None:
    assert statefile.read(settings) == {}


def test_an_entry_is_replaced_and_the_others_stay(settings: Settings) -> None:
    before = datetime.now(UTC)
    statefile.write(settings, "land", {"landed": 3})
    statefile.write(settings, "publish", {"generation": 1})
    statefile.write(settings, "publish", {"generation": 2})
    entries = statefile.read(settings)
    assert entries["land"]["landed"] == 3
    assert entries["publish"]["generation"] == 2
    assert before <= datetime.fromisoformat(entries["publish"]["at"]) <= datetime.now(UTC)


def test_dates_and_paths_are_written_as_text(settings: Settings) -> None:
    statefile.write(settings, "publish", {"last_date": date(2026, 5, 1), "path": Path("a/b"), "名": "值"})
    entry = statefile.read(settings)["publish"]
    assert (entry["last_date"], entry["path"], entry["名"]) == ("2026-05-01", "a/b", "值")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe"])
def test_a_file_that_is_not_ours_is_taken_for_none_and_replaced(settings: Settings, content: bytes) -> None:
    settings.home_dir.mkdir(parents=True)
    statefile.path(settings).write_bytes(content)
    assert statefile.read(settings) == {}
    statefile.write(settings, "land", {"landed": 1})
    assert statefile.read(settings)["land"]["landed"] == 1


def test_processes_that_write_at_once_lose_nothing_and_readers_see_whole_files(settings: Settings) -> None:
    script = (
        "import sys\n"
        "from gridrates import statefile\n"
        "from gridrates.settings import Settings\n"
        "for n in range(100):\n"
        "    statefile.write(Settings(home=sys.argv[1]), f'{sys.argv[2]}-{n}', {'n': n, 'pad': 'x' * 500})\n"
    )
    statefile.write(settings, "first", {})
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(settings.home), name], cwd=ROOT)
        for name in ("a", "b", "c")
    ]
    try:
        while any(process.poll() is None for process in running):
            assert json.loads(statefile.path(settings).read_bytes())["first"]
    finally:
        codes = [process.wait(timeout=60) for process in running]
    assert codes == [0, 0, 0]
    assert set(statefile.read(settings)) == {"first"} | {f"{a}-{n}" for a in "abc" for n in range(100)}
    assert {file.name for file in settings.home_dir.iterdir()} == {"status.json", "status.lock"}
