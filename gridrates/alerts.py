"""Alerts: somebody is told once that something is wrong, again after a while, and once that it is over.

Reads and writes `<home>/alerts.json`, the alerts that are open. Guarantees that of several processes that
notice the same at once one tells it; that an alert no channel took is told again with the next occasion; and
that a failure to tell never becomes a failure of who noticed.
"""

from __future__ import annotations

import fcntl
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from gridrates.alert_channels import Message, configured, deliver
from gridrates.settings import Settings

log = logging.getLogger(__name__)

Severity = Literal["warning", "critical"]
State = dict[str, dict[str, Any]]
WEIGHT: dict[str, int] = {"warning": 1, "critical": 2}


@dataclass(frozen=True)
class Alert:
    """What is wrong. `key` tells it from others over time; `runbook` names a page of docs/runbooks."""

    key: str
    what: str
    severity: Severity = "critical"
    dates: tuple[str, ...] = ()
    remedy: str = ""
    runbook: str = ""
    link: str = ""


def path(settings: Settings) -> Path:
    """Where the open alerts are noted."""
    return settings.home_dir / "alerts.json"


def open_alerts(settings: Settings) -> State:
    """The alerts that are open: key → what, severity, since when, how often, when last told."""
    try:
        found = json.loads(path(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def fire(settings: Settings, alert: Alert, *, now: datetime | None = None) -> bool:
    """Tell that something is wrong, unless it was told lately; whether it was told now."""
    moment = now or datetime.now(UTC)
    with _noted(settings) as state:
        known = state.get(alert.key)
        new: dict[str, Any] = {"since": moment.isoformat(), "count": 0, "told_at": None}
        entry = new | (known or {})
        is_due = _is_due(settings, entry, alert, moment)
        entry |= {"count": entry["count"] + 1, "what": alert.what}
        if is_due and _tell(settings, _firing(settings, alert, entry)):
            entry |= {"told_at": moment.isoformat(), "severity": alert.severity}
        state[alert.key] = entry
        return is_due and entry["told_at"] == moment.isoformat()


def resolve(settings: Settings, key: str, *, now: datetime | None = None) -> bool:
    """Tell that it is over, if an alert of that key is open; whether it was told."""
    if key not in open_alerts(settings):
        return False
    with _noted(settings) as state:
        # Somebody else may have been quicker; and who was never told need not hear that it is over.
        entry = state.get(key)
        is_told = bool(entry and entry["told_at"])
        if entry is None or (
            is_told and not _tell(settings, _resolved(key, entry, now or datetime.now(UTC)))
        ):
            return False
        del state[key]
        return is_told


def send_test(settings: Settings) -> dict[str, str | None]:
    """Send a message that asks for nothing; channel → None, or why it did not go."""
    alert = Alert("test", "This is a test; nothing is wrong. 测试消息，无需处理。", severity="warning")
    now = datetime.now(UTC).isoformat()
    return deliver(settings, _firing(settings, alert, {"since": now, "count": 1}))


def _is_due(settings: Settings, entry: dict[str, Any], alert: Alert, now: datetime) -> bool:
    """Not told yet, told as less than it is, or told long ago."""
    if entry["told_at"] is None or WEIGHT[alert.severity] > WEIGHT.get(entry.get("severity", ""), 0):
        return True
    return now - datetime.fromisoformat(entry["told_at"]) >= timedelta(hours=settings.alert_repeat_hours)


def _tell(settings: Settings, message: Message) -> bool:
    """Send; whether anybody took it. Where no channel is set up the log is all there is."""
    title, text, _ = message
    log.warning("%s\n%s", title, text)
    outcome = deliver(settings, message)
    for channel, failure in outcome.items():
        if failure:
            log.error("The alert did not go by %s: %s", channel, failure)
    return not configured(settings) or any(failure is None for failure in outcome.values())


def _firing(settings: Settings, alert: Alert, entry: dict[str, Any]) -> Message:
    mark = "告警 ALERT" if alert.severity == "critical" else "提醒 WARNING"
    page = f"{settings.runbook_base.rstrip('/')}/{alert.runbook}.md" if alert.runbook else ""
    lines = {
        "情况 What": alert.what,
        "日期 Dates": ", ".join(alert.dates),
        "处理 Do": alert.remedy,
        "手册 Runbook": page,
        "日志 Log": alert.link,
        "始于 Since": entry["since"][:16] + " UTC" if entry["count"] else "",
    }
    return (
        f"[gridrates] {mark}: {alert.key}",
        _text(lines),
        {"status": "firing", **asdict(alert), "page": page},
    )


def _resolved(key: str, entry: dict[str, Any], now: datetime) -> Message:
    lasted = now - datetime.fromisoformat(entry["since"])
    lines = {
        "情况 What": f"It is over: {entry['what']}",
        "持续 Lasted": f"{lasted.total_seconds() / 60:.0f} min",
        "次数 Seen": str(entry["count"]),
    }
    fields = {"status": "resolved", "key": key, "since": entry["since"], "count": entry["count"]}
    return f"[gridrates] 恢复 RESOLVED: {key}", _text(lines), fields


def _text(lines: dict[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in lines.items() if value)


@contextmanager
def _noted(settings: Settings) -> Iterator[State]:
    """The open alerts, to be changed; nobody else changes or tells meanwhile."""
    file = path(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = open_alerts(settings)
        yield state
        aside = file.with_suffix(".new")
        aside.write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")
        aside.replace(file)
