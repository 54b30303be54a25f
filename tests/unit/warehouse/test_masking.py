"""Personal data in a batch: masked before anything looks at it, and events stay known by what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from contracts import personal_data
from contracts.keyed_hash import keyed_hash
from gridrates.settings import Settings
from tests.landing import LONGEST, Sent, batch_of, batch_of_partitions, payload, payloads
from warehouse.batch import Batch
from warehouse.chunks import of_records
from warehouse.landing import Lander, LandingSummary
from warehouse.live import open_live
from warehouse.masking import masked
from warehouse.offsets import Log
from warehouse.parse import Parser

MOBILE, PLATE = "13812345678", "浙AD12345"
LOG = Log("case-events", "topic-1", {}, {})


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(longest=LONGEST) as made:
        yield made


@pytest.fixture
def live(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_live(settings, command="test") as connection:
        yield connection


@pytest.fixture(params=[True, False], ids=["payload", "columns"])
def kept(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """With and without the payload beside the columns."""
    return settings.model_copy(update={"keep_payload": request.param})


class Landings:
    """One batch after the other, as a landing does it."""

    def __init__(self, live: duckdb.DuckDBPyConnection, settings: Settings, parser: Parser) -> None:
        self.live = live
        self.parser = parser
        self.lander = Lander(live, settings, LOG, {})
        self.next = 0

    def land(self, *values: bytes | None) -> LandingSummary:
        return self.land_batch(batch_of(values, first=self.next))

    def land_batch(self, batch: Batch) -> LandingSummary:
        self.next += len(batch)
        self.lander.summary = LandingSummary()
        self.lander.land(self.parser.parse(masked(batch)))
        return self.lander.summary

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.live.execute(sql).fetchall()


@pytest.fixture
def landings(live: duckdb.DuckDBPyConnection, kept: Settings, parser: Parser) -> Landings:
    return Landings(live, kept, parser)


def said(text: str, **more: Any) -> bytes:
    return payload(data={"description": text, **more})


def test_columns_and_payload_are_masked_and_counted(landings: Landings) -> None:
    summary = landings.land(said(f"打{MOBILE}，车{PLATE}", contact={"电话": int(MOBILE)}))
    assert summary.masked == {"〔手机号〕": 2, "〔车牌号〕": 1}
    ((description, kept),) = landings.query("SELECT description, payload FROM raw_event")
    assert description == "打〔手机号〕，车〔车牌号〕"
    if kept:
        assert json.loads(kept)["data"] == {"description": description, "contact": {"电话": "〔手机号〕"}}


def test_what_comes_again_is_a_duplicate_whatever_is_masked_now(
    landings: Landings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = said(f"打{MOBILE}，车{PLATE}")
    assert landings.land(before).landed == 1
    assert landings.land(before).duplicates == 1
    fewer = tuple(kind for kind in personal_data.KINDS if kind.name != "mobile")
    with monkeypatch.context() as rules:
        rules.setattr(personal_data, "KINDS", fewer)
        assert landings.land(before).duplicates == 1
        assert landings.land(payload(id="e-2", data={"description": f"打{MOBILE}"})).landed == 1
    assert landings.land(payload(id="e-2", data={"description": f"打{MOBILE}"})).duplicates == 1


def test_other_words_around_a_mark_are_a_conflict(landings: Landings) -> None:
    landings.land(said(f"打{MOBILE}"))
    assert landings.land(said(f"请打{MOBILE}"), said("打扫")).conflicts == 2


def test_a_name_of_a_thing_is_never_taken_for_another_one(landings: Landings) -> None:
    landings.land(payload(subject="13812345678", data={"description": MOBILE}))
    assert landings.land(payload(subject="13912345678", data={"description": MOBILE})).conflicts == 1
    assert landings.query("SELECT subject_id FROM raw_event") == [("13812345678",)]


def test_hashes_are_compared_under_one_key_only(landings: Landings) -> None:
    def reported(number: str, key: str) -> bytes:
        return payload(data={"reporter_hash": keyed_hash(number, f"a secret of {key}", key)})

    assert landings.land(reported(MOBILE, "k1")).landed == 1
    assert landings.land(reported(MOBILE, "k2")).duplicates == 1
    assert landings.land(reported("13912345678", "k1")).conflicts == 1


def test_a_hash_is_of_the_masked_payload(landings: Landings) -> None:
    """Of the payload with a number in it, the number could be found by trying."""
    landings.land(payload(id="e-1", data={"reason": f"打{MOBILE}"}))
    ((kept, is_of_kept),) = landings.query("SELECT payload, payload_hash = hash(payload) FROM raw_event")
    assert kept is None or is_of_kept


def test_masked_and_other_rows_of_all_partitions_stay_in_their_places(landings: Landings) -> None:
    texts = [f"第{n}件" + (f"，打{MOBILE}" if n % 3 == 0 else "") for n in range(60)]
    values = [payload(id=f"e-{n}", data={"reason": text}) for n, text in enumerate(texts)]
    summary = landings.land_batch(batch_of_partitions({0: values[:20], 2: [], 3: values[20:]}))
    assert (summary.landed, summary.masked) == (60, {"〔手机号〕": 20})
    found = dict(landings.query("SELECT event_id, reason FROM raw_event"))
    assert found == {f"e-{n}": text.replace(MOBILE, "〔手机号〕") for n, text in enumerate(texts)}


@pytest.mark.parametrize(
    "value",
    [
        MOBILE.encode(),
        f'"{MOBILE}"'.encode(),
        f"not JSON {MOBILE}".encode(),
        f"张三 {MOBILE}".encode("gb18030"),
        payload(time=MOBILE),
        payload(type=f"call {MOBILE}"),
        payload(data={"is_valid": MOBILE}),
        payload(data={"longitude": f"{MOBILE} "}),
        payload(data={"unit_code": {"tel": MOBILE}}),
    ],
)
def test_no_part_of_a_refused_record_holds_it(landings: Landings, value: bytes) -> None:
    record = Sent(landings.next, value, f"tel {MOBILE}".encode(), headers=[("who", MOBILE.encode())])
    chunk = of_records(0, [record])
    batch = Batch.of(
        "case-events", [chunk], from_offsets={0: landings.next}, to_offsets={0: landings.next + 1}
    )
    assert landings.land_batch(batch).rejected == 1
    ((row,),) = landings.query("SELECT r::VARCHAR FROM raw_rejected_event AS r")
    assert MOBILE not in row


def test_the_names_of_what_is_no_json_are_masked_too() -> None:
    """In an event a number is left where names stand; of what is cut off nobody knows what stands where."""
    whole = f'{{"specversion":"1.0","id":"{MOBILE}","source":"urn:a","subject":"C-1","time":"2026-05-04T08'
    assert MOBILE.encode() not in (masked(batch_of([whole.encode()])).value(0) or b"")


def test_good_events_are_not_copied() -> None:
    batch = batch_of(payloads(5))
    found = masked(batch)
    assert found.chunks is batch.chunks
    assert not found.masked


def test_there_may_be_no_value_at_all() -> None:
    batch = batch_of([None, b"", said(MOBILE), None])
    assert list(masked(batch).masked) == [2]
    assert not masked(batch_of([None])).masked
