"""`gridrates produce events` with a real broker: what is good arrives, what is not is told."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from contracts import generate
from deploy import local_kafka
from gridrates.cli import app
from gridrates.kafka import ensure_topic
from gridrates.settings import Settings
from tests.integration.producers.topics import by_key, pairs_of, records

ROOT = Path(__file__).parents[3]
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "source": "centre",
    "type": "gridrates.case.filed.v1",
    "time": "2026-05-01T08:00:00+08:00",
}


def event(number: int, **data: Any) -> bytes:
    body = EVENT | {"id": f"e-{number}", "subject": f"case-{number // 3}", "data": data}
    return json.dumps(body, ensure_ascii=False).encode()


@pytest.fixture(autouse=True)
def _as_environment(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command reads its settings from the environment."""
    for name, value in environment(kafka_settings).items():
        monkeypatch.setenv(name, value)


def environment(settings: Settings) -> dict[str, str]:
    return {
        "GRIDRATES_HOME": str(settings.home),
        "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka_bootstrap_servers),
        "GRIDRATES_TOPIC": settings.topic,
        "GRIDRATES_KAFKA_TIMEOUT_SECONDS": str(settings.kafka_timeout_seconds),
    }


def produce(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["produce", "events", *map(str, arguments)])


def summary(result: Result) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(result.stdout)
    assert loaded["read"] == loaded["sent"] + loaded["rejected"]
    return loaded


def rejected(path: Path) -> dict[int, str]:
    return {entry["line"]: entry["reason"] for entry in map(json.loads, path.read_text().splitlines())}


def landed(settings: Settings) -> list[tuple[bytes, bytes]]:
    return pairs_of(records(settings, settings.topic))


def test_a_good_file_arrives_as_it_stands(kafka_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    texts = [event(n, description=f"第{n}件", x_local=[1.50, None]) for n in range(5000)]
    path.write_bytes(b"\n".join(texts))
    result = produce(path)
    assert result.exit_code == 0, result.output
    assert result.stdout == "5,000 lines: 5,000 sent, 0 rejected\n"
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["events.jsonl"]
    expected = [(f"case-{n // 3}".encode(), text) for n, text in enumerate(texts)]
    assert by_key(landed(kafka_settings)) == by_key(expected)


def test_the_examples_of_the_contract_can_be_sent(kafka_settings: Settings, tmp_path: Path) -> None:
    result = produce(generate.EXAMPLES, "--rejects", tmp_path / "r.jsonl")
    assert result.exit_code == 0, result.output
    assert len(landed(kafka_settings)) == len(generate.examples())


def test_bad_lines_are_told_by_number_and_the_others_sent(kafka_settings: Settings, tmp_path: Path) -> None:
    content = [
        b"\xef\xbb\xbf" + event(1),
        b"\r",
        event(2) + b"\r",
        b"{not json}",
        b"",
        b"\xff\xfe\x00",
        event(3)[:-5],
        json.dumps(
            EVENT | {"id": "4", "subject": "c", "type": "gridrates.case.lost.v1", "data": {}}
        ).encode(),
        event(5, longitude=999, is_valid="perhaps"),
        event(6, description="y" * 2_000_000),
        event(7, x_local="y" * 10_000_000),
        event(8),
        b"[1, 2, 3]",
        event(9).replace(b"2026-05-01", b"0001-01-01"),
        event(10, description="\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace")),
        b'{"id": NaN}',
    ]
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\n".join(content))
    result = produce(path, "--json")
    assert result.exit_code == 2
    told = summary(result)
    assert (told["read"], told["sent"], told["rejected"]) == (14, 4, 10)
    assert told["rejects_file"] == str(tmp_path / "mixed.jsonl.rejects.jsonl")
    assert told["is_complete"] is True
    reasons = rejected(tmp_path / "mixed.jsonl.rejects.jsonl")
    starts = {
        4: "not JSON",
        6: "not UTF-8",
        7: "not JSON",
        8: "type: unknown event type",
        9: "data.is_valid: not true or false",
        10: "data.description: String should have at most 20000 characters",
        11: "MessageSizeTooLargeError",
        13: "not a JSON object",
        14: "time: a time must lie between 1970 and 2199",
        16: "not JSON",
    }
    assert reasons.keys() == starts.keys()
    for line, start in starts.items():
        assert start in reasons[line], (line, reasons[line])
        assert f"line {line}: " in result.stderr
    assert "data.longitude" in reasons[9], "every fault is told, not only the first"
    kept = {
        e["line"]: e
        for e in map(json.loads, (tmp_path / "mixed.jsonl.rejects.jsonl").read_text().splitlines())
    }
    assert kept[8]["text"].encode() == content[7]
    assert kept[11]["text"].encode() == content[10], "ten megabytes are kept whole"
    assert {json.loads(value)["id"] for _, value in landed(kafka_settings)} == {"e-1", "e-2", "e-8", "e-10"}


