"""What an import sends lands, whole and once, however often and however odd the export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gridrates.settings import Settings
from producers.csv_export.reading import BLANKS
from producers.csv_export.sending import Sent, send_exports
from tests.exporting import mapping_of, read_rejects, write_csv
from warehouse.landing import LandingSummary, land
from warehouse.live import open_live

HEADER = ["id", "opened", "due", "closed", "unit", "note"]
CONTENT: dict[str, Any] = {
    "source": "test",
    "id": "id",
    "time_zone": "Asia/Shanghai",
    "events": {
        "reported": {"at": "opened", "description": "note"},
        "filed": {"at": "opened", "unit_code": "unit", "deadline_at": "due"},
        "closed": {"at": "closed", "when": {"closed": "present"}},
    },
}
OPENED, DUE, CLOSED = "2024-05-01 08:00:00", "2024-05-03", "2024-05-02 09:30:00.5"


@pytest.fixture
def live_settings(kafka_settings: Settings) -> Settings:
    """Settings whose broker and home are the test's own, for a profile that is shipped."""
    return kafka_settings.model_copy(update={"profile": "demo-street"})


def row(number: int, **cells: str) -> list[str]:
    whole = {"id": f"案-{number}", "opened": OPENED, "due": DUE, "closed": CLOSED, "unit": "城管", "note": ""}
    return list((whole | cells).values())


def sent_and_landed(
    settings: Settings, tmp_path: Path, rows: Sequence[Sequence[str]]
) -> tuple[Sent, LandingSummary]:
    path = write_csv(tmp_path / "export.csv", [HEADER, *rows])
    sent = send_exports(settings, [path], mapping_of(CONTENT))
    assert sent.failure is None
    with open_live(settings, command="test") as connection:
        return sent, land(connection, settings)


def landed(settings: Settings, question: str) -> list[tuple[Any, ...]]:
    with open_live(settings, command="test") as connection:
        return connection.execute(question).fetchall()


def test_every_event_lands_as_it_was_meant(live_settings: Settings, tmp_path: Path) -> None:
    rows = [row(n, closed=CLOSED if n % 2 else "", unit="环卫所" if n % 3 else "") for n in range(3000)]
    sent, summary = sent_and_landed(live_settings, tmp_path, rows)
    assert sent.acknowledged == summary.read == summary.landed == 7500
    assert summary.rejected == summary.duplicates == 0
    found = landed(
        live_settings,
        "SELECT event_type, count(*), count(unit_code), count(deadline_at), "
        "min(occurred_at)::VARCHAR, max(sequence_no) FROM raw_event GROUP BY ALL ORDER BY ALL",
    )
    assert found == [
        ("gridrates.case.closed.v1", 1500, 0, 0, "2024-05-02 01:30:00.5+00", 3),
        ("gridrates.case.filed.v1", 3000, 2000, 3000, "2024-05-01 00:00:00+00", 2),
        ("gridrates.case.reported.v1", 3000, 0, 0, "2024-05-01 00:00:00+00", 1),
    ]


def test_importing_again_changes_nothing(live_settings: Settings, tmp_path: Path) -> None:
    rows = [row(n) for n in range(200)]
    sent_and_landed(live_settings, tmp_path, rows)
    before = landed(live_settings, "SELECT * EXCLUDE (batch_id) FROM raw_event ORDER BY event_id")
    sent, again = sent_and_landed(live_settings, tmp_path, rows[::-1])
    assert sent.acknowledged == again.read == again.duplicates == 600
    assert again.landed == again.conflicts == again.rejected == 0
    assert landed(live_settings, "SELECT * EXCLUDE (batch_id) FROM raw_event ORDER BY event_id") == before


def test_a_changed_row_adds_only_what_changed(live_settings: Settings, tmp_path: Path) -> None:
    rows = [row(n, closed="") for n in range(100)]
    sent_and_landed(live_settings, tmp_path, rows)
    rows[7] = row(7, closed=CLOSED)
    rows[8] = row(8, closed="", unit="另一单位")
    _, summary = sent_and_landed(live_settings, tmp_path, [*rows, row(100, closed="")])
    assert summary.landed == 1 + 1 + 2
    assert summary.duplicates == 199
    assert summary.conflicts == summary.rejected == 0
    found = landed(
        live_settings,
        "SELECT subject_id, event_type[16:-4], unit_code FROM raw_event "
        "WHERE batch_id = (SELECT max(batch_id) FROM raw_event) ORDER BY ALL",
    )
    assert found == [
        ("案-100", "filed", "城管"),
        ("案-100", "reported", None),
        ("案-7", "closed", None),
        ("案-8", "filed", "另一单位"),
    ]


HORRORS = {
    "a text of twenty thousand characters": row(1, note="长" * 20_000),
    "quotes, braces and backslashes": row(2, note='{"a": [1, "\\u0041", \'; DROP TABLE raw_event; --'),
    "a NUL": row(3, note="before\x00after"),
    "controls and separators": row(4, note="\x01\x1f\x7f\x85\u2028\u2029"),
    "the last character there is": row(5, note="\U0010ffff\uffff\ufffe"),
    "joined and turned around": row(6, note="👨‍👩‍👧 \u202eabc e\u0301"),
    "a formula": row(7, note='=HYPERLINK("http://example.invalid")'),
    "the first second": row(8, opened="1970-01-01 08:00:00"),
    "the last second": row(9, closed="2200-01-01 07:59:59.999999"),
    "a leap day": row(10, opened="2024-02-29"),
}
REFUSED = {
    "ten megabytes": row(11, note="x" * 10_000_000),
    "the year 1": row(12, opened="0001-01-01 00:00:00"),
    "the year 9999": row(13, closed="9999-12-31 23:59:59"),
    "no number": row(14, opened="NaN"),
    "nothing": row(15, id="", opened=""),
    "a code of braces": row(16, unit="{}"),
    "a NUL in a code": row(17, unit="a\x00b"),
    "bytes of another encoding": row(18, unit="\udcff\udcfe"),
    "too few cells": ["19"],
    "too many cells": [*row(20), "more"],
}


def test_horrors_land_or_are_rejected_and_none_is_lost(live_settings: Settings, tmp_path: Path) -> None:
    # Enough text that is UTF-8 for the few bytes that are not to be a matter of their row.
    plain = [row(1000 + n) for n in range(50)]
    sent, summary = sent_and_landed(
        live_settings, tmp_path, [*plain[:25], *HORRORS.values(), *REFUSED.values(), *plain[25:]]
    )
    assert sent.summary.mapped == len(plain) + len(HORRORS)
    assert sent.summary.rejected == len(REFUSED)
    assert summary.landed == sent.acknowledged == 3 * (len(plain) + len(HORRORS))
    assert summary.rejected == 0
    cases = {case for (case,) in landed(live_settings, "SELECT DISTINCT subject_id FROM raw_event")}
    assert cases == {cells[0] for cells in (*plain, *HORRORS.values())}
    rejected = [reject["id"] for reject in read_rejects(tmp_path / "export.rejects.csv")]
    assert rejected == [cells[0] for cells in REFUSED.values()]
    described = "SELECT description FROM raw_event WHERE event_type[16:23] = 'reported' AND subject_id = ?"
    with open_live(live_settings, command="test") as connection:
        for cells in HORRORS.values():
            (said,) = connection.execute(described, [cells[0]]).fetchone() or (None,)
            assert said == (cells[5].strip(BLANKS) or None)
