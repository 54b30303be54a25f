"""Measures the pipeline itself: lag, freshness, rejects, the gate, restatements, durations, sizes, room.

Reads the live file (through the connection it is given), the published file and Kafka's offsets; writes rows
of `ops_pipeline_health`. What is measured is declared in `health.yaml`, with the setting each figure is held
to. Guarantees that a service that is away is a finding, not a failure: the others are still measured.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from gridrates import lag
from gridrates.alerts import Alert, fire, resolve
from gridrates.errors import GridratesError, WarehouseError
from gridrates.published_client import open_published
from gridrates.settings import Settings
from gridrates.status import Level
from gridrates.yaml_files import read_yaml

SQL = Path(__file__).parent / "sql"
DECLARED = Path(__file__).with_name("health.yaml")
# Published tables that get a row a business date, so that their newest one tells how fresh they are.
DATED = ("daily_rates", "unit_daily_rates", "category_daily_rates", "channel_daily_rates")
KEPT = timedelta(days=92)
# What cannot be known while Kafka is away, and what then goes without saying.
OF_KAFKA = ("lag", "unlanded_age")
BY_KAFKA = "failed_stages/land"
# Subjects an alert names.
TOLD = 5

Probe = Callable[[Settings], Sequence[lag.PartitionLag]]
Values = Iterable[tuple[str, float]]


@dataclass(frozen=True)
class Check:
    """What `health.yaml` declares of one check."""

    name: str
    zh: str
    unit: str
    runbook: str
    remedy: str
    limit: str | None = None
    times: float = 1
    most: bool = True
    red_at: float | None = None
    always_red: bool = False

    def limit_of(self, settings: Settings) -> float:
        """The figure from which it is yellow, in the unit of the check."""
        return float(getattr(settings, self.limit)) * self.times if self.limit else 0.0

    def level(self, value: float, limit: float) -> Level:
        """How much somebody is needed."""
        if not self._is_beyond(value, limit):
            return Level.GREEN
        is_red = self.always_red or (self.red_at is not None and self._is_beyond(value, limit * self.red_at))
        return Level.RED if is_red else Level.YELLOW

    def _is_beyond(self, value: float, limit: float) -> bool:
        return value > limit if self.most else value < limit


@dataclass(frozen=True)
class Finding:
    """One figure: the check, what it is about (a partition, a source, a table …), and its verdict."""

    check: str
    subject: str
    value: float | None
    unit: str
    limit: float
    level: Level
    runbook: str
    remedy: str = ""
    detail: str = ""

    @property
    def key(self) -> str:
        """What tells it from other findings over time."""
        return f"{self.check}/{self.subject}"

    @property
    def is_red(self) -> bool:
        """Whether somebody is needed now."""
        return self.level is Level.RED

    @property
    def text(self) -> str:
        """The finding in words."""
        return (
            self.detail
            or f"{self.key} is {spoken(self.value, self.unit)} (limit {spoken(self.limit, self.unit)})"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON and the state file; the level by its name."""
        return asdict(self) | {"level": self.level.name.lower(), "text": self.text}


@cache
def checks() -> dict[str, Check]:
    """All declared checks by name."""
    return {name: _check(name, entry) for name, entry in read_yaml(DECLARED).items()}


def _check(name: str, entry: Mapping[str, Any]) -> Check:
    given = dict(entry)
    return Check(name=name, most=given.pop("is", "most") == "most", **given)


def measure(
    settings: Settings, connection: duckdb.DuckDBPyConnection, *, now: datetime, probe: Probe | None = None
) -> list[Finding]:
    """Everything there is to measure, in the order of `health.yaml`. `probe` asks Kafka for the lag."""
    size = _size(settings.warehouse_path)
    found = [*_kafka(settings, probe or _probe, now), *_published(settings, now)]
    found += _of_live(settings, connection, {"now": now, "file_bytes": size})
    found += judge(settings, "file_bytes", [("live", float(size))])
    usage = shutil.disk_usage(settings.warehouse_path.parent)
    found += judge(settings, "disk_free_share", [("home", usage.free / usage.total)])
    order = list(checks())
    return sorted(found, key=lambda finding: (order.index(finding.check), finding.subject))


