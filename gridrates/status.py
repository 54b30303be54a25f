"""Is it all right? Five lines, each green, yellow or red.

Reads the state file, the published file and Kafka's offsets, with a bounded wait; writes nothing and never
opens the live file, which its writer holds. What cannot be read is a line of its own, not a failure.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any

from gridrates import statefile
from gridrates.errors import GridratesError
from gridrates.lag import read_partitions
from gridrates.published_client import open_published
from gridrates.settings import Settings

SQL = Path(__file__).parent / "sql"
# Lag is normal while events arrive; it is not when nothing has been landed for so long.
SLOW_LANDING, STUCK_LANDING = timedelta(minutes=10), timedelta(hours=1)
LOW_DISK, FULL_DISK = 0.10, 0.02
_FAILED = "FROM quality_results WHERE NOT is_passed"
_AGAIN = "Mend what it says, then run `gridrates {}`."


class Level(IntEnum):
    """How much a line needs somebody."""

    GREEN = 0
    YELLOW = 1
    RED = 2

    @property
    def exit_code(self) -> int:
        """The exit code of `gridrates status`: apart from those of failures."""
        return 10 * self


@dataclass
class Line:
    """One question of `status` and its answer; `details` are the figures behind it."""

    name: str
    zh: str
    level: Level
    text: str
    remedy: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lag:
    """Records on the topic, those of them that landing has not reached, and whether there is such a topic."""

    records: int
    behind: int
    has_topic: bool = True


@dataclass(frozen=True)
class Published:
    """What the published file says of itself, of its checks and of what was refused."""

    generation: int
    published_at: datetime
    first_date: date | None
    last_date: date | None
    newest_event_at: datetime | None
    held_back: Mapping[date, str]
    open_rejects: Mapping[str, int]
    checked: int
    failed: Mapping[str, int]


def collect(
    settings: Settings, *, now: datetime | None = None, probe: Callable[[Settings], Lag] | None = None
) -> list[Line]:
    """The five lines, in the order of the pipeline. `probe` asks Kafka for the lag."""
    moment = now or datetime.now(UTC)
    stages = statefile.read(settings)
    try:
        published = read_published(settings)
    except GridratesError:
        published = None
    return [
        _landing(settings, stages, probe or read_lag, moment),
        _freshness(settings, stages, published, moment),
        _rejects(stages, published),
        _checks(stages, published),
        _disk(settings),
    ]


def read_published(settings: Settings) -> Published:
    """What is published. Raises WarehouseError when nothing is."""
    with open_published(settings) as connection:
        ((generation, published_at, first, last, newest),) = connection.execute(
            _sql("status_published")
        ).fetchall()
        checks = connection.execute(_sql("status_checks")).fetchall()
        return Published(
            generation=generation,
            published_at=published_at,
            first_date=first,
            last_date=last,
            newest_event_at=newest,
            held_back=dict(connection.execute(_sql("status_held_back")).fetchall()),
            open_rejects=dict(connection.execute(_sql("status_rejects")).fetchall()),
            checked=sum(count for _, count, _ in checks),
            failed={severity: failed for severity, _, failed in checks if failed},
        )


def read_lag(settings: Settings) -> Lag:
    """How far landing is behind the topic, by the offsets it told Kafka. Raises ServiceUnavailable."""
    partitions = read_partitions(settings)
    records, behind = sum(each.records for each in partitions), sum(each.behind for each in partitions)
    return Lag(records, behind, has_topic=bool(partitions))


def _landing(
    settings: Settings, stages: Mapping[str, Any], probe: Callable[[Settings], Lag], now: datetime
) -> Line:
    line = Line("landing", "落地", Level.GREEN, "")
    landed_at = _moment(statefile.succeeded_at(stages, "land"))
    since = now - landed_at if landed_at else None
    line.details = {"landed_at": landed_at, "topic": settings.topic}
    last = f"last landing {_ago(since)}" if since else "nothing has been landed yet"
    try:
        lag = probe(settings)
    except GridratesError as error:
        return _worse(line, Level.RED, f"{error.message} {last}", error.remedy)
    line.details |= {"lag": lag.behind, "records": lag.records}
    if landed_at and not lag.has_topic:
        text = f"Kafka has no topic {settings.topic!r} any more; {last}"
        return _worse(line, Level.RED, text, "See docs/runbooks/task-failed.md: what waited on it is lost.")
    line.text = f"{lag.behind:,} of {lag.records:,} records wait; {last}"
    if failure := _failure(stages, "land"):
        tried_at = _moment(stages["land"].get("ended_at"))
        tried = f"the try {_ago(now - tried_at)}" if tried_at else "the last try"
        return _worse(line, Level.RED, f"{line.text}; {tried} failed: {failure}", _AGAIN.format("land"))
    if lag.behind and (since is None or since > SLOW_LANDING):
        level = Level.RED if since and since > STUCK_LANDING else Level.YELLOW
        return _worse(line, level, line.text, "Run `gridrates run`, or see whether its schedule is paused.")
    return line


def _freshness(
    settings: Settings, stages: Mapping[str, Any], published: Published | None, now: datetime
) -> Line:
    line = Line("freshness", "时效", Level.GREEN, "")
    if published is None:
        return _not_there(line, settings, _moment(statefile.succeeded_at(stages, "publish")))
    age = now - published.published_at
    line.details = {
        "generation": published.generation,
        "published_at": published.published_at,
        "first_date": published.first_date,
        "last_date": published.last_date,
        "newest_event_at": published.newest_event_at,
    }
    newest = published.newest_event_at
    line.text = f"generation {published.generation} published {_ago(age)}, dates to {published.last_date}" + (
        f"; newest event {_ago(now - newest)}" if newest else "; no event yet"
    )
    for stage in ("fold", "compute", "publish"):
        if failure := _failure(stages, stage):
            return _worse(line, Level.RED, f"{line.text}; {stage} failed: {failure}", _AGAIN.format("run"))
    limit = timedelta(hours=settings.fresh_within_hours)
    if age > limit:
        level = Level.RED if age > 2 * limit else Level.YELLOW
        return _worse(line, level, line.text, "Run `gridrates run`, or see whether its schedule is paused.")
    return line


def _not_there(line: Line, settings: Settings, published_at: datetime | None) -> Line:
    """Without a readable published file: it was never made, or it was and is gone."""
    if published_at is None:
        return _worse(line, Level.YELLOW, "nothing has been published yet", "Run `gridrates run`.")
    return _worse(
        line,
        Level.RED,
        f"what was published on {published_at:%Y-%m-%d %H:%M} UTC is gone or cannot be read: "
        f"{settings.published_dir}",
        "Run `gridrates run`: it publishes everything anew.",
    )


def _rejects(stages: Mapping[str, Any], published: Published | None) -> Line:
    line = Line("rejects", "拒收", Level.GREEN, "none is open")
    if published is None and "land" in stages:
        line.text = "unknown until something is published"
    found = published.open_rejects if published else {}
    line.details = {"open": dict(found)}
    if found:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in found.items())
        return _worse(
            line,
            Level.YELLOW,
            f"{sum(found.values()):,} open: {reasons}",
            "See `gridrates dead-letters list`.",
        )
    return line


def _checks(stages: Mapping[str, Any], published: Published | None) -> Line:
    line = Line("checks", "质量", Level.GREEN, "nothing has been checked yet")
    for stage in ("check_raw", "check_marts"):
        if failure := _failure(stages, stage):
            return _worse(line, Level.RED, f"{stage} failed: {failure}", _AGAIN.format("check"))
    if published is None:
        return line
    held, failed = published.held_back, published.failed
    line.details = {
        "checked": published.checked,
        "failed": dict(failed),
        "held_back": {str(d): r for d, r in held.items()},
    }
    line.text = f"{published.checked:,} rules checked, " + (
        ", ".join(f"{count} {severity}" for severity, count in failed.items()) + " failed"
        if failed
        else "all hold"
    )
    see = "See `gridrates held list`." if held else f'See `gridrates query "{_FAILED}"`.'
    if held:
        days = ", ".join(str(day) for day in list(held)[:3]) + (" …" if len(held) > 3 else "")
        return _worse(line, Level.YELLOW, f"{line.text}; {len(held)} dates held back: {days}", see)
    return _worse(line, Level.YELLOW, line.text, see) if failed else line


def _disk(settings: Settings) -> Line:
    line = Line("disk", "空间", Level.GREEN, "")
    live, published = size_below(settings.warehouse_path.parent), size_below(settings.published_dir)
    usage = shutil.disk_usage(existing(settings.home_dir))
    share = usage.free / usage.total
    line.details = {
        "live_bytes": live,
        "published_bytes": published,
        "free_bytes": usage.free,
        "free_share": share,
    }
    line.text = f"live {_bytes(live)}, published {_bytes(published)}, {_bytes(usage.free)} free ({share:.0%})"
    if share < LOW_DISK:
        level = Level.RED if share < FULL_DISK else Level.YELLOW
        return _worse(
            line, level, line.text, "Make room, or keep fewer generations (GRIDRATES_KEEP_GENERATIONS)."
        )
    return line


def _worse(line: Line, level: Level, text: str, remedy: str) -> Line:
    line.level, line.text, line.remedy = level, text, remedy
    return line


def _failure(stages: Mapping[str, Any], stage: str) -> str | None:
    """What the stage's last run failed of, or None."""
    entry = stages.get(stage, {})
    return str(entry.get("detail")) if entry.get("state") == "failed" else None


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _ago(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def size_below(folder: Path) -> int:
    """Bytes below a folder; links count nothing, and files that vanish meanwhile neither."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.lstat().st_size if not file.is_symlink() else 0
        except FileNotFoundError:
            continue
    return total


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that there is."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
