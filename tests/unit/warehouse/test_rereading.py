"""Kept payloads, read again: what they say now is what the rows say, and nothing else changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.events import parse
from gridrates.errors import WarehouseError
from gridrates.settings import Settings
from tests.landing import LONGEST, payload, payloads
from tests.unit.warehouse.test_lander import Warehouse
from warehouse import rereading
from warehouse.archive import archive_files, archive_payloads
from warehouse.live import open_live
from warehouse.parse import Parser
from warehouse.rereading import Span, reread

DATA = {"unit_code": "U1", "tags": ["a", "b"], "longitude": 121.1234567, "latitude": 31.25}


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(longest=LONGEST) as made:
        yield made


@pytest.fixture
def warehouse(settings: Settings, parser: Parser) -> Iterator[Warehouse]:
    """Ten events a minute apart, in two batches."""
    with open_live(settings, command="test") as connection:
        made = Warehouse(connection, settings, parser)
        made.land(*payloads(10, data=DATA)[:6])
        made.land(*payloads(10, data=DATA)[6:], b"[]")
        yield made


def rows(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.query("FROM raw_event ORDER BY kafka_offset")


def again(warehouse: Warehouse, span: Span = Span()) -> rereading.Rereading:  # noqa: B008
    return reread(warehouse.connection, warehouse.settings, span)


def test_what_says_the_same_is_not_touched(warehouse: Warehouse) -> None:
    before = rows(warehouse)
    done = again(warehouse)
    assert (done.read, done.changed, done.refused, done.without_payload) == (10, 0, {}, 0)
    assert rows(warehouse) == before


def test_of_a_doubled_key_the_first_counts_when_it_lands_and_when_it_is_read_again(
    warehouse: Warehouse,
) -> None:
    for unit in ("U1", 7):  # the second is read by the exact judge
        doubled = payload(id=f"doubled-{unit}", data={"unit_code": unit, "unit_code_again": "later"})
        warehouse.land(doubled.replace(b"_again", b""))
    before = warehouse.query("SELECT unit_code FROM raw_event ORDER BY kafka_offset DESC LIMIT 2")
    assert before == [("7",), ("U1",)]
    assert reread(warehouse.connection, warehouse.settings, Span()).changed == 0
    ((text,),) = warehouse.query(
        "SELECT payload FROM raw_event WHERE unit_code = 'U1' AND payload LIKE '%later%'"
    )
    assert parse(text).data.unit_code == "U1"


def test_what_an_older_program_could_not_read_is_filled_in(warehouse: Warehouse) -> None:
    """As if `tags` and `unit_code` had not been in the contract when the second batch was landed."""
    before = rows(warehouse)
    warehouse.connection.execute("UPDATE raw_event SET tags = NULL, unit_code = 'x' WHERE batch_id = 2")
    assert rows(warehouse) != before
    done = again(warehouse)
    assert (done.read, done.changed) == (10, 4)
    assert rows(warehouse) == before
    assert again(warehouse).changed == 0


def test_it_goes_on_where_it_died(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(warehouse)
    warehouse.connection.execute("UPDATE raw_event SET unit_code = 'x'")
    monkeypatch.setattr(rereading, "_PORTION", 3)
    monkeypatch.setattr(rereading, "_ROWS_A_READ", 3)
    real, calls = rereading._mend, []

    def die(*given: Any) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("on purpose")
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(rereading, "_mend", die)
        with pytest.raises(RuntimeError, match="on purpose"):
            again(warehouse)
    left = warehouse.query("SELECT count(*) FROM raw_event WHERE unit_code = 'x'")[0][0]
    assert 0 < left < 10
    assert again(warehouse).changed == left
    assert rows(warehouse) == before


def test_an_event_the_contract_refuses_now_stays_as_it_was(warehouse: Warehouse) -> None:
    wrong = payload(id="e-3", time="2026-05-01").decode()
    warehouse.connection.execute(
        "UPDATE raw_event SET payload = $p, unit_code = 'kept' WHERE event_id = 'e-3'", {"p": wrong}
    )
    before = rows(warehouse)
    done = again(warehouse)
    assert (done.read, done.changed, done.refused) == (10, 0, {"bad_time": 1})
    assert rows(warehouse) == before


def test_events_without_payload_are_counted_and_stay(warehouse: Warehouse) -> None:
    warehouse.connection.execute("UPDATE raw_event SET payload = NULL, unit_code = 'x' WHERE batch_id = 1")
    done = again(warehouse)
    assert (done.read, done.changed, done.without_payload) == (4, 0, 6)
    assert warehouse.query("SELECT count(*) FROM raw_event WHERE unit_code = 'x'") == [(6,)]


def test_only_what_occurred_in_the_span(warehouse: Warehouse) -> None:
    warehouse.connection.execute("UPDATE raw_event SET unit_code = 'x'")
    # The events are at 00:00, 00:01 … in the zone +08:00.
    span = Span(datetime(2026, 4, 30, 16, 3, tzinfo=UTC), datetime(2026, 4, 30, 16, 5, tzinfo=UTC))
    assert again(warehouse, span).changed == 2
    mended = warehouse.query("SELECT event_id FROM raw_event WHERE unit_code = 'U1' ORDER BY ALL")
    assert mended == [("e-3",), ("e-4",)]
    assert rereading.count_without_payload(warehouse.connection, warehouse.settings, span) == 0


def test_portions_are_bounded_by_number_and_bytes(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereading, "_ROWS_A_READ", 2)
    monkeypatch.setattr(rereading, "_PORTION", 4)

    def sizes() -> list[int]:
        return [len(table) for table in rereading.payloads(warehouse.connection, warehouse.settings, Span())]

    assert sum(sizes()) == 10
    assert max(sizes()) <= 4
    monkeypatch.setattr(rereading, "_PORTION_BYTES", 1)
    assert max(sizes()) <= 2


def test_payloads_come_as_they_landed(warehouse: Warehouse) -> None:
    (table,) = rereading.payloads(warehouse.connection, warehouse.settings, Span())
    assert table["payload"].to_pylist() == [value.decode() for value in payloads(10, data=DATA)]
    assert set(table["subject_id"].to_pylist()) == {"C-1"}


# Payloads that were moved to the archive


@pytest.fixture
def archived(warehouse: Warehouse) -> Path:
    """All that was landed is in the archive; its file. A third batch is not."""
    settings = warehouse.settings.model_copy(update={"archive_payload_months": 1})
    later = datetime.now(UTC) + timedelta(days=100)
    assert list(archive_payloads(warehouse.connection, settings, now=later).values()) == [10]
    warehouse.land(*payloads(14, data=DATA)[10:])
    (file,) = archive_files(settings)
    return file


def test_what_is_archived_is_read_like_the_rest(warehouse: Warehouse, archived: Path) -> None:
    before = rows(warehouse)
    done = again(warehouse)
    assert (done.read, done.changed, done.refused, done.without_payload) == (14, 0, {}, 0)
    warehouse.connection.execute("UPDATE raw_event SET tags = NULL, unit_code = 'x'")
    assert again(warehouse).changed == 14
    assert rows(warehouse) == before, "the archive stays where it is"


def test_what_is_archived_comes_as_it_landed_and_first(warehouse: Warehouse, archived: Path) -> None:
    tables = rereading.payloads(warehouse.connection, warehouse.settings, Span())
    read = [text for table in tables for text in table["payload"].to_pylist()]
    assert read == [value.decode() for value in payloads(14, data=DATA)]


def test_of_the_archive_only_what_occurred_in_the_span(warehouse: Warehouse, archived: Path) -> None:
    span = Span(datetime(2026, 4, 30, 16, 3, tzinfo=UTC), datetime(2026, 4, 30, 16, 5, tzinfo=UTC))
    done = again(warehouse, span)
    assert (done.read, done.without_payload) == (2, 0)


def test_events_whose_archive_is_gone_are_counted_and_stay(warehouse: Warehouse, archived: Path) -> None:
    archived.unlink()
    warehouse.connection.execute("UPDATE raw_event SET unit_code = 'x'")
    done = again(warehouse)
    assert (done.read, done.changed, done.without_payload) == (4, 4, 10)


def test_an_archive_that_is_damaged_is_named(warehouse: Warehouse, archived: Path) -> None:
    archived.write_bytes(archived.read_bytes()[:-20])
    with pytest.raises(WarehouseError, match=re.escape(str(archived))):
        again(warehouse)