def test_only_the_first_bad_lines_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"{\n" * 500)
    result = produce(path, "--rejects", tmp_path / "elsewhere.jsonl")
    assert result.exit_code == 2
    assert [line for line in result.stderr.splitlines() if line.startswith("line ")] == [
        f"line {n}: not JSON: EOF while parsing an object at line 1 column 1" for n in range(1, 11)
    ]
    assert "more lines are rejected" in result.stderr
    assert f"The rejected lines are in {tmp_path / 'elsewhere.jsonl'}." in result.stderr
    assert result.stdout == "500 lines: 0 sent, 500 rejected\n"
    assert list(rejected(tmp_path / "elsewhere.jsonl")) == list(range(1, 501))


def test_rejects_that_were_mended_can_be_sent_again(kafka_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(1) + b"\n" + event(2).replace(b"filed", b"filled"))
    assert produce(path).exit_code == 2
    mended = tmp_path / "mended.jsonl"
    entries = map(json.loads, (tmp_path / "events.jsonl.rejects.jsonl").read_text().splitlines())
    mended.write_text("\n".join(entry["text"].replace("filled", "filed") for entry in entries))
    assert produce(mended).exit_code == 0
    assert {value for _, value in landed(kafka_settings)} == {event(1), event(2)}


def test_standard_input(kafka_settings: Settings, tmp_path: Path) -> None:
    process = command(kafka_settings, "-", stdin=subprocess.PIPE, cwd=tmp_path)
    stdout, _ = process.communicate(b"\n".join([event(1), b"bad", event(2)]), timeout=60)
    assert process.returncode == 2
    assert stdout == b"3 lines: 2 sent, 1 rejected\n"
    assert rejected(tmp_path / "stdin.rejects.jsonl").keys() == {2}
    assert len(landed(kafka_settings)) == 2


def test_gzip(kafka_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(event(n) for n in range(3000))))
    assert produce(path).stdout == "3,000 lines: 3,000 sent, 0 rejected\n"
    assert len(landed(kafka_settings)) == 3000


