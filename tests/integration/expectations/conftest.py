"""The town, built once a session and copied for each test that breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.integration.expectations.town import build, open_town


@pytest.fixture(scope="session")
def town_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("town") / "live.duckdb"
    build(path)
    return path


@pytest.fixture
def town(town_file: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The town's live file, to be broken."""
    copy = tmp_path / "live.duckdb"
    shutil.copy(town_file, copy)
    with open_town(copy) as connection:
        yield connection
