"""What stands in the way is told in one paragraph, with its exit code, and harms nothing.

A street of two grids has been published once; more events wait on its topic. Each test works on a copy of
that home, so every one of them finds the same waiting events: offsets live in the live file. After the
hindrance is gone, the same command does its work as if nothing had been.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import yaml

from deploy import local_kafka
from gridrates import pipeline
from gridrates.settings import Settings
from tests.events import event
from tests.integration.cli.commandline import PROGRAM, TIMEOUT_SECONDS, CommandLine, Ended
from tests.integration.cli.street import BEFORE, DAY, FIRST, WAITING, WHOLE, rates, street_of
from tests.published_street import ZONE, course
from warehouse.live import open_live

MOUNT = ("unshare", "--user", "--map-root-user", "--mount")


def assert_nothing_is_lost(settings: Settings) -> None:
    """The figures published before still stand, and what waited is landed now, once."""
    assert rates(settings) == FIRST
    landing = pipeline.land(settings)
    assert (landing.read, landing.landed) == (len(WAITING), len(WAITING))


def assert_a_run_makes_it_good(settings: Settings) -> None:
    """A run lands what waited, publishes the next generation, and its figures are right."""
    summary = pipeline.run(settings)
    assert summary.landing and summary.landing.landed == len(WAITING)
    assert summary.publication and summary.publication.generation == 2
    assert rates(settings) == WHOLE


def closed_port() -> str:
    """An address of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("words", [("run",), ("land",), ("produce", "events", "-")], ids=" ".join)
def test_an_unreachable_broker(gridrates: CommandLine, words: tuple[str, ...]) -> None:
    away = closed_port()
    ended = gridrates(*words, GRIDRATES_KAFKA_BOOTSTRAP_SERVERS=away, GRIDRATES_KAFKA_TIMEOUT_SECONDS="1")
    ended.refused(3, away, "does not answer", "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS")
    if words == ("run",):
        assert_nothing_is_lost(gridrates.settings)


def test_no_broker_at_all(gridrates: CommandLine) -> None:
    without = CommandLine(
        gridrates.folder, gridrates.settings.model_copy(update={"kafka_bootstrap_servers": None})
    )
    without("run").refused(3, "No Kafka broker is known", "gridrates dev up")
    assert_nothing_is_lost(gridrates.settings)


@pytest.mark.parametrize("words", [("produce", "csv"), ("produce", "events")], ids=" ".join)
@pytest.mark.parametrize("wrong", ["missing", "a folder"])
def test_a_wrong_file(gridrates: CommandLine, words: tuple[str, ...], wrong: str) -> None:
    path = gridrates.folder / "export"
    if wrong == "a folder":
        path.mkdir()
    mapping = (Path(__file__).parents[3] / "profiles" / "boston-311" / "mapping.yaml",)
    options = ("--mapping", *mapping) if words[1] == "csv" else ()
    gridrates(*words, path, *options).refused(2, str(path))


def test_a_file_that_is_no_export(gridrates: CommandLine) -> None:
    picture = gridrates.folder / "export.csv"
    picture.write_bytes(bytes(range(256)) * 40)
    gridrates("produce", "csv", picture, "--profile", "boston-311").refused(2, str(picture))


def test_a_profile_that_is_mistyped(gridrates: CommandLine) -> None:
    gridrates("--profile", "demo-stret", "run").refused(2, "'demo-stret'", "demo-street", "boston-311")
    assert_nothing_is_lost(gridrates.settings)


def test_a_mistyped_profile_does_not_claim_a_new_warehouse(gridrates: CommandLine) -> None:
    elsewhere = gridrates.folder / "elsewhere"
    gridrates("--home", str(elsewhere), "--profile", "demo-stret", "land").refused(2, "'demo-stret'")
    gridrates("--home", str(elsewhere), "land").worked()


def test_a_profile_that_is_broken(gridrates: CommandLine) -> None:
    folder = gridrates.folder / "two-grids"
    shutil.copytree(gridrates.settings.profile, folder)
    (folder / "limits.csv").write_text("amount,unit\n24,fortnight\n")
    gridrates("--profile", str(folder), "run").refused(2, "limits.csv", "row 2", "unit")


