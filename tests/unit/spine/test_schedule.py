"""Local time: every date comes once, whatever summer time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gridrates.errors import InputError
from gridrates.schedule import fallback, time_zone, yesterday


@pytest.mark.parametrize(
    "zone", ["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("hour", [0, 2, 6, 23])
def test_a_year_of_nights_names_every_date_once(zone: str, hour: int) -> None:
    nights = [datetime(2026, 1, 1, hour, tzinfo=ZoneInfo(zone)) + timedelta(days=n) for n in range(366)]
    days = [yesterday(night.astimezone(UTC), zone) for night in nights]
    first = datetime(2025, 12, 31)
    assert days == [f"{first + timedelta(days=n):%Y-%m-%d}" for n in range(366)]


def test_the_zone_is_the_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text("time_zone: America/New_York\n")
    monkeypatch.setenv("GRIDRATES_PROFILE", str(tmp_path))
    assert time_zone() == "America/New_York"
    monkeypatch.setenv("GRIDRATES_PROFILE", str(tmp_path / "none"))
    with pytest.raises(InputError, match="There is no profile"):
        time_zone()


@pytest.mark.parametrize(("minutes", "cron"), [(1, "*/1 * * * *"), (15, "*/15 * * * *"), (60, "0 * * * *")])
def test_the_fallback_of_landing_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, minutes: int, cron: str
) -> None:
    monkeypatch.setenv("GRIDRATES_LAND_EVERY_MINUTES", str(minutes))
    assert fallback() == cron
