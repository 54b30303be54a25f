"""What the DAGs know of local time: the profile's zone and the date that should be published by now."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gridrates.profile import folder_of
from gridrates.settings import load_settings
from gridrates.yaml_files import read_yaml


def time_zone() -> str:
    """The zone of the profile in use. Raises InputError when there is no such profile."""
    return str(read_yaml(folder_of(load_settings().profile) / "profile.yaml").get("time_zone", "UTC"))


def fallback() -> str:
    """When to land in any case, as cron writes it. The hour begins anew."""
    minutes = load_settings().land_every_minutes
    return "0 * * * *" if minutes == 60 else f"*/{minutes} * * * *"


def yesterday(run_after: datetime, zone: str) -> str:
    """The date before the one that `run_after` falls on in `zone`, as YYYY-MM-DD.

    By the calendar, not by hours: also right where summer time makes a day of 23 or 25 hours.
    """
    return str(run_after.astimezone(ZoneInfo(zone)).date() - timedelta(days=1))