def record(connection: duckdb.DuckDBPyConnection, findings: Sequence[Finding], *, now: datetime) -> None:
    """Keep what was found, and forget what was found long ago; in one transaction."""
    rows = [
        {
            "checked_at": now,
            "check_name": each.check,
            "subject": each.subject,
            "value": each.value,
            "unit": each.unit,
            "limit_value": each.limit,
            "level": each.level.name.lower(),
            "detail": each.detail or None,
        }
        for each in findings
    ]
    connection.begin()
    try:
        connection.executemany(_sql("insert_health"), rows)
        connection.execute(_sql("forget_health"), {"before": now - KEPT})
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def tell(settings: Settings, findings: Sequence[Finding]) -> None:
    """Tell people what is beyond its limit, one alert a check, and what is no longer."""
    is_kafka_away = any(each.check == "kafka" and each.level for each in findings)
    for name, check in checks().items():
        found = [each for each in findings if each.check == name and each.level]
        beyond = [each for each in found if not (is_kafka_away and each.key == BY_KAFKA)]
        key = name if name == "kafka" else f"health/{name}"
        if beyond:
            fire(settings, _alert(key, check, beyond))
        # What could not be measured is not over.
        elif not (is_kafka_away and name in OF_KAFKA):
            resolve(settings, key)


def _alert(key: str, check: Check, beyond: Sequence[Finding]) -> Alert:
    is_red = any(each.is_red for each in beyond)
    told = "; ".join(each.text for each in beyond[:TOLD])
    more = f"; and {len(beyond) - TOLD} more" if len(beyond) > TOLD else ""
    return Alert(
        key=key,
        what=f"{check.zh}: {told}{more}",
        severity="critical" if is_red else "warning",
        remedy=check.remedy,
        runbook=check.runbook,
    )


def judge(settings: Settings, name: str, values: Values) -> list[Finding]:
    """The findings of one check: (subject, value) held to its limit."""
    check = checks()[name]
    limit = check.limit_of(settings)
    return [
        Finding(
            check=name,
            subject=subject,
            value=value,
            unit=check.unit,
            limit=limit,
            level=(level := check.level(value, limit)),
            runbook=check.runbook,
            remedy=check.remedy if level else "",
        )
        for subject, value in values
    ]


def spoken(value: float | None, unit: str) -> str:
    """A figure as people say it."""
    if value is None:
        return "unknown"
    match unit:
        case "seconds":
            return f"{value / 3600:.1f} h" if value >= 7200 else f"{value / 60:.0f} min"
        case "share":
            return f"{value:.1%}"
        case "bytes":
            return f"{value / 1e9:.2f} GB"
        case "ratio":
            return f"{value:.1f} times the usual"
    return f"{value:,.0f} {unit.removesuffix('s') if value == 1 else unit}"


def _probe(settings: Settings) -> Sequence[lag.PartitionLag]:
    return lag.read_partitions(settings, with_oldest=True)


def _kafka(settings: Settings, probe: Probe, now: datetime) -> Iterator[Finding]:
    try:
        partitions = probe(settings)
    except GridratesError as error:
        (away,) = judge(settings, "kafka", [("broker", 1.0)])
        # It becomes a part of a sentence that has its own full stop.
        yield replace(away, detail=error.message.removesuffix("."))
        return
    yield from judge(settings, "kafka", [("broker", 0.0)])
    yield from judge(settings, "lag", [(str(each.partition), float(each.behind)) for each in partitions])
    ages = [
        (str(each.partition), max(0.0, (now - each.oldest_at).total_seconds()) if each.oldest_at else 0.0)
        for each in partitions
    ]
    yield from judge(settings, "unlanded_age", ages)


def _published(settings: Settings, now: datetime) -> list[Finding]:
    """How fresh each published table is; nothing before the first publication."""
    try:
        with open_published(settings) as connection:
            ages = connection.execute(_sql("health_table_age"), {"now": now}).fetchall()
            for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                if table in DATED and (age := _age_of(connection, table, now)) is not None:
                    ages.append((table, age))
    except WarehouseError:
        return []
    return judge(settings, "table_age", [(subject, max(0.0, age)) for subject, age in ages])


def _age_of(connection: duckdb.DuckDBPyConnection, table: str, now: datetime) -> float | None:
    """Seconds since the newest business date of the table was over; None when it has no rows."""
    over = "(max(business_date) + 1)::TIMESTAMP::TIMESTAMPTZ"
    row = connection.execute(f"SELECT epoch(? - {over}) FROM {table}", [now]).fetchone()
    return None if row is None else row[0]


def _of_live(
    settings: Settings, connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any]
) -> Iterator[Finding]:
    for name in checks():
        if name != "table_age" and (SQL / f"health_{name}.sql").exists():
            yield from judge(settings, name, _query(connection, _sql(f"health_{name}"), parameters))


def _query(connection: duckdb.DuckDBPyConnection, text: str, parameters: Mapping[str, Any]) -> Values:
    """The rows of a statement; none when it asks for a table that no pass has made yet."""
    asked = {name: value for name, value in parameters.items() if f"${name}" in text}
    try:
        return connection.execute(text, asked).fetchall()
    except duckdb.CatalogException:
        return []


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