@pytest.mark.parametrize("words", [("run",), ("land",), ("transform", "--full")], ids=" ".join)
def test_a_warehouse_of_another_profile(gridrates: CommandLine, words: tuple[str, ...]) -> None:
    gridrates("--profile", "demo-street", *words).refused(4, "'two-grids'", "'demo-street'", "GRIDRATES_HOME")
    if words == ("run",):
        assert_nothing_is_lost(gridrates.settings)


def test_a_settings_file_with_a_wrong_key(gridrates: CommandLine) -> None:
    file = gridrates.folder / "gridrates.toml"
    file.write_text('topik = "case-events"\nduckdb_threads = "many"\n')
    gridrates("run").refused(2, "topik", "duckdb_threads", "gridrates.toml")
    file.unlink()
    assert_nothing_is_lost(gridrates.settings)


def test_a_settings_file_that_is_no_toml(gridrates: CommandLine) -> None:
    (gridrates.folder / "gridrates.toml").write_text("profile: demo-street\n")
    gridrates("status").refused(2, "gridrates.toml", "line 1")


@pytest.mark.parametrize("words", [("run",), ("land",), ("rates",), ("dev", "up")], ids=" ".join)
def test_a_home_that_is_a_file(gridrates: CommandLine, words: tuple[str, ...]) -> None:
    file = gridrates.folder / "a-file"
    file.write_text("not a folder")
    code = 4 if words == ("rates",) else 6
    unset = {"GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": ""} if words == ("dev", "up") else {}
    gridrates("--home", str(file), *words, **unset).refused(code, str(file))
    assert file.read_text() == "not a folder"


def test_nothing_published_yet(gridrates: CommandLine) -> None:
    for words in (("rates",), ("query", "FROM daily_rates")):
        gridrates("--home", "elsewhere", *words).refused(4, "elsewhere", "gridrates run")


LATER = "INSERT INTO ops_migration VALUES (999, 'later', now(), '9.9.9')"


def test_a_newer_warehouse(gridrates: CommandLine) -> None:
    with open_live(gridrates.settings, command="test") as live:
        live.execute(LATER)
    before = gridrates.settings.warehouse_path.read_bytes()
    gridrates("run").refused(4, "9.9.9", "migration 999", "newer")
    assert gridrates.settings.warehouse_path.read_bytes() == before
    with duckdb.connect(str(gridrates.settings.warehouse_path)) as live:
        live.execute("DELETE FROM ops_migration WHERE number = 999")
    assert_nothing_is_lost(gridrates.settings)


def test_a_warehouse_that_is_none(gridrates: CommandLine) -> None:
    path = gridrates.settings.warehouse_path
    sound = path.read_bytes()
    path.write_bytes(b"PK\x03\x04 not a database" * 1000)
    gridrates("land").refused(4, str(path), "backup")
    path.write_bytes(sound)
    assert_nothing_is_lost(gridrates.settings)


