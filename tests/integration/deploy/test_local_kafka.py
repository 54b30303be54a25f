"""The local broker: started, found, stopped, killed, and hindered in every way a machine can hinder it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy import local_kafka
from deploy.local_kafka import Broker
from gridrates import kafka
from gridrates.errors import InputError, ResourceError, ServiceUnavailable
from gridrates.settings import Settings

pytestmark = [pytest.mark.full, pytest.mark.kafka]

# A killed broker may come back under its id only when its old session has run out: 9 s unless told otherwise.
QUICK = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "500"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose name holds what breaks configuration files and paths."""
    folder = tmp_path / "街道 一,'网格'"
    yield folder
    local_kafka.stop(folder)


def servers(home: Path) -> list[int]:
    """The pids of all broker processes that run in `home`."""
    found = []
    for process in psutil.process_iter():
        try:
            if "kafka.Kafka" in process.cmdline() and Path(process.cwd()) == home / "kafka":
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def settings_of(broker: Broker, home: Path) -> Settings:
    return Settings(home=home, topic="case-events", topic_partitions=1)


def produce(settings: Settings, value: bytes) -> None:
    with kafka.producer(settings) as producer:
        producer.send(settings.topic, value, key=b"k").get(timeout=20)


def values(settings: Settings) -> list[bytes]:
    from kafka import TopicPartition

    with kafka.consumer(settings) as consumer:
        partition = TopicPartition(settings.topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        found: list[bytes] = []
        until = time.monotonic() + 20
        while consumer.position(partition) < end and time.monotonic() < until:
            for records in consumer.poll(timeout_ms=500).values():
                found.extend(record.value for record in records)
        return found


def test_the_life_of_a_broker(home: Path) -> None:
    said: list[str] = []
    # Ids are random; those that begin like an option must do as well.
    (home / "kafka").mkdir(parents=True)
    (home / "kafka" / "node.json").write_text('{"cluster_id": "-G06gnGmS2GvG4rh5e26PA"}')
    broker = local_kafka.start(home, say=said.append)
    assert broker.cluster_id == "-G06gnGmS2GvG4rh5e26PA"
    assert any(str(broker.port) in line for line in said)
    assert servers(home) == [broker.pid]
    assert local_kafka.start(home) == broker, "a running broker is found again"
    assert local_kafka.status(home)["state"] == "running"

    settings = settings_of(broker, home)
    assert kafka.bootstrap_servers(settings) == broker.bootstrap_servers, "the note is where clients look"
    kafka.ensure_topic(settings, settings.topic)
    produce(settings, b"one")
    with pytest.raises(InputError, match=f"already runs, on port {broker.port}"):
        local_kafka.start(home, port=broker.port + 1)

    assert local_kafka.stop(home) is True
    assert servers(home) == []
    assert local_kafka.status(home)["state"] == "stopped"
    assert local_kafka.stop(home) is False
    with pytest.raises(ServiceUnavailable, match="No Kafka broker is known"):
        kafka.bootstrap_servers(settings)

    again = local_kafka.start(home)
    assert (again.bootstrap_servers, again.cluster_id) == (broker.bootstrap_servers, broker.cluster_id)
    assert values(settings) == [b"one"]


def test_a_killed_broker_is_started_again_with_its_data(home: Path) -> None:
    broker = local_kafka.start(home, properties=QUICK)
    settings = settings_of(broker, home)
    kafka.ensure_topic(settings, settings.topic)
    produce(settings, b"one")
    os.kill(broker.pid, signal.SIGKILL)
    while broker.daemon.is_alive:
        time.sleep(0.02)
    assert local_kafka.status(home)["state"] == "stopped"

    squatter = socket.create_server(("127.0.0.1", broker.port))
    with squatter:
        again = local_kafka.start(home, properties=QUICK)
    assert again.port != broker.port, "the old port was taken meanwhile"
    assert again.cluster_id == broker.cluster_id
    assert values(settings) == [b"one"]


def test_two_starts_at_once_make_one_broker(home: Path) -> None:
    command = [sys.executable, "-m", "gridrates", "--home", str(home), "dev", "up", "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    notes = [json.loads(process.communicate(timeout=120)[0])["kafka"] for process in both]
    assert notes[0] == notes[1]
    assert notes[0]["state"] == "running"
    assert servers(home) == [notes[0]["pid"]]


def test_a_broker_that_hangs_is_told_and_can_be_stopped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = local_kafka.start(home)
    os.kill(broker.pid, signal.SIGSTOP)
    assert local_kafka.status(home)["state"] == "silent"
    monkeypatch.setattr(local_kafka, "START_SECONDS", 1)
    with pytest.raises(ServiceUnavailable, match=r"has not answered .* for 1 s.*broker\.log"):
        local_kafka.start(home)
    monkeypatch.setattr(local_kafka, "STOP_SECONDS", 1)
    assert local_kafka.stop(home) is True
    assert servers(home) == []


def test_an_interrupted_start_leaves_no_process(home: Path) -> None:
    command = [sys.executable, "-m", "gridrates", "--home", str(home), "dev", "up"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while local_kafka.find(home) is None and time.monotonic() < until:
            time.sleep(0.01)
        assert local_kafka.find(home) is not None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) != 0
    assert servers(home) == []
    assert local_kafka.find(home) is None


def test_a_broker_that_cannot_live_shows_its_last_words(home: Path) -> None:
    with pytest.raises(ServiceUnavailable, match=r"died while it started(.|\n)*Listener with name NOWHERE"):
        local_kafka.start(home, properties={"inter.broker.listener.name": "NOWHERE"})
    assert servers(home) == []
    assert not (home / "kafka" / "broker.json").exists()


def test_a_taken_port_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        with pytest.raises(ServiceUnavailable, match=f"Port {port} .* is taken.*--kafka-port"):
            local_kafka.start(home, port=port)
    assert servers(home) == []


def test_a_note_about_a_stranger_is_not_believed(home: Path) -> None:
    (home / "kafka").mkdir(parents=True)
    stranger = Broker("127.0.0.1:9", os.getpid(), "another-boot/1", "2026-01-01T00:00:00+00:00", "x")
    (home / "kafka" / "broker.json").write_text(json.dumps(vars(stranger)))
    assert local_kafka.find(home) is None
    assert local_kafka.stop(home) is False, "this very test would have been stopped"


@pytest.mark.parametrize("note", ["", "{}", '{"pid": 1}', "[]"])
def test_a_damaged_note_is_no_note(home: Path, note: str) -> None:
    (home / "kafka").mkdir(parents=True)
    (home / "kafka" / "broker.json").write_text(note)
    assert local_kafka.find(home) is None


def test_a_home_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(ResourceError, match="home/kafka cannot be written"):
        local_kafka.start(tmp_path / "home")


def test_a_disk_that_fills_up_is_told(home: Path) -> None:
    (home / "kafka").mkdir(parents=True)
    (home / "kafka" / f".node.json.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(ResourceError, match="The disk is full"):
        local_kafka.start(home)


def test_too_little_room_is_told_before_the_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_kafka, "ROOM_BYTES", 2**60)
    with pytest.raises(ResourceError, match=r"has \d+ MB left; the broker needs"):
        local_kafka.start(home)


def test_the_command_line_tells_what_runs(home: Path) -> None:
    def dev(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gridrates", "--home", str(home), "dev", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert dev("status").returncode == 3
    up = dev("up")
    assert up.returncode == 0, up.stderr
    broker = local_kafka.find(home)
    assert broker is not None
    assert f"running  {broker.bootstrap_servers}  process {broker.pid}" in up.stdout
    assert "Starting Apache Kafka" in up.stderr
    assert dev("status").returncode == 0
    assert json.loads(dev("status", "--json").stdout)["kafka"]["pid"] == broker.pid
    assert "stopped" in dev("down").stdout
    assert servers(home) == []


def test_a_configured_broker_is_used_and_none_is_started(broker: Broker, home: Path) -> None:
    def up(address: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gridrates", "--home", str(home), "dev", "up"]
        env = os.environ | {"GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": address}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    assert f"running  {broker.bootstrap_servers}" in up(broker.bootstrap_servers).stdout
    away = up("127.0.0.1:9")
    assert away.returncode == 3
    assert "127.0.0.1:9 does not answer; none was started" in away.stderr
    assert servers(home) == []
