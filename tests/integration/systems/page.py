"""docs/systems.md: its sections with their streets, gate rules and queries; the table that a run makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[3] / "docs" / "systems.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
HEAD = """| # | system | street | events sent | figures out | expected | equal |
| ---: | --- | --- | ---: | --- | --- | --- |
"""


class Figure(NamedTuple):
    """One figure of a system: what came out, and what was expected."""

    name: str
    out: Any
    expected: Any


@dataclass(frozen=True)
class Outcome:
    """A system at one street: how many events carried it, and its figures."""

    number: int
    title: str
    street: str
    sent: int
    figures: tuple[Figure, ...]

    @property
    def is_equal(self) -> bool:
        return all(figure.out == figure.expected for figure in self.figures)

    @property
    def line(self) -> str:
        """The row of the table."""
        out = ", ".join(f"{name} {_shown(value)}" for name, value, _ in self.figures)
        expected = ", ".join(_shown(value) for *_, value in self.figures)
        equal = "yes" if self.is_equal else "**NO**"
        cells = self.number, self.title, self.street, f"{self.sent:,}", out, expected, equal
        return f"| {' | '.join(map(str, cells))} |"


def _shown(value: Any) -> str:
    """A figure as a reader wants it: a long list by what it comes to."""
    if isinstance(value, dict):
        return f"{sum(value.values()):,} in {len(value):,} rows"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | set):
        return " ".join(sorted(map(_shown, value)))
    return f"{value:g}" if isinstance(value, float) else str(value)


def table(lines: Iterable[str]) -> str:
    """The table of these rows."""
    return HEAD + "".join(f"{line}\n" for line in lines)


def rows_of_page() -> dict[int, str]:
    """The rows of the table by number, as the page has them."""
    found = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].splitlines()
    return {int(row.split(" ")[1]): row for row in found[2:]}


def write_rows(rows: Mapping[int, str]) -> None:
    """Put these rows on the page, in place of those of the same numbers."""
    together = sorted((rows_of_page() | rows).items())
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{table(row for _, row in together)}{END}{after}", encoding="utf-8")


@dataclass(frozen=True)
class Section:
    """One system of the page."""

    number: int
    title: str
    street: str
    shown_by: tuple[str, ...]
    rules: tuple[str, ...]
    query: str
    settings: str


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
            settings="".join(re.findall(r"```yaml\n(.*?)```", part, re.DOTALL)),
        )
    return found


def _named(pattern: str, text: str) -> list[str]:
    """What stands in backticks there."""
    return re.findall(r"`([a-z_.]+)`", _one(pattern, text))


def _one(pattern: str, text: str) -> str:
    (found,) = re.findall(pattern, text, re.DOTALL)
    return str(found)
