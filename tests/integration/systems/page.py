"""docs/systems.md, read: its sections, their streets, gate rules and queries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "systems.md"


@dataclass(frozen=True)
class Section:
    """One system of the page."""

    number: int
    title: str
    street: str
    shown_by: tuple[str, ...]
    rules: tuple[str, ...]
    query: str


def sections() -> dict[int, Section]:
    """The sections by number."""
    found = {}
    for part in re.split(r"^## (?=\d+\. )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        number, title = re.match(r"(\d+)\. (.*)", part).groups()  # type: ignore[union-attr]
        found[int(number)] = Section(
            number=int(number),
            title=title,
            street=_one(r"Street: `([a-z-]+)`", part),
            shown_by=tuple(
                word for name in _named(r"- shown by: (.*?)\n- gate", part) for word in name.split(".")
            ),
            rules=tuple(_named(r"- gate: (.*?)\n\n", part)),
            query=_one(r"```sql\n(.*?)```", part),
        )
    return found


def _named(pattern: str, text: str) -> list[str]:
    """What stands in backticks there."""
    return re.findall(r"`([a-z_.]+)`", _one(pattern, text))


def _one(pattern: str, text: str) -> str:
    (found,) = re.findall(pattern, text, re.DOTALL)
    return str(found)
