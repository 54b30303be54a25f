"""Handing on what was published: reports as files, figures on the topic of rates.

Reads the published file and nothing else; may be repeated at any time. `dags/hand_on_rates.py` calls these
functions after every publication.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gridrates.settings import Settings
from producers.published_rates import send_published_rates
from reports.writing import write_after_publication


def write_reports(settings: Settings, dates: Sequence[str]) -> list[str]:
    """Write the reports that a publication of `dates` calls for; returns their files, below the home.

    Of many dates only those of the newest `reports_per_publication`. Raises WarehouseError (nothing is
    published) or OSError.
    """
    newest = sorted({date.fromisoformat(day) for day in dates})[-settings.reports_per_publication :]
    written = write_after_publication(settings, newest) if settings.reports_per_publication else []
    return [str(path.relative_to(settings.home_dir)) for path in written]


def send_rates(settings: Settings, dates: Sequence[str]) -> int:
    """Send the figures of `dates` to the topic of rates; returns how many. Raises as sending does."""
    return send_published_rates(settings, [date.fromisoformat(day) for day in dates])
