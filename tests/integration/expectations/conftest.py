"""The town, built once a run and copied for each test that breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.integration.expectations.town import build, open_town
from tests.shared import shared


@pytest.fixture(scope="session")
def town_file() -> Path:
    return shared("town", lambda folder: build(folder / "live.duckdb")) / "live.duckdb"


@pytest.fixture
def town(town_file: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The town's live file, to be broken."""
    copy = tmp_path / "live.duckdb"
    shutil.copy(town_file, copy)
    with open_town(copy) as connection:
        yield connection
