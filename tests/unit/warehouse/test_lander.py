"""Batches into the live file, without a broker: duplicates, conflicts, rejects, ledger, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from gridrates.settings import Settings
from tests.landing import LONGEST, Sent, batch_of, batch_of_partitions, event, payload, payloads
from warehouse import duplicates, landing
from warehouse.batch import Batch
from warehouse.chunks import of_records
from warehouse.content import _content
from warehouse.landing import Lander, LandingSummary
from warehouse.live import open_live
from warehouse.masking import masked
from warehouse.offsets import Log
from warehouse.parse import Parser

LOG = Log("case-events", "topic-1", {}, {})


class Warehouse:
    """A live file that batches are landed into, one call after the other."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings, parser: Parser) -> None:
        self.connection = connection
        self.settings = settings
        self.parser = parser
        self.lander = Lander(connection, settings, LOG, {})
        self.next = 0

    def land(self, *values: bytes | None, fresh: bool = False) -> LandingSummary:
        """Land values as the next batch of partition 0. `fresh`: as a new process would, without memory."""
        batch = batch_of(values, first=self.next)
        self.next += len(values)
        if fresh:
            self.lander = Lander(self.connection, self.settings, LOG, self.lander.positions)
        self.lander.summary = LandingSummary()
        self.lander.land(self.parser.parse(masked(batch)))
        return self.lander.summary

    def query(self, text: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(text).fetchall()

    def rejects(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT reason_code, kafka_offset FROM raw_rejected_event ORDER BY reject_id")


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(longest=LONGEST) as made:
        yield made


@pytest.fixture
def warehouse(settings: Settings, parser: Parser) -> Iterator[Warehouse]:
    with open_live(settings, command="test") as connection:
        yield Warehouse(connection, settings, parser)


@pytest.fixture
def forgetful(settings: Settings, parser: Parser) -> Iterator[Warehouse]:
    """A warehouse that keeps no payloads."""
    settings = settings.model_copy(update={"keep_payload": False})
    with open_live(settings, command="test") as connection:
        yield Warehouse(connection, settings, parser)


def counts(summary: LandingSummary) -> tuple[int, int, int, int]:
    assert summary.read == summary.landed + summary.duplicates + summary.rejected
    return summary.landed, summary.duplicates, summary.conflicts, summary.rejected - summary.conflicts


def with_data(value: bytes, **data: Any) -> bytes:
    made = json.loads(value)
    return json.dumps(made | {"data": made["data"] | data}).encode()


def test_lands_rows_with_where_they_came_from(warehouse: Warehouse) -> None:
    assert counts(warehouse.land(*payloads(3))) == (3, 0, 0, 0)
    rows = warehouse.query(
        "SELECT event_id, kafka_topic, kafka_partition, kafka_offset, batch_id, payload, epoch_ms(kafka_at) "
        "FROM raw_event ORDER BY kafka_offset"
    )
    assert rows[1] == ("e-1", "case-events", 0, 1, 1, payloads(3)[1].decode(), 1_777_593_600_000)
    assert warehouse.query("SELECT DISTINCT landed_at IS NOT NULL FROM raw_event") == [(True,)]


def test_drops_what_comes_again_in_the_same_batch_and_in_a_later_one(warehouse: Warehouse) -> None:
    some = payloads(5)
    assert counts(warehouse.land(*some, some[2], some[2])) == (5, 2, 0, 0)
    assert counts(warehouse.land(some[0], *payloads(7)[5:])) == (2, 1, 0, 0)
    assert counts(warehouse.land(*payloads(7), fresh=True)) == (0, 7, 0, 0)
    assert warehouse.query("SELECT count(*), count(DISTINCT event_id) FROM raw_event") == [(7, 7)]


NESTED = {"unit_code": "U1", "x": {"a": 1, "b": [1, {"c": 2, "d": 3}]}}


@pytest.mark.parametrize(
    "again",
    [
        json.dumps(event(data=NESTED), indent=3).encode(),
        json.dumps(dict(reversed(event(data=NESTED).items()))).encode(),
        payload(data={"x": {"b": [1, {"d": 3, "c": 2}], "a": 1}, "unit_code": "U1"}),
        payload(data=NESTED).replace(b"U1", rb"\u0055\u0031"),
        payload(data=NESTED, traceparent="00-another-attempt"),
        payload(data=NESTED).replace(b'"U1"', b'"U1",').replace(b",,", b","),
    ],
    ids=["spaces", "order", "order within", "escapes", "attributes that are not content", "as it was"],
)
def test_the_same_content_written_otherwise_is_a_duplicate(warehouse: Warehouse, again: bytes) -> None:
    assert counts(warehouse.land(payload(data=NESTED), again)) == (1, 1, 0, 0)
    assert counts(warehouse.land(again, fresh=True)) == (0, 1, 0, 0)


OTHER = {
    "type": (payload(type="gridrates.case.filed.v1"), "type"),
    "subject": (payload(subject="C-2"), "subject"),
    "time": (payload(time="2031-01-01T00:00:00Z"), "time"),
    "sequence": (payload(sequence=1), "sequence"),
    "a field": (payload(data={"unit_code": "U2"}), "data.unit_code"),
    "a field less": (payload(data={}), "data.unit_code"),
    "an unknown field": (payload(data={"unit_code": "U1", "colour": "red"}), "data.colour"),
    "one instead of true": (payload(data={"unit_code": "U1", "x": 1}), "data.x"),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_content_under_an_id_is_a_conflict(warehouse: Warehouse, name: str) -> None:
    other, differs = OTHER[name]
    first = with_data(payload(), x=True) if "true" in name else payload()
    assert counts(warehouse.land(first, other, first)) == (1, 1, 1, 0)
    assert counts(warehouse.land(other, fresh=True)) == (0, 0, 1, 0)
    texts = warehouse.query("SELECT reason_text FROM raw_rejected_event ORDER BY reject_id")
    for text, where in zip(
        texts, ("partition 0, offset 0", "case-events, partition 0, offset 0"), strict=True
    ):
        assert text[0].startswith("The id e-1 of /test belongs to another event")
        assert where in text[0]
        assert differs in text[0]
    assert warehouse.query("SELECT source, event_id FROM raw_rejected_event") == [("/test", "e-1")] * 2


def test_the_same_id_of_another_source_is_another_event(warehouse: Warehouse) -> None:
    assert counts(warehouse.land(payload(), payload(source="/other"))) == (2, 0, 0, 0)
    assert counts(warehouse.land(payload(source="/third"), fresh=True)) == (1, 0, 0, 0)


def test_first_is_what_comes_first_by_partition_and_offset(warehouse: Warehouse) -> None:
    first, second = payload(data={"unit_code": "U1"}), payload(data={"unit_code": "U2"})
    batch = batch_of_partitions({3: [second], 1: [first, second]})
    warehouse.lander.land(warehouse.parser.parse(batch))
    assert warehouse.query("SELECT kafka_partition, unit_code FROM raw_event") == [(1, "U1")]
    assert warehouse.query("SELECT kafka_partition, kafka_offset FROM raw_rejected_event") == [(1, 1), (3, 0)]


@pytest.mark.parametrize("few", [0, 1_000], ids=["by-their-hashes", "looked-up"])
def test_conflicts_are_seen_however_far_apart_the_times_are(
    warehouse: Warehouse, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_QUICKLY_LOOKED_UP", few)
    years = [payload(id=f"y-{year}", time=f"{year}-01-01T00:00:00Z") for year in range(1970, 2200)]
    assert counts(warehouse.land(*years)) == (230, 0, 0, 0)
    moved = [
        payload(id=f"y-{year}", time=f"{2169 - (year - 1970)}-06-01T00:00:00Z") for year in range(1970, 2170)
    ]
    assert counts(warehouse.land(*moved, *years, fresh=True)) == (0, 230, 200, 0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The stretches of time that are looked into in history."""
    asked: list[tuple[str, str]] = []
    real = duplicates.History._look_between

    def spy(self: Any, wanted: Any, first: str, last: str, *rest: Any) -> None:
        asked.append((first, last))
        real(self, wanted, first, last, *rest)

    monkeypatch.setattr(duplicates.History, "_look_between", spy)
    return asked


def test_looks_only_around_the_times_of_what_is_written_anew(
    warehouse: Warehouse, asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_QUICKLY_READ", 10)
    warehouse.land(*payloads(50))
    anew = [json.dumps(json.loads(one), indent=1).encode() for one in payloads(60)]
    assert counts(warehouse.land(*anew, fresh=True)) == (10, 50, 0, 0)
    assert len(asked) == 6
    assert "infinity" not in {last for _, last in asked}


def test_new_events_and_those_that_come_again_byte_by_byte_are_not_looked_up(
    warehouse: Warehouse, asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_QUICKLY_LOOKED_UP", 10)
    some = payloads(60)
    assert counts(warehouse.land(*some[:50], *some[40:50])) == (50, 10, 0, 0)
    assert counts(warehouse.land(*some[:55])) == (5, 50, 0, 0)
    assert counts(warehouse.land(*some[:55])) == (0, 55, 0, 0)
    assert counts(warehouse.land(*some, *some, fresh=True)) == (5, 115, 0, 0)
    assert asked == []


def test_two_ids_with_one_hash_are_told_apart(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never seen, and yet it must not lose an event."""
    real = Parser.parse

    def collide(self: Parser, batch: Any) -> Any:
        parsed = real(self, batch)
        for part in parsed.parts:
            place = part.table.column_names.index("id_hash")
            same = [np.full(len(part.table), 7, dtype=np.uint64)]
            object.__setattr__(part, "table", part.table.set_column(place, "id_hash", same))
        return parsed

    monkeypatch.setattr(Parser, "parse", collide)
    some = payloads(4)
    assert counts(warehouse.land(*some[:3], some[0])) == (3, 1, 0, 0)
    assert counts(warehouse.land(*some, fresh=True)) == (1, 3, 0, 0)


def test_without_payloads_the_columns_stand_for_the_content(forgetful: Warehouse) -> None:
    some = [payload(id="a", data={"longitude": 1.5, "tags": ["x"], "deadline_at": "2026-05-02T00:00:00Z"})]
    assert counts(forgetful.land(*some, *payloads(3))) == (4, 0, 0, 0)
    assert forgetful.query("SELECT DISTINCT payload FROM raw_event") == [(None,)]
    spaced = json.dumps(json.loads(some[0]), indent=1).encode()
    assert counts(forgetful.land(*some, spaced, fresh=True)) == (0, 2, 0, 0)
    moved = with_data(some[0], deadline_at="2026-05-02T00:00:01Z")
    assert counts(forgetful.land(moved)) == (0, 0, 1, 0)
    assert "differs in deadline_at" in forgetful.query("SELECT reason_text FROM raw_rejected_event")[0][0]


def test_rejects_keep_everything_the_wire_said(warehouse: Warehouse) -> None:
    headers = [("a", b"1"), ("b", b"\xfe"), ("c", None)]
    records = [Sent(10, b"\xff\x00 no text", headers=headers), Sent(11, None, timestamp=-1)]
    batch = Batch.of("case-events", [of_records(0, records)], from_offsets={0: 10}, to_offsets={0: 12})
    warehouse.lander.land(warehouse.parser.parse(batch))
    rows = warehouse.query(
        "SELECT reject_id, reason_code, record_key, payload, headers, kafka_topic, kafka_offset, status, "
        "epoch_ms(kafka_at), batch_id FROM raw_rejected_event ORDER BY reject_id"
    )
    written = '[["a", "1"], ["b", {"base64": "/g=="}], ["c", null]]'
    assert rows == [
        (
            1,
            "not_utf8",
            b"C-1",
            b"\xff\x00 no text",
            written,
            "case-events",
            10,
            "open",
            1_777_593_600_000,
            1,
        ),
        (2, "tombstone", b"C-1", None, None, "case-events", 11, "open", None, 1),
    ]


def test_rejects_are_numbered_on(warehouse: Warehouse) -> None:
    warehouse.land(b"[]", *payloads(2), b"{")
    warehouse.land(b"no", fresh=True)
    assert warehouse.query("SELECT reject_id FROM raw_rejected_event ORDER BY 1") == [(1,), (2,), (3,)]


def test_positions_and_ledger_follow_the_batches(warehouse: Warehouse) -> None:
    warehouse.land(*payloads(3), b"[]")
    warehouse.land(*payloads(5), payload(id="e-1", subject="C-9"))
    assert warehouse.query("SELECT kafka_partition, next_offset, topic_id FROM raw_landing_offset") == [
        (0, 10, "topic-1")
    ]
    assert warehouse.query(
        "SELECT batch_id, from_offset, to_offset, read_count, landed_count, duplicate_count, rejected_count, "
        "conflict_count FROM raw_landing_batch ORDER BY batch_id"
    ) == [(1, 0, 4, 4, 3, 0, 1, 0), (2, 4, 10, 6, 2, 3, 1, 1)]
    assert warehouse.query("SELECT sum(byte_count) FROM raw_landing_batch")[0][0] == sum(
        map(len, [*payloads(3), b"[]", *payloads(5), payload(id="e-1", subject="C-9")])
    )


def test_a_batch_of_nothing_but_moved_positions_moves_them(warehouse: Warehouse) -> None:
    batch = batch_of_partitions({0: [], 1: []})
    batch = type(batch).of("case-events", [], from_offsets={0: 4, 1: 2}, to_offsets={0: 6, 1: 2})
    warehouse.lander.land(warehouse.parser.parse(batch))
    assert warehouse.query("SELECT kafka_partition, next_offset FROM raw_landing_offset ORDER BY 1") == [
        (0, 6),
        (1, 2),
    ]
    assert warehouse.query(
        "SELECT kafka_partition, from_offset, to_offset, read_count FROM raw_landing_batch"
    ) == [(0, 4, 6, 0)]


@pytest.mark.parametrize(("room", "log_bytes"), [(-1, 0), (64 * 2**20, 16 * 2**20), (2**40, 256 * 2**20)])
def test_checkpoints_are_put_off_as_far_as_the_disk_has_room(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, room: int, log_bytes: int
) -> None:
    def threshold() -> str:
        ((told,),) = warehouse.query("SELECT current_setting('checkpoint_threshold')")
        return str(told)

    usual = threshold()
    monkeypatch.setattr("warehouse.landing.room", lambda *_, **__: room)
    with warehouse.lander.tuned():
        assert threshold() == ("0 bytes" if not log_bytes else f"{log_bytes // 2**20}.0 MiB")
    assert threshold() == usual


def test_content_that_only_duckdb_reads_is_compared_as_it_is_written() -> None:
    assert _content("{x:1}") == {"payload": "{x:1}"}


@pytest.mark.parametrize("step", ["write_rows", "write_rejects", "write_offsets", "write_ledger"])
def test_what_fails_on_the_way_leaves_nothing(
    warehouse: Warehouse, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.land(*payloads(2))

    def fail(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        raise RuntimeError("on purpose")

    with monkeypatch.context() as patch:
        real = getattr(landing, step)
        patch.setattr(landing, step, fail)
        with pytest.raises(RuntimeError, match="on purpose"):
            warehouse.land(*payloads(9), b"[]")
    tables = ("raw_event", "raw_rejected_event", "raw_landing_batch")
    assert [warehouse.query(f"SELECT count(*) FROM {table}")[0][0] for table in tables] == [2, 0, 1]
    assert warehouse.query("SELECT next_offset FROM raw_landing_offset") == [(2,)]
    warehouse.next = 2
    assert counts(warehouse.land(*payloads(9), b"[]", fresh=True)) == (7, 2, 0, 1)


def test_numbers_that_do_not_add_up_are_rolled_back(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(landing, "write_rows", lambda connection, made: 2)
        with pytest.raises(AssertionError, match="batch 1 does not add up: read 3, landed 2"):
            warehouse.land(*payloads(3))
    assert warehouse.query("SELECT count(*) FROM raw_landing_offset") == [(0,)]


IDS = st.sampled_from(["a", "b", "c", "d"])
UNITS = st.sampled_from(["U1", "U2"])
STREAM = st.lists(st.tuples(IDS, UNITS, st.booleans()) | st.none(), max_size=25)


@how(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(stream=STREAM, cuts=st.lists(st.integers(0, 25), max_size=3), keep=st.booleans())
def test_any_stream_cut_anywhere_lands_the_first_of_each_id(
    tmp_path_factory: pytest.TempPathFactory,
    parser: Parser,
    stream: Sequence[tuple[str, str, bool] | None],
    cuts: list[int],
    keep: bool,
) -> None:
    """Against the simplest model there is: a dictionary. None stands for a malformed record."""
    firsts: dict[str, str] = {}
    expected = [0, 0, 0, 0]
    values = []
    for item in stream:
        values.append(b"{}" if item is None else make(*item))
        if item is None:
            expected[3] += 1
        else:
            first = firsts.setdefault(item[0], item[1])
            is_new = sum(expected[:1]) < len(firsts)
            expected[0 if is_new else 1 if first == item[1] else 2] += 1
    settings = Settings(home=tmp_path_factory.mktemp("home"), keep_payload=keep)
    with open_live(settings, command="test") as connection:
        warehouse = Warehouse(connection, settings, parser)
        edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
        got = np.zeros(4, dtype=int)
        for number, (start, end) in enumerate(pairwise(edges)):
            got += counts(warehouse.land(*values[start:end], fresh=bool(number % 2)))
        assert got.tolist() == expected
        assert dict(warehouse.query("SELECT event_id, unit_code FROM raw_event")) == firsts


def make(event_id: str, unit: str, spaced: bool) -> bytes:
    made = event(id=event_id, data={"unit_code": unit})
    return json.dumps(made, indent=2 if spaced else None).encode()
