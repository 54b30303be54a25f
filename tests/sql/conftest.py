"""Each YAML file below this folder is a test: events in, rows of derived tables out.

`about` says what it shows, `profile` what the city chose, `events` a list of [case, verb, local time, data?]
or {repeat: N, events: [...]} for N cases alike (their ids get a number), `expect` by table the rows: only the
columns named are compared, in the order of the table's grain. `where` narrows a table; `select` with
`group_by` adds it up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from gridrates.profile import Profile
from tests.derived import derive, profile, rows
from tests.events import Row, event
from transforms.models import load_table


def pytest_collect_file(file_path: Any, parent: Any) -> pytest.Collector | None:
    if file_path.suffix == ".yaml":
        return CaseFile.from_parent(parent, path=file_path)
    return None


class CaseFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        yield Case.from_parent(self, name=self.path.stem)


class Case(pytest.Item):
    def runtest(self) -> None:
        case = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        chosen = profile(**case.get("profile", {}))
        connection = derive(events_of(case, chosen), chosen, **as_of(case))
        for table, expected in case["expect"].items():
            _compare(connection, table, expected, chosen.time_zone)

    def reportinfo(self) -> tuple[Any, int, str]:
        return self.path, 0, f"{self.parent.path.parent.name}/{self.name}"

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, AssertionError):
            return f"{self.path}: {excinfo.value}"
        return super().repr_failure(excinfo, style)


def events_of(case: Row, chosen: Profile) -> Iterator[Row]:
    """The events of a case file."""
    return _events(case["events"], chosen.time_zone)


def as_of(case: Row) -> dict[str, Any]:
    """The statistics moment, where a case file sets one."""
    return {"as_of": datetime.fromisoformat(str(case["as_of"]))} if "as_of" in case else {}


def _events(entries: Iterable[Any], zone: str, suffix: str = "") -> Iterator[Row]:
    for entry in entries:
        if isinstance(entry, dict):
            for number in range(entry["repeat"]):
                yield from _events(entry["events"], zone, f"-{number}")
        else:
            subject, verb, time, *data = entry
            yield event(f"{subject}{suffix}", verb, str(time), zone, **(data[0] if data else {}))


def _compare(connection: Any, table: str, expected: Any, zone: str) -> None:
    says = expected if isinstance(expected, dict) else {"rows": expected}
    wanted = says["rows"]
    found = rows(connection, _query(table, says, list(dict.fromkeys(name for row in wanted for name in row))))
    assert len(found) == len(wanted), f"{table}: {len(found)} rows, not {len(wanted)}: {found}"
    for row, expectation in zip(found, wanted, strict=True):
        plain = {name: _plain(row[name], zone) for name in expectation}
        assert plain == {name: _plain(value, zone) for name, value in expectation.items()}, table


def _query(table: str, says: Row, columns: list[str]) -> str:
    source = f"FROM {table} WHERE {says.get('where', 'TRUE')}"
    if "group_by" in says:
        return f"SELECT {says['select']} {source} GROUP BY {says['group_by']} ORDER BY {says['group_by']}"
    return f"SELECT {', '.join(columns)} {source} ORDER BY {', '.join(load_table(table).grain)}"


def _plain(value: Any, zone: str) -> Any:
    """A value as a case file writes it: local time to the second, rates to six digits."""
    if isinstance(value, datetime):
        local = value.astimezone(ZoneInfo(zone)) if value.tzinfo else value
        return local.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return round(value, 6) if isinstance(value, float) else value
