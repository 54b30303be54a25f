"""A clock that jumps, records of impossible times, a directory that cannot be written."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka.admin import ConfigResource

from gridrates.kafka import admin, ensure_topic
from gridrates.settings import Settings
from tests.integration.warehouse.topics import changed, counts, publish, query, run, send
from tests.landing import payload, payloads

MOUNT = ("unshare", "--user", "--map-root-user", "--mount")
PLACES = "count(DISTINCT (kafka_partition, kafka_offset))"
COUNTS = f"SELECT count(*), count(DISTINCT event_id), {PLACES} FROM raw_event"


def test_a_clock_that_jumps_moves_no_position(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions are offsets: what the clock says is only written down."""
    chance = random.Random(5)
    real = time.time
    settings = changed(kafka_settings, land_batch_events=50)
    for start in range(0, 1_000, 250):
        publish(settings, payloads(1_000)[start : start + 250])
        with monkeypatch.context() as patch:
            # By up to two years, forwards and backwards, each time somebody looks.
            patch.setattr(time, "time", lambda: real() + chance.uniform(-1, 1) * 2 * 365 * 86_400)
            assert counts(run(settings)) == (250, 0, 0)
    assert query(settings, COUNTS) == [(1_000, 1_000, 1_000)]
    assert run(settings).read == 0


@pytest.mark.parametrize("milliseconds", [0, 1, 2**40, 253_402_300_799_999, 2**53])
def test_records_of_impossible_times_are_landed(kafka_settings: Settings, milliseconds: int) -> None:
    ensure_topic(kafka_settings, kafka_settings.topic)
    with admin(kafka_settings) as client:
        # Left to itself, the broker takes nothing from more than an hour ahead.
        limits = {"message.timestamp.after.max.ms": str(2**63 - 1)}
        client.alter_configs([ConfigResource("TOPIC", kafka_settings.topic, limits)])
    send(kafka_settings, payload(), b"[]", timestamp=milliseconds)
    assert counts(run(kafka_settings)) == (1, 0, 1)
    for table in ("raw_event", "raw_rejected_event"):
        assert query(kafka_settings, f"SELECT epoch_ms(kafka_at) FROM {table}") == [(milliseconds,)]


READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99
"$2" --home "$1" land
"""


def test_a_directory_that_is_read_only_is_told_and_harms_nothing(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    if shutil.which("unshare") is None or subprocess.run([*MOUNT, "true"], capture_output=True).returncode:
        pytest.skip("this system gives no file system of its own to a process (unshare)")
    publish(kafka_settings, payloads(5))
    run(kafka_settings)
    publish(kafka_settings, payloads(9))
    before = kafka_settings.warehouse_path.read_bytes()
    done = subprocess.run(
        [
            *MOUNT,
            "sh",
            "-c",
            READ_ONLY,
            "sh",
            kafka_settings.home,
            Path(sys.executable).with_name("gridrates"),
        ],
        env={
            "GRIDRATES_TOPIC": kafka_settings.topic,
            "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": str(kafka_settings.kafka_bootstrap_servers),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    assert "Read-only file system" in done.stderr
    assert kafka_settings.warehouse_path.read_bytes() == before
    assert counts(run(kafka_settings)) == (4, 5, 0)
