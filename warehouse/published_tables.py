"""What a published table is: its query, its grain, and what its columns mean in two languages.

Reads `published_tables.yaml` for the tables a published file holds about itself. Guarantees that a table
it accepts can be published whole: every column described, no two of the same Chinese name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gridrates.errors import InputError
from warehouse.statements import statement

OWN_TABLES = Path(__file__).with_name("published_tables.yaml")
PUBLICATION, DATES, DICTIONARY = "publication", "published_dates", "data_dictionary"
_QUERIES = {
    PUBLICATION: "published_publication",
    DATES: "published_dates",
    DICTIONARY: "published_dictionary",
}


@dataclass(frozen=True)
class Column:
    """A published column: what a value says, its Chinese name and, where it has one, its definition."""

    comment: str
    zh: str
    unit: str | None = None
    formula: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class PublicTable:
    """A table to publish.

    `sql` is a query over the live file giving exactly `columns`, in any order. Rows are written in the
    order of `grain`. A table with a `date_column` keeps the rows of a held-back date as they were.
    """

    name: str
    sql: str
    comment: str
    zh_name: str
    columns: Mapping[str, Column]
    grain: tuple[str, ...] = ()
    date_column: str | None = None

    def check(self, found: Iterable[str]) -> None:
        """Raise InputError unless the query's columns `found` are the ones described, and nameable."""
        found = set(found)
        undescribed, missing = found - set(self.columns), set(self.columns) - found
        if undescribed or missing:
            raise InputError(
                f"The table {self.name!r} cannot be published: "
                + _differences({"described nowhere": undescribed, "missing from its query": missing}),
                remedy="Let the columns of its table.yaml and of its query agree.",
            )
        twice = _repeated(column.zh for column in self.columns.values())
        if twice:
            raise InputError(
                f"Columns of the table {self.name!r} share a Chinese name: {', '.join(twice)}.",
                remedy="Give each column of its table.yaml a `zh` of its own.",
            )


@cache
def own_tables() -> Mapping[str, PublicTable]:
    """The tables a published file holds about itself, by name; their queries take parameters."""
    described: dict[str, Any] = yaml.safe_load(OWN_TABLES.read_text(encoding="utf-8"))
    return {name: _own_table(name, entry) for name, entry in described.items()}


def check_names(tables: Sequence[PublicTable]) -> None:
    """Raise InputError when two tables share a name or a Chinese name."""
    twice = _repeated(table.name for table in tables) + _repeated(table.zh_name for table in tables)
    if twice:
        raise InputError(
            f"Several published tables are called {', '.join(twice)}.",
            remedy="Give each its own `public_name` and `zh`; "
            f"{', '.join(own_tables())} are written by the publication itself.",
        )


def dictionary_rows(tables: Sequence[PublicTable]) -> list[dict[str, Any]]:
    """One row a column, as `data_dictionary` takes them."""
    return [
        {
            "table_position": position,
            "table_name": table.name,
            "table_zh": table.zh_name,
            "column_position": column_position,
            "column_name": name,
            "column_zh": column.zh,
            "meaning": column.comment,
            "unit": column.unit,
            "formula": column.formula,
            "source": column.source,
        }
        for position, table in enumerate(tables, start=1)
        for column_position, (name, column) in enumerate(table.columns.items(), start=1)
    ]


def _own_table(name: str, entry: dict[str, Any]) -> PublicTable:
    columns = {
        column: Column(comment=text["en"], zh=text["zh"], unit=text.get("unit"))
        for column, text in entry["columns"].items()
    }
    return PublicTable(
        name=name,
        sql=statement(_QUERIES[name]),
        comment=entry["en"],
        zh_name=entry["zh"],
        columns=columns,
        grain=tuple(entry["grain"]),
    )


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _differences(kinds: Mapping[str, set[str]]) -> str:
    return "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in kinds.items() if names) + "."
