"""A machine's clock that is set back does not take published figures away unnoticed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gridrates.errors import WarehouseError
from gridrates.pipeline import CLOCK_STEP, open_pass
from gridrates.settings import Settings
from tests.published_street import NOW, make_published

MINUTE = timedelta(minutes=1)


def set_back(folder: Path, by: timedelta) -> Settings:
    """A street whose cases were folded by a clock that was ahead of ours."""
    street = make_published(folder)
    with open_pass(street, "test") as this:
        this.connection.execute("UPDATE ops_pipeline_run SET ended_at = now() + ?", [by])
    return street


def test_a_clock_that_was_set_back_is_refused_until_everything_is_made_anew(tmp_path: Path) -> None:
    street = set_back(tmp_path, timedelta(days=200))
    for _ in range(2):
        with (
            pytest.raises(WarehouseError, match="it was set back") as refused,
            open_pass(street, "test") as this,
        ):
            this.fold()
        assert "--full" in refused.value.remedy
    with open_pass(street, "test") as this:
        assert this.fold(full=True).is_full
    with open_pass(street, "test") as this:
        assert this.fold().cases == 0


def test_a_clock_may_be_put_right_by_minutes(tmp_path: Path) -> None:
    with open_pass(set_back(tmp_path, CLOCK_STEP - MINUTE), "test") as this:
        this.fold()


def test_who_names_the_moment_is_not_asked(tmp_path: Path) -> None:
    street = set_back(tmp_path, timedelta(days=200))
    with open_pass(street, "test", now=NOW) as this:
        this.fold()