def test_a_damaged_file_is_an_error_after_what_could_be_read(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl.gz"
    chance = random.Random(2)
    packed = gzip.compress(b"\n".join(event(n, x_local=chance.random()) for n in range(20_000)))
    path.write_bytes(packed[: len(packed) // 2])
    result = produce(path, "--json")
    assert result.exit_code == 2
    told = summary(result)
    assert told["is_complete"] is False and 0 < told["sent"] < 20_000
    assert "cannot be read beyond line" in result.stderr
    assert len(landed(kafka_settings)) == told["sent"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.jsonl", "cannot be read: No such file"), ("folder", "cannot be read: Is a directory")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    result = produce(tmp_path / name)
    assert result.exit_code == 2
    assert message in result.stderr and "Traceback" not in result.stderr
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == []


def test_the_rejects_file_may_not_be_the_input(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(1))
    result = produce(path, "--rejects", path)
    assert result.exit_code == 2
    assert "The rejects file is the input itself" in result.stderr
    assert path.read_bytes() == event(1)


def test_a_broker_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRATES_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setenv("GRIDRATES_KAFKA_TIMEOUT_SECONDS", "0.5")
    path = tmp_path / "events.jsonl"
    path.write_bytes(event(1))
    result = produce(path)
    assert result.exit_code == 3
    assert "Kafka at 127.0.0.1:9 does not answer" in result.stderr
    assert "What to do:" in result.stderr and "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_broker_that_goes_away_on_the_way(
    kafka_settings: Settings, broker: local_kafka.Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not acknowledged is in the rejects file, and sending the file again completes it."""
    monkeypatch.setenv("GRIDRATES_KAFKA_TIMEOUT_SECONDS", "0.5")
    monkeypatch.setattr("producers.publisher.PATIENCE", 3)
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(event(n, description="y" * 500) for n in range(60_000)))
    stopper = threading.Thread(target=stop_when_something_landed, args=(kafka_settings, broker.pid))
    stopper.start()
    try:
        result = produce(path, "--json")
        stopper.join()
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    assert result.exit_code == 3, result.output
    told = summary(result)
    assert told["is_complete"] is False and told["sent"] > 0 and told["rejected"] > 0
    assert "stopped taking events" in result.stderr and "run the same command again" in result.stderr
    reasons = rejected(tmp_path / "events.jsonl.rejects.jsonl")
    assert len(reasons) == told["rejected"]
    on_topic = {json.loads(value)["id"] for _, value in landed(kafka_settings)}
    acknowledged = {f"e-{n - 1}" for n in range(1, told["read"] + 1)} - {f"e-{n - 1}" for n in reasons}
    assert acknowledged <= on_topic, "what was called sent is there"
    assert produce(path).exit_code == 0
    assert {json.loads(value)["id"] for _, value in landed(kafka_settings)} == {
        f"e-{n}" for n in range(60_000)
    }


def stop_when_something_landed(settings: Settings, pid: int) -> None:
    ensure_topic(settings, settings.topic)
    until = time.monotonic() + 20
    while time.monotonic() < until and not records(settings, settings.topic):
        time.sleep(0.01)
    os.kill(pid, signal.SIGSTOP)


def command(settings: Settings, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from gridrates.cli import main; main()",
            "produce",
            "events",
            *map(str, arguments),
        ],
        env=os.environ | environment(settings) | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.full)]
)
def test_a_signal_ends_it_with_the_books_in_order(
    kafka_settings: Settings, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    """The input never ends: only the signal can, even while the command waits for more."""
    process = command(kafka_settings, "-", "--json", "--rejects", tmp_path / "r.jsonl", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"".join(event(n) + b"\n" for n in range(2500)))
    process.stdin.flush()
    ensure_topic(kafka_settings, kafka_settings.topic)
    until = time.monotonic() + 30
    while time.monotonic() < until and not records(kafka_settings, kafka_settings.topic):
        time.sleep(0.1)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    told = json.loads(stdout)
    assert process.returncode == exit_code, stderr
    assert told == {
        "read": 2000,
        "sent": 2000,
        "rejected": 0,
        "rejects_file": None,
        "is_complete": False,
    }
    assert b"Stopped after 2,000 lines" in stderr
    assert len(landed(kafka_settings)) == 2000


@pytest.mark.full
def test_memory_is_flat(kafka_settings: Settings, tmp_path: Path) -> None:
    """Ten times the events take no more memory: measured in processes of their own."""
    peaks = []
    for count in (10_000, 100_000):
        path = tmp_path / f"{count}.jsonl"
        path.write_bytes(b"\n".join(event(n, description="y" * 300) for n in range(count)))
        code = (
            "import resource, runpy, sys\n"
            "from gridrates.cli import app\n"
            "try: app()\n"
            "except SystemExit: pass\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "produce", "events", str(path)],
            env=os.environ | environment(kafka_settings),
            capture_output=True,
            check=True,
        )
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < peaks[0] + 90_000, f"{peaks} KiB: what waits for Kafka may take 32 MiB, and no more"
