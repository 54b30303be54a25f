"""The published interface: which tables analysts get, from which query, described in both languages.

Reads what the models declare (`public_name` in their `table.yaml`) and `public_tables.yaml`. Guarantees
that every published column carries a comment and a Chinese name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gridrates.profile import read_yaml
from transforms.models import Model, declared_models
from warehouse.published_tables import Column, PublicTable

OTHERS = Path(__file__).with_name("public_tables.yaml")


def public_tables() -> list[PublicTable]:
    """Every table to publish, beside those a publication writes about itself."""
    made = [_of_model(model) for model in declared_models() if model.table.public_name]
    return [*made, *(_of_entry(name, entry) for name, entry in read_yaml(OTHERS).items())]


def _of_model(model: Model) -> PublicTable:
    table = model.table
    columns = {name: column for name, column in model.columns.items() if not column.internal}
    assert table.public_name and table.zh_name
    return PublicTable(
        name=table.public_name,
        sql=_select(model.name, columns),
        comment=f"{table.zh}. {table.en}.",
        zh_name=table.zh_name,
        columns={
            name: Column(c.en, c.zh, c.unit or None, c.formula or None, c.source or None)
            for name, c in columns.items()
        },
        grain=table.grain,
        date_column="business_date" if "business_date" in columns else None,
    )


def _of_entry(name: str, entry: dict[str, Any]) -> PublicTable:
    columns = {column: Column(text["en"], text["zh"]) for column, text in entry["columns"].items()}
    return PublicTable(
        name=name,
        sql=_select(entry["from"], columns),
        comment=f"{entry['zh']}. {entry['en']}.",
        zh_name=entry["zh"],
        columns=columns,
        grain=tuple(entry["grain"]),
    )


def _select(table: str, columns: Any) -> str:
    return f"SELECT {', '.join(columns)} FROM {table}"
