"""`gridrates produce csv` with a real broker: every mapped row arrives, once or twice, with the same ids."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kafka.structs import TopicPartition
from typer.testing import CliRunner, Result

from contracts.events import validate
from deploy import local_kafka
from gridrates.cli import app
from gridrates.kafka import consumer, ensure_topic
from gridrates.settings import Settings
from tests.exporting import SIMPLE, read_rejects, write_csv
from tests.integration.producers.topics import by_key, pairs_of, records

ROOT = Path(__file__).parents[3]
DAY = "2024-05-01 08:00:00"
HEADER = ["id", "opened", "closed"]


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile of two files."""
    folder = tmp_path / "street"
    folder.mkdir()
    (folder / "profile.yaml").write_text("name_zh: 街道\nname_en: Street\ntime_zone: Asia/Shanghai\n")
    content = {key: value for key, value in SIMPLE.items() if key != "time_zone"}
    (folder / "mapping.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


@pytest.fixture
def on_kafka(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command reads its settings from the environment."""
    for name, value in environment(kafka_settings).items():
        monkeypatch.setenv(name, value)
    return kafka_settings


def environment(settings: Settings) -> dict[str, str]:
    return {
        "GRIDRATES_HOME": str(settings.home),
        "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka_bootstrap_servers),
        "GRIDRATES_TOPIC": settings.topic,
        "GRIDRATES_KAFKA_TIMEOUT_SECONDS": str(settings.kafka_timeout_seconds),
    }


def produce(profile: Path | str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["produce", "csv", "--profile", str(profile), *map(str, arguments)])


def on_topic(settings: Settings) -> list[dict[str, Any]]:
    pairs = pairs_of(records(settings, settings.topic))
    events = [json.loads(value) for _, value in pairs]
    for (key, _), event in zip(pairs, events, strict=True):
        assert key.decode() == event["subject"]
        validate(event)
    return events


def some_rows(count: int) -> list[list[str]]:
    return [[f"案-{n}", DAY, "2024-05-02 09:30:00" if n % 2 else ""] for n in range(count)]


def test_mapped_rows_arrive_and_the_others_are_in_the_rejects(
    on_kafka: Settings, profile: Path, tmp_path: Path
) -> None:
    rows = [HEADER, *some_rows(1000), ["坏", "某日", ""], ["短"]]
    path = write_csv(tmp_path / "export.csv", rows, encoding="utf-8-sig")
    result = produce(profile, path, "--json")
    assert result.exit_code == 2, result.output
    told = json.loads(result.stdout)
    assert (told["rows"], told["mapped"], told["rejected"]) == (1002, 1000, 2)
    assert told["event_count"] == told["acknowledged"] == 1500
    assert told["events"] == {"gridrates.case.reported.v1": 1000, "gridrates.case.closed.v1": 500}
    assert told["is_complete"]
    assert told["refused"] == 0
    assert [reject["id"] for reject in read_rejects(Path(told["rejects_files"][0]))] == ["坏", "短"]
    assert len(on_topic(on_kafka)) == 1500


def test_the_steps_of_a_case_are_in_order_on_its_partition(
    on_kafka: Settings, profile: Path, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "export.csv", [HEADER, *some_rows(30_000)])
    assert produce(profile, path).exit_code == 0
    found = records(on_kafka, on_kafka.topic)
    assert len(found) == 4
    homes = Counter(key for pairs in found.values() for key in {key for key, _ in pairs})
    assert set(homes.values()) == {1}
    for values in by_key(pairs_of(found)).values():
        sequence = [json.loads(value)["sequence"] for value in values]
        assert sequence == sorted(sequence)


def test_importing_twice_sends_nothing_or_with_all_the_same_ids_with_the_same_content(
    on_kafka: Settings, profile: Path, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv.gz"
    with gzip.open(path, "wt", encoding="gb18030", newline="") as file:
        csv.writer(file, delimiter=";").writerows([HEADER, *some_rows(500)])
    with (profile / "mapping.yaml").open("a") as file:
        file.write("encoding: gb18030\n")
    assert produce(profile, path).exit_code == 0
    again = produce(profile, path)
    assert again.exit_code == 0 and "500 rows are as they were sent before" in again.output
    assert len(on_topic(on_kafka)) == 750
    assert produce(profile, path, "--all").exit_code == 0
    events = on_topic(on_kafka)
    assert len(events) == 1500
    assert set(Counter(json.dumps(event, sort_keys=True) for event in events).values()) == {2}
    assert len({event["id"] for event in events}) == 750


def test_boston_arrives_whole(on_kafka: Settings, boston_csv: Path, tmp_path: Path) -> None:
    result = produce("boston-311", boston_csv, "--rejects", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["acknowledged"] == 171_072
    pairs = pairs_of(records(on_kafka, on_kafka.topic))
    kinds = Counter(json.loads(value)["type"] for _, value in pairs)
    assert kinds == {
        "gridrates.case.reported.v1": 58_251,
        "gridrates.case.filed.v1": 58_251,
        "gridrates.case.closed.v1": 54_570,
    }
    assert len({key for key, _ in pairs}) == 58_251
    assert list(tmp_path.glob("*.rejects.csv")) == []


def test_a_dry_run_needs_no_broker_and_writes_nothing(profile: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "export.csv", [HEADER, *some_rows(10), ["坏", "某日", ""]])
    result = produce(profile, path, "--dry-run")
    assert result.exit_code == 2
    assert "11 rows: 10 mapped, 1 rejected" in result.output
    assert "gridrates.case.closed.v1  5" in result.output
    assert "opened is '某日'" in result.output
    assert not path.with_name("export.rejects.csv").exists()
    assert json.loads(produce(profile, path, "--dry-run", "--json").stdout)["dry_run"] is True


def test_another_mapping_and_another_place_for_rejects(profile: Path, tmp_path: Path) -> None:
    other = tmp_path / "visits.yaml"
    other.write_text("source: s\nid: no\nevents: {visited: when}\n")
    path = write_csv(tmp_path / "visits.csv", [["no", "when"], ["1", DAY]])
    result = produce(profile, path, "--mapping", other, "--dry-run", "--json")
    assert json.loads(result.stdout)["events"] == {"gridrates.case.visited.v1": 1}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no file"),
        ("", "is empty"),
        ("PK\x03\x04", "begins like a workbook and is none"),
        ("id;opened_at;closed\n1;2;3\n", "'opened', did you mean 'opened_at'"),
    ],
)
def test_a_wrong_file_is_one_paragraph_and_exit_code_2(
    profile: Path, tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "export.csv"
    if content is not None:
        path.write_text(content)
    result = produce(profile, path, "--dry-run")
    assert result.exit_code == 2
    assert says in result.output
    assert "What to do: " in result.output
    assert "Traceback" not in result.output


def test_a_wrong_profile_or_mapping_is_one_paragraph_and_exit_code_2(profile: Path, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "export.csv", [HEADER])
    result = produce("nowhere", path)
    assert result.exit_code == 2
    assert "There is no profile 'nowhere'" in result.output
    assert "boston-311" in result.output
    (profile / "mapping.yaml").write_text("source: s\nid: id\nevents: {repotred: opened}\n")
    result = produce(profile, path)
    assert result.exit_code == 2
    assert "did you mean 'reported'" in result.output
    (profile / "mapping.yaml").unlink()
    result = produce(profile, path)
    assert result.exit_code == 2
    assert "There is no mapping" in result.output


def test_a_broker_that_is_away_is_exit_code_3(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDRATES_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("GRIDRATES_KAFKA_TIMEOUT_SECONDS", "1")
    path = write_csv(tmp_path / "export.csv", [HEADER, *some_rows(3)])
    result = produce(profile, path)
    assert result.exit_code == 3
    assert "does not answer" in result.output


@pytest.mark.full
def test_a_broker_that_goes_away_on_the_way_is_exit_code_3_and_can_be_made_up_for(
    profile: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "broker"
    broker = local_kafka.start(home)
    try:
        mine = settings.model_copy(
            update={"kafka_bootstrap_servers": broker.bootstrap_servers, "kafka_timeout_seconds": 1.0}
        )
        for name, value in environment(mine).items():
            monkeypatch.setenv(name, value)
        path = write_csv(tmp_path / "export.csv", [HEADER, *some_rows(200_000)])
        with _started(profile, path, mine) as running:
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                out, err = running.communicate(timeout=120)
            finally:
                os.kill(broker.pid, signal.SIGCONT)
        assert running.returncode == 3, err
        told = json.loads(out)
        assert not told["is_complete"]
        assert told["acknowledged"] + told["refused"] == told["event_count"]
        assert "Kafka stopped taking events" in err
        assert produce(profile, path).exit_code == 0
        pairs = pairs_of(records(mine, mine.topic))
        assert len({json.loads(value)["id"] for _, value in pairs}) == 300_000
    finally:
        local_kafka.stop(home)


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.full)]
)
def test_a_signal_ends_it_with_the_books_in_order(
    on_kafka: Settings, profile: Path, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    path = write_csv(tmp_path / "export.csv", [HEADER, *some_rows(200_000)])
    with _started(profile, path, on_kafka) as running:
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert running.returncode == exit_code, err
    told = json.loads(out)
    assert 0 < told["rows"] < 200_000
    assert told["acknowledged"] + told["refused"] == told["event_count"]
    assert len(on_topic(on_kafka)) >= told["acknowledged"]
    assert "Stopped after" in err


@contextmanager
def _started(profile: Path, path: Path, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, under way; it does not outlive the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "gridrates", "produce", "csv", str(path), "--profile", str(profile), "--json"],
        env=os.environ | environment(settings),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            _wait_for_first_events(running, settings)
            yield running
        finally:
            if running.poll() is None:
                running.kill()


def _wait_for_first_events(running: subprocess.Popen[str], settings: Settings) -> None:
    ensure_topic(settings, settings.topic)
    reader = consumer(settings)
    try:
        partitions = [TopicPartition(settings.topic, n) for n in range(settings.topic_partitions)]
        for _ in range(600):
            assert running.poll() is None, running.communicate()
            if any(reader.end_offsets(partitions).values()):
                return
            time.sleep(0.05)
    finally:
        reader.close()
    raise AssertionError("the import did not get going")
