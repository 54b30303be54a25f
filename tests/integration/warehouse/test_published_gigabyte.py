"""A warehouse of a gigabyte is published, again and again, while ten processes ask it in loops."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from gridrates.settings import Settings
from tests.integration.warehouse.test_published_readers import reading
from tests.publishing import CASES, RATES, make_settings, open_street, publish_street, set_version
from warehouse.published import Publication
from warehouse.published_tables import Column

# A gigabyte of numbers that cannot be pressed, every publication of which takes its time.
pytestmark = pytest.mark.full
CASE_COUNT, NUMBERS = 8_000_000, 16
PUBLICATIONS = 2
# A look reads 16 million rows: without a pause ten readers leave nothing of two processors to the writer.
PAUSE_SECONDS = 3
WIDE = replace(
    CASES,
    sql="SELECT * FROM core_case",
    columns=CASES.columns | {f"n{n}": Column(f"Number {n}.", f"数{n}") for n in range(NUMBERS)},
)
WAYS = ["reopening the link"] * 4 + ["our own client"] * 3 + ["holding one open"] * 2 + ["Parquet"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path, keep_generations=2)


@pytest.fixture
def live(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_street(settings, cases=0) as connection:
        for n in range(NUMBERS):
            connection.execute(f"ALTER TABLE core_case ADD COLUMN n{n} UBIGINT")
        numbers = ", ".join(f"hash(range, {n})" for n in range(NUMBERS))
        connection.execute(
            "INSERT INTO core_case SELECT 0, 'C' || range, TIMESTAMPTZ '2026-05-01 08:00:00+08' + "
            f"to_seconds(range), {numbers} FROM range({CASE_COUNT})"
        )
        yield connection


def publish_version(live: duckdb.DuckDBPyConnection, settings: Settings, version: int) -> Publication:
    set_version(live, version)
    published = publish_street(live, settings, (WIDE, RATES))
    assert published.generation == version
    return published


def test_ten_readers_see_only_whole_generations_of_a_gigabyte(live, settings) -> None:
    alone = publish_version(live, settings, 1)
    size = alone.path.stat().st_size
    assert size > 10**9
    with reading(settings, WAYS, PAUSE_SECONDS) as readers:
        under = [publish_version(live, settings, version) for version in range(2, 2 + PUBLICATIONS)]
    for reader in readers:
        reader.assert_whole(rows=2 * CASE_COUNT + 120)
    assert len(readers) == 10
    assert max(len(set(reader.generations)) for reader in readers) > 1
    told = {
        "file_gb": round(size / 1e9, 2),
        "looks": sum(len(reader.looks) for reader in readers),
        "seconds_alone": alone.seconds,
        "seconds_under_readers": [published.seconds for published in under],
        "median_total": statistics.median(sum(published.seconds.values()) for published in under),
    }
    print(json.dumps(told))
