"""Readers in other processes, while generation after generation is published under them.

Every row of a generation carries the generation's own number as `version`, so a reader can tell a mixed
or half-written one. Readers run until they are told to stop, and report what they saw as JSON lines.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from gridrates.published_client import open_published
from gridrates.settings import Settings
from tests.publishing import make_settings, open_street, publish_street, set_version, versions

ROOT = Path(__file__).parents[3]
PUBLICATIONS = 30
ROWS = 3_120

# What every reader does once its connection is open: look at all tables together, and say what it saw.
LOOK = """
import json, sys, time
from pathlib import Path
import duckdb

home, stop, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
QUERY = '''
SELECT (SELECT generation FROM publication), version, count(*) FROM (
  SELECT version FROM cases
  UNION ALL SELECT version FROM daily_rates
  UNION ALL SELECT "版本" FROM zh."案件"
) GROUP BY version
'''
def look(connection):
    print(json.dumps(connection.execute(QUERY).fetchall()), flush=True)
    time.sleep(pause)
"""
READERS = {
    # Opens the link anew each time, and closes it: what a script or a BI tool does.
    "reopening the link": """
while not stop.exists():
    with duckdb.connect(str(home / "published" / "current.duckdb"), read_only=True) as connection:
        look(connection)
""",
    # Opens once and never lets go, though its generation is pruned meanwhile.
    "holding one open": """
with duckdb.connect(str(home / "published" / "current.duckdb"), read_only=True) as connection:
    while not stop.exists():
        look(connection)
""",
    # The project's own way: never two generations under one path, so nothing is shared by mistake.
    "our own client": """
from gridrates.published_client import open_published
from gridrates.settings import Settings
settings = Settings(home=home)
while not stop.exists():
    with open_published(settings) as connection:
        look(connection)
""",
    # Parquet, which is opened anew for each query: the folder is resolved once, so all are of one generation.
    "Parquet": """
while not stop.exists():
    folder = (home / "published" / "current").resolve()
    with duckdb.connect() as connection:
        for name in ("publication", "cases", "daily_rates"):
            connection.execute(f"CREATE VIEW {name} AS FROM '{folder}/{name}.parquet'")
        connection.execute('CREATE SCHEMA zh; CREATE VIEW zh."案件" AS SELECT version AS "版本" FROM cases')
        look(connection)
""",
}


@dataclass
class Reader:
    """What a reader saw: (generation, version, rows) by look, each look one list."""

    looks: list[list[list[int]]]
    returncode: int
    stderr: str

    @property
    def generations(self) -> list[int]:
        return [look[0][0] for look in self.looks]

    def assert_whole(self, rows: int = ROWS + 3_000) -> None:
        assert (self.returncode, self.stderr) == (0, "")
        assert self.looks
        for look in self.looks:
            # One version in all tables, that of the generation, and as many rows as were published.
            assert look == [[look[0][0], look[0][0], rows]]
        assert self.generations == sorted(self.generations)


@contextmanager
def reading(settings: Settings, ways: list[str], pause: float = 0.03) -> Iterator[list[Reader]]:
    """Run readers beside the block, which starts when each has looked once; the list is filled at its end.

    Between two looks a reader pauses, in seconds.
    """
    home = settings.home_dir
    readers: list[Reader] = []
    with ExitStack() as stack:
        running = [
            stack.enter_context(start(home, way, home / f"reader-{n}", pause)) for n, way in enumerate(ways)
        ]
        try:
            for process, said in running:
                wait_for_first_look(process, said)
            yield readers
        finally:
            (home / "stop").touch()
            readers += [end(process, said) for process, said in running]


@contextmanager
def start(home: Path, way: str, said: Path, pause: float) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    command = [sys.executable, "-c", LOOK + READERS[way], str(home), str(home / "stop"), str(pause)]
    # A file, because a reader must not wait for us to read what it says.
    with (
        said.open("wb") as file,
        said.with_suffix(".err").open("wb") as complaints,
        subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=complaints) as process,
    ):
        yield process, said


def wait_for_first_look(process: subprocess.Popen[bytes], said: Path) -> None:
    for _ in range(600):
        if said.stat().st_size or process.poll() is not None:
            return
        time.sleep(0.05)
    raise AssertionError("the reader has not looked within 30 s")


def end(process: subprocess.Popen[bytes], said: Path) -> Reader:
    process.wait(timeout=60)
    looks = [json.loads(line) for line in said.read_text().splitlines()]
    return Reader(looks, process.returncode, said.with_suffix(".err").read_text())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path, keep_generations=5)


@pytest.fixture
def live(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The live file with one generation published, whose version is its number."""
    with open_street(settings, cases=3_000) as connection:
        publish_version(connection, settings, 1)
        yield connection


def publish_version(live: duckdb.DuckDBPyConnection, settings: Settings, version: int) -> None:
    set_version(live, version)
    assert publish_street(live, settings).generation == version


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=() if way == "reopening the link" else pytest.mark.full) for way in READERS],
)
def test_a_reader_sees_only_whole_generations_and_no_error(live, settings, way: str) -> None:
    with reading(settings, [way]) as readers:
        for version in range(2, PUBLICATIONS + 1):
            publish_version(live, settings, version)
    (reader,) = readers
    reader.assert_whole()
    if way == "holding one open":
        assert set(reader.generations) == {1}
        assert not (settings.published_dir / "gridrates-000001").exists()
    else:
        assert len(set(reader.generations)) > PUBLICATIONS // 4


@pytest.mark.full
def test_ten_readers_at_once_see_only_whole_generations(live, settings) -> None:
    ways = ["reopening the link"] * 4 + ["our own client"] * 3 + ["holding one open"] * 2 + ["Parquet"]
    with reading(settings, ways) as readers:
        for version in range(2, PUBLICATIONS + 1):
            publish_version(live, settings, version)
    assert len(readers) == 10
    for reader in readers:
        reader.assert_whole()
    assert any(len(set(reader.generations)) > 2 for reader in readers)


def test_readers_see_a_new_generation_at_once_within_one_process(live, settings) -> None:
    with open_published(settings) as old:
        publish_version(live, settings, 2)
        with open_published(settings) as new:
            assert versions(new) == [(2, ROWS)]
        assert versions(old) == [(1, ROWS)]


def test_duckdb_tells_generations_apart_though_both_came_by_the_link(live, settings) -> None:
    """What docs/published.md promises of the DuckDB we lock; older ones share an open file by its path."""
    with duckdb.connect(str(settings.current_path), read_only=True):
        publish_version(live, settings, 2)
        with duckdb.connect(str(settings.current_path), read_only=True) as new:
            assert versions(new) == [(2, ROWS)]


def test_a_reader_may_hold_a_generation_that_is_pruned(live, settings) -> None:
    with open_published(settings) as old:
        for version in range(2, 8):
            publish_version(live, settings, version)
        assert not (settings.published_dir / "gridrates-000001.duckdb").is_symlink()
        assert versions(old) == [(1, ROWS)]
        assert old.execute("SELECT count(*) FROM cases WHERE case_id LIKE '%7'").fetchone() == (300,)
