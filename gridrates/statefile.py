"""The state file: what each stage of the pipeline did last, for `gridrates status`.

Reads and writes `<home>/status.json`, an object with one entry a stage. It is a note for people who watch:
the truth stays in the warehouse, which they cannot open while it is being written. Guarantees that a
reader always finds a whole file, and that two writers do not lose each other's entries.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gridrates.settings import Settings


def path(settings: Settings) -> Path:
    """Where the file is."""
    return settings.home_dir / "status.json"


def write(settings: Settings, key: str, entry: Mapping[str, Any]) -> None:
    """Replace the entry of `key`, noting the moment as `at`; what JSON does not know is written as text."""
    file = path(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = read(settings) | {key: {**entry, "at": datetime.now(UTC).isoformat()}}
        aside = file.with_suffix(".new")
        aside.write_text(json.dumps(entries, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
        aside.replace(file)


def read(settings: Settings) -> dict[str, dict[str, Any]]:
    """All entries by key; none when the file is missing or not ours."""
    try:
        entries = json.loads(path(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def succeeded_at(entries: Mapping[str, Any], stage: str) -> str | None:
    """When the stage last ended well, whatever was tried since; None when it never did."""
    entry = entries.get(stage, {})
    # A version before noted the last try alone.
    ended_well = entry.get("ended_at") if entry.get("state") == "succeeded" else None
    return entry.get("succeeded_at") or ended_well
