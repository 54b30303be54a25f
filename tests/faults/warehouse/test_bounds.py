"""Ceilings that hold: memory with long events, room on the disk, what was spilled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gridrates.errors import ResourceError
from gridrates.settings import Settings
from tests.faults.warehouse.landings import Landings
from tests.integration.warehouse.topics import changed, publish, query, run
from tests.landing import payload, payloads
from warehouse import landing
from warehouse.live import open_live, spill_directory

pytestmark = pytest.mark.full

MOUNT = ("unshare", "--user", "--map-root-user", "--mount")
COUNTS = "SELECT count(*), count(DISTINCT event_id), coalesce(max(batch_id), 0) FROM raw_event"


def long_events(count: int, size: int, start: int = 0) -> list[bytes]:
    """Events of a size whose text does not compress to nothing."""
    return [
        payload(id=f"e-{n}", data={"unit_code": "U1", "x": os.urandom(size // 2).hex()})
        for n in range(start, start + count)
    ]


def test_long_events_land_within_the_memory_given(kafka_settings: Settings) -> None:
    settings = changed(
        kafka_settings, land_memory_mb=256, duckdb_memory_limit="512MB", kafka_timeout_seconds=30
    )
    with Landings(settings) as landings:
        publish(settings, [payload(id="first")])
        landings.start()
        assert landings.wait() == 0
        idle = landings.peak_megabytes
        for start in range(0, 24_000, 1_000):
            publish(settings, long_events(1_000, 20_000, start))
        landings.start()
        assert landings.wait() == 0
    print(f"idle {idle} MB, peak {landings.peak_megabytes} MB")
    assert query(settings, COUNTS)[0][:2] == (24_001, 24_001)
    batches = "SELECT sum(byte_count) AS bytes FROM raw_landing_batch GROUP BY batch_id"
    assert query(settings, f"SELECT max(bytes) < {17 * 1024**2} FROM ({batches})") == [(True,)]
    # Allocators keep some of what they are given back.
    assert landings.peak_megabytes - idle < 1.25 * (256 + 512)


def test_too_little_memory_is_told_and_loses_nothing(kafka_settings: Settings) -> None:
    publish(kafka_settings, long_events(400, 500_000))
    with pytest.raises(ResourceError, match="too little memory") as caught:
        run(changed(kafka_settings, duckdb_memory_limit="100MB", land_memory_mb=256))
    assert "GRIDRATES_DUCKDB_MEMORY_LIMIT" in caught.value.remedy
    run(kafka_settings)
    assert query(kafka_settings, COUNTS)[0][:2] == (400, 400)


def test_what_does_not_fit_into_memory_is_spilled_beside_the_file(settings: Settings) -> None:
    seen: list[int] = []
    with open_live(changed(settings, duckdb_memory_limit="120MB"), command="test") as connection:
        connection.execute("CREATE TEMP TABLE sorted AS FROM range(20_000_000) ORDER BY hash(range)")
        seen += [file.stat().st_size for file in spill_directory(settings).iterdir()]
    assert sum(seen) > 0
    assert list(spill_directory(settings).iterdir()) == []


def test_what_a_killed_process_has_spilled_is_cleared_away(settings: Settings) -> None:
    with open_live(settings, command="test"):
        pass
    left = spill_directory(settings) / "duckdb_temp_storage_DEFAULT-0.tmp"
    left.write_bytes(bytes(1_000))
    with open_live(settings, command="test"):
        assert not left.exists()


def test_landing_stops_while_there_is_room_and_goes_on_by_itself(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = changed(kafka_settings, land_batch_events=100, keep_free_mb=100)
    publish(settings, payloads(1_000))
    left = iter([500, 500, 120, 100, 90] * 2)
    usage = shutil.disk_usage("/")
    with monkeypatch.context() as patch:
        patch.setattr("warehouse.disk.shutil.disk_usage", lambda _: usage._replace(free=next(left) * 1024**2))
        with pytest.raises(ResourceError, match="100 MB left, of which 100 MB are kept free") as caught:
            run(settings)
    assert "goes on by itself" in caught.value.remedy
    assert query(settings, COUNTS) == [(300, 300, 3)]
    assert run(settings).landed == 700


FILL = """
mount -t tmpfs -o size=60m tmpfs "$1" || exit 99
"$2" -m tests.faults.warehouse.small_disk "$1" "$3"
"""


def test_on_a_disk_that_fills_up_landing_stops_and_goes_on(kafka_settings: Settings, tmp_path: Path) -> None:
    """On a real small file system: what `small_disk` says is what the files say."""
    if shutil.which("unshare") is None or subprocess.run([*MOUNT, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no file system of its own to a process (unshare)")
    settings = changed(kafka_settings, land_batch_events=500, keep_free_mb=20)
    publish(settings, long_events(6_000, 10_000))
    chosen = settings.model_dump_json(exclude_defaults=True)
    done = subprocess.run(
        [*MOUNT, "sh", "-c", FILL, "sh", tmp_path, sys.executable, chosen],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)


def test_shares_of_the_memory_fit_into_it() -> None:
    """Every batch there may be at a time, at the size of its payloads alone, and what is fetched."""
    assert 3 / landing._BATCH_SHARE + 4 / landing._FETCH_SHARE < 1
