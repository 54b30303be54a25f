"""The room's SQL, by name: `warehouse/sql/<name>.sql`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    """The text of one statement file."""
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