@contextmanager
def writing(gridrates: CommandLine) -> Iterator[int]:
    """A landing that has the warehouse open and does not get on: its broker has just stopped answering."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        variables = gridrates.variables | {
            "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": address,
            "GRIDRATES_KAFKA_TIMEOUT_SECONDS": "60",
        }
        process = subprocess.Popen(
            [PROGRAM, "land"], cwd=gridrates.folder, env=variables, stderr=subprocess.DEVNULL
        )
        try:
            silent.settimeout(30)
            silent.accept()[0].close()
            yield process.pid
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def test_a_second_writer(gridrates: CommandLine) -> None:
    with writing(gridrates) as first:
        for words in (("run",), ("transform",)):
            gridrates(*words).refused(
                4, f"process {first}", "gridrates land", "GRIDRATES_LOCK_TIMEOUT_SECONDS"
            )
        # Who only reads is not in the way, and nobody is in theirs.
        assert rates(gridrates.settings) == FIRST
    # The first one was killed; nothing has to be cleared up.
    assert_a_run_makes_it_good(gridrates.settings)


@pytest.mark.full
def test_a_second_writer_that_waits(gridrates: CommandLine) -> None:
    with writing(gridrates) as first:
        began = time.monotonic()
        gridrates("land", GRIDRATES_LOCK_TIMEOUT_SECONDS="2").refused(4, f"process {first}")
        assert time.monotonic() - began >= 2


FILL = """
mount -t tmpfs -o size=200m tmpfs "$2" && cp -a "$1/." "$2" || exit 99
head -c 1G /dev/zero > "$2/ballast" 2>/dev/null
truncate -s "-$3" "$2/ballast"
"$4" --home "$2" run
code=$?
rm "$2/ballast" && rm -r "$1" && cp -a "$2" "$1" || exit 98
exit $code
"""


@pytest.mark.parametrize(
    "room",
    [
        pytest.param("0", id="not a byte left"),
        pytest.param("600K", id="a little left", marks=pytest.mark.full),
    ],
)
def test_a_full_disk(gridrates: CommandLine, room: str) -> None:
    """On a small file system of its own, which is full; with room again, its home works on."""
    if shutil.which("unshare") is None or subprocess.run([*MOUNT, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no file system of its own to a process (unshare)")
    home, disk = gridrates.settings.home, gridrates.folder / "disk"
    disk.mkdir()
    done = subprocess.run(
        [*MOUNT, "sh", "-c", FILL, "sh", home, disk, room, PROGRAM],
        cwd=gridrates.folder,
        env=gridrates.variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    Ended(done.returncode, done.stdout, done.stderr).refused(6, str(disk))
    pipeline.run(gridrates.settings)
    assert rates(gridrates.settings) == WHOLE


@pytest.mark.full
def test_files_that_may_not_grow(gridrates: CommandLine) -> None:
    """A limit on the size of files is to the program what a full disk is."""
    published = gridrates.settings.published_dir.joinpath("current.duckdb").stat().st_size
    limit = ("prlimit", f"--fsize={published // 2}")
    if shutil.which("prlimit") is None:
        pytest.skip("this system has no prlimit")
    gridrates("run", before=limit).refused(6, "no room", "Free some space")
    pipeline.run(gridrates.settings)
    assert rates(gridrates.settings) == WHOLE


def test_a_folder_that_may_not_be_written(gridrates: CommandLine) -> None:
    if os.geteuid() == 0:
        pytest.skip("whoever is root may write everywhere")
    folder = gridrates.settings.warehouse_path.parent
    folder.chmod(0o555)
    try:
        gridrates("run").refused(6, str(folder), "permission")
    finally:
        folder.chmod(0o755)
    assert_nothing_is_lost(gridrates.settings)


RULE = {
    "tables": {
        "core_case": [
            {
                "name": "closed_by_somebody",
                "severity": "critical",
                "zh": "结案的案件有承办单位",
                "en": "A closed case has a responsible unit",
                "remedy": "Send the dispatch that is missing.",
                "where": "closed_at IS NOT NULL AND unit_code IS NULL",
            }
        ]
    }
}


@pytest.mark.full
def test_a_held_back_date_keeps_its_figures_and_comes_by_itself(
    tmp_path: Path, broker: local_kafka.Broker
) -> None:
    gridrates = street_of(tmp_path, broker)
    (Path(gridrates.settings.profile) / "expectations.yaml").write_text(yaml.safe_dump(RULE), "utf-8")
    gridrates.send(BEFORE)
    pipeline.run(gridrates.settings)
    assert rates(gridrates.settings) == FIRST

    nobodys = course("X", "E1", DAY, filed="08:00", closed="11:00")
    gridrates.send(
        [
            *WAITING,
            *nobodys,
            *course("N", "E1", "2026-05-01", filed="09:00", dispatched="09:05", closed="10:00"),
        ]
    )
    gridrates("run").refused(5, DAY, "core_case.closed_by_somebody")
    assert rates(gridrates.settings) == FIRST
    shown = gridrates("rates", "--date", DAY).worked().out
    assert "held back" in shown and "core_case.closed_by_somebody" in shown
    gridrates("check").refused(5, DAY)
    # The other date has moved on.
    assert rates(gridrates.settings, "2026-05-01")["closure_rate"] == "2/2"

    gridrates.send([event("X", "dispatched", f"{DAY} 08:05", ZONE, unit_code="U1")])
    assert pipeline.run(gridrates.settings).held_back == {}
    assert rates(gridrates.settings) == {
        "sign_rate": "3/4",
        "closure_rate": "4/5",
        "satisfaction_rate": "2/3",
    }
