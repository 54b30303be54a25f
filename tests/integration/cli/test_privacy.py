"""Personal data planted wherever an event has room for it is found nowhere afterwards.

Good events come through our own producer and, as another system would send them, straight onto the topic;
beside them such that are refused. Then everything that is left is searched: every column of every table of
the live and the published file, Parquet, reports, dead letters in the file and on their topic, logs, lineage,
and what the commands print.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from kafka import TopicPartition

from deploy import local_kafka
from gridrates.kafka import consumer
from gridrates.settings import Settings
from tests.integration.cli.commandline import CommandLine
from tests.integration.cli.street import BEFORE, street_of
from tests.integration.warehouse.topics import send

PLANTED = (
    "13812345678",
    "139-1234-5678",
    "0571-87654321",
    "11010519491231002X",
    "zhang.san@mail.example.cn",
    "浙A12345",
    "浙AD12345",
    "6222021234567894",
)
TEXT = "见" + "，".join(PLANTED) + "。"
MARKS = ("手机号", "手机号", "固定电话", "身份证号", "电子邮箱", "车牌号", "车牌号", "银行卡号")
MASKED = "见" + "，".join(f"〔{mark}〕" for mark in MARKS) + "。"


def with_text(made: dict[str, Any], number: int) -> dict[str, Any]:
    """The event, saying all of it in fields the contract knows and in some it does not."""
    unknown = {"联系人": {"电话": TEXT, "号": int(PLANTED[0])}, PLANTED[3]: [TEXT]}
    return made | {
        "data": made["data"] | {"description": TEXT, "reason": TEXT} | (unknown if number % 2 else {})
    }


def refused() -> Iterator[bytes]:
    """Records that are no events."""
    yield TEXT.encode()
    yield TEXT.encode("gb18030")
    good = with_text(BEFORE[0], 1)
    yield json.dumps(good | {"id": "r1", "time": PLANTED[0]}).encode()
    yield json.dumps(good | {"id": "r2", "type": TEXT}, ensure_ascii=False).encode()
    yield json.dumps(good | {"id": "r3", "data": {"is_valid": TEXT}}, ensure_ascii=False).encode()
    # The id of another event: a conflict, which the words of the refusal describe.
    yield json.dumps(good | {"subject": "other"}, ensure_ascii=False).encode()


@pytest.fixture
def street(tmp_path: Path, broker: local_kafka.Broker) -> CommandLine:
    """A street of its own, and everything that tells of it."""
    made = street_of(tmp_path, broker)
    more = {"dead_letter_topic": f"{made.settings.topic}.dlq", "lineage_file": tmp_path / "lineage.json"}
    return CommandLine(tmp_path, made.settings.model_copy(update=more))


def leaks(words: str) -> list[str]:
    return [planted for planted in PLANTED if planted in words]


@pytest.mark.full
def test_planted_personal_data_is_found_nowhere(street: CommandLine, tmp_path: Path) -> None:
    events = [with_text(made, number) for number, made in enumerate(BEFORE)]
    street.send(events[::2])
    (street.folder / "events.jsonl").unlink()  # the source itself
    straight = [
        json.dumps(made, ensure_ascii=number % 3 == 0).encode() for number, made in enumerate(events[1::2])
    ]
    send(street.settings, *straight, *refused(), headers=[("note", TEXT.encode())], key=b"C-1")
    said = [street("run", "--json").worked(), street("run").worked()]
    assert said[0].content["landing"]["masked"]["〔手机号〕"] > len(straight)
    said += [
        street(*words)
        for words in (
            ("report",),
            ("status",),
            ("status", "--json"),
            ("dead-letters", "list", "--limit", "50"),
            ("dead-letters", "list", "--json"),
            ("dead-letters", "show", "1"),
            ("dead-letters", "show", "3", "--json"),
            ("query", "FROM case_events", "--format", "json"),
        )
    ]
    printed = "".join(ended.out + ended.err for ended in said)
    assert not leaks(printed)
    assert "〔" in printed

    files = list(tables(street.settings))
    assert {name for name, _ in files} >= {
        "raw_event",
        "raw_rejected_event",
        "case_events",
        "rejected_events",
    }
    assert not {name: found for name, words in files if (found := leaks(words))}
    assert MASKED in dict(files)["raw_event"]
    assert MASKED in dict(files)["case_events"]

    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written for planted in PLANTED if planted.encode() in path.read_bytes()]
    assert not leaks("".join(dead_letters(street.settings)))


def tables(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every table, view and Parquet file with all it says."""
    for file in (settings.warehouse_path, settings.current_path):
        with duckdb.connect(str(file), read_only=True) as connection:
            found = connection.execute(
                "SELECT table_name, format('{}.{}', schema_name, table_name) FROM ("
                "SELECT schema_name, table_name FROM duckdb_tables() UNION ALL "
                "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal)"
            ).fetchall()
            for name, _ in found:
                schema = "zh" if not name.isascii() else "main"
                yield name, _words(connection, f'"{schema}"."{name}"')
    parquet = list(settings.published_dir.rglob("*.parquet"))
    assert parquet
    with duckdb.connect() as connection:
        for path in parquet:
            yield path.name, _words(connection, f"read_parquet('{path}')")


def _words(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    rows = connection.execute(f"SELECT t::VARCHAR FROM {relation} AS t").fetchall()
    return "\n".join(str(row) for (row,) in rows)


def dead_letters(settings: Settings) -> Iterator[str]:
    """What is on the dead-letter topic: keys, values and headers."""
    with consumer(settings) as reader:
        topic = settings.dead_letter_topic
        partitions = [TopicPartition(topic, number) for number in reader.partitions_for_topic(topic)]
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        records = [record for some in reader.poll(timeout_ms=5000).values() for record in some]
    assert len(records) >= 1
    for record in records:
        yield str(record)
        yield (record.value or b"").decode(errors="replace")
