"""Publishing under kill -9 and on a full disk: the generation before stays whole, the next one works."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from gridrates.errors import ResourceError
from gridrates.published_client import open_published, read_manifest
from gridrates.settings import Settings
from tests.publishing import make_settings, open_street, publish_street, set_version, versions

# The boundaries that `warehouse.published` names, and whether readers see the new generation there.
STEPS = {
    "publish_started": False,
    "publish_built": False,
    "publish_described": False,
    "publish_placed": False,
    "publish_switched": True,
    "publish_remembered": True,
    "publish_pruned": True,
}

ROOT = Path(__file__).parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Three generations published, at versions 0 to 2; the third is in force."""
    settings = make_settings(tmp_path, keep_generations=2)
    with open_street(settings, cases=20_000) as live:
        for version in range(3):
            set_version(live, version)
            publish_street(live, settings)
    return settings


def fork(work: Callable[[], None]) -> int:
    """Run `work` in a process of its own and return its id. Nothing has a DuckDB file open meanwhile."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


def end_of(child: int) -> int:
    """How a process ended: the number of the signal, or 0."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def publish_and_die(folder: Path, step: str, started: int) -> None:
    """Publish version 7 again and again; tell `started` of it, and die at the first such boundary."""

    def reached(name: str) -> None:
        os.write(started, b"!")
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = make_settings(folder, keep_generations=2)
    with open_street(settings) as live:
        set_version(live, 7)
        for _ in range(100):
            publish_street(live, settings, reached=reached)


def die_publishing(folder: Path, step: str = "never", after: float | None = None) -> None:
    """Let a publication die at a boundary, or some seconds after it began."""
    ready, started = os.pipe()
    child = fork(lambda: publish_and_die(folder, step, started))
    os.close(started)
    assert os.read(ready, 1) == b"!"
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    assert end_of(child) == -signal.SIGKILL
    os.close(ready)


def version_in_force(settings: Settings) -> int:
    """The version all rows share, after checking that file, manifest and Parquet are of one generation."""
    with open_published(settings) as reader:
        ((version, rows),) = versions(reader)
        assert rows == 20_120
        generation = reader.execute("SELECT generation FROM publication").fetchone()[0]
    assert read_manifest(settings)["generation"] == generation
    parquet = settings.published_dir / "current" / "publication.parquet"
    assert duckdb.execute(f"SELECT generation FROM '{parquet}'").fetchall() == [(generation,)]
    return version


def assert_next_works(settings: Settings) -> None:
    before = read_manifest(settings)["generation"]
    with open_street(settings) as live:
        set_version(live, 8)
        publication = publish_street(live, settings)
    assert publication.generation > before
    assert version_in_force(settings) == 8
    names = sorted(path.name for path in settings.published_dir.iterdir())
    assert not [name for name in names if name.startswith(".building")]
    assert sum(name.endswith(".duckdb") for name in names if name.startswith("gridrates-")) <= 2
    for name in names:
        assert (settings.published_dir / name).exists(), f"{name} points nowhere"


@pytest.mark.parametrize(("step", "seen"), STEPS.items())
def test_a_death_at_any_boundary_leaves_a_whole_generation(settings, tmp_path, step: str, seen: bool) -> None:
    die_publishing(tmp_path, step)
    assert version_in_force(settings) == (7 if seen else 2)
    assert_next_works(settings)


def test_every_boundary_is_reached_in_the_order_told(settings) -> None:
    reached: list[str] = []
    with open_street(settings) as live:
        publish_street(live, settings, reached=reached.append)
    assert reached == list(STEPS)


def test_a_death_at_the_very_first_publication_leaves_nothing_published(tmp_path) -> None:
    settings = make_settings(tmp_path, keep_generations=2)
    die_publishing(tmp_path, "publish_placed")
    assert read_manifest(settings) is None
    with open_street(settings) as live:
        assert publish_street(live, settings).generation == 2
    with open_published(settings) as reader:
        assert len(versions(reader)) == 1


@pytest.mark.full
def test_deaths_at_random_moments_leave_a_whole_generation(settings, tmp_path) -> None:
    dice = random.Random(20260501)
    for _ in range(20):
        die_publishing(tmp_path, after=dice.uniform(0, 0.25))
        assert version_in_force(settings) in (2, 7)
    assert_next_works(settings)


FILL = """
import sys
from pathlib import Path
from gridrates.errors import ResourceError
from tests.publishing import make_settings, open_street, publish_street, set_version, versions
from gridrates.published_client import open_published

settings = make_settings(Path(sys.argv[1]))
ballast = Path(sys.argv[1]) / "ballast"

def fill():
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - int(sys.argv[2])))

with open_street(settings, cases=20_000) as live:
    publish_street(live, settings)
    fill()
    try:
        publish_street(live, settings)
    except ResourceError as error:
        print(error)
    with open_published(settings) as reader:
        print(versions(reader), reader.execute("SELECT generation FROM publication").fetchall())
    print([path.name for path in settings.published_dir.glob(".building*")])
    ballast.unlink()
    print(publish_street(live, settings).generation)
"""


@pytest.mark.parametrize(
    "room", [0, *(pytest.param(room, marks=pytest.mark.full) for room in (100_000, 1_000_000, 1_700_000))]
)
def test_a_full_disk_leaves_the_generation_before_in_force(tmp_path, room: int) -> None:
    """A small file system of its own, which the process fills; however much is left, it is too little."""
    mount = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no file system of its own to a process (unshare)")
    inside = f'mount -t tmpfs -o size=20m tmpfs {tmp_path} && exec $0 -c "$1" {tmp_path} {room}'
    done = subprocess.run(
        [*mount, "sh", "-c", inside, sys.executable, FILL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said, whole, left, generation = done.stdout.splitlines()
    assert said.startswith("There is no room left on the disk")
    assert (whole, left, generation) == ("[(0, 20120)] [(1,)]", "[]", "2")


def publish_with_small_files(folder: Path) -> None:
    settings = make_settings(folder, keep_generations=2)
    with open_street(settings) as live:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            publish_street(live, settings)
        except ResourceError as error:
            (folder / "told").write_text(error.message)


def test_a_limit_on_the_size_of_files_is_told_like_a_full_disk(settings, tmp_path) -> None:
    assert end_of(fork(lambda: publish_with_small_files(tmp_path))) == 0
    assert (tmp_path / "told").read_text().startswith("There is no room left on the disk")
    assert version_in_force(settings) == 2
    assert_next_works(settings)
