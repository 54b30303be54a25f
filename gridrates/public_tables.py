"""The published interface: which tables analysts get, from which query, described in both languages.

Reads what the models declare (`public_name` in their `table.yaml`) and `public_tables.yaml`. Guarantees
that every published column carries a comment and a Chinese name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gridrates.yaml_files import read_yaml
from transforms.indicators import load_indicators
from transforms.models import Model, declared_models
from transforms.restatement import RATES, VERSIONS
from warehouse.published_tables import Column, PublicTable

OTHERS = Path(__file__).with_name("public_tables.yaml")
INDICATORS, HISTORY = "indicators", "daily_rates_history"


def public_tables() -> list[PublicTable]:
    """Every table to publish, beside those a publication writes about itself."""
    made = [_of_model(model) for model in declared_models() if model.table.public_name]
    others = [_of_entry(name, entry) for name, entry in read_yaml(OTHERS).items()]
    completed = {INDICATORS: _with_indicators, HISTORY: _with_rates}
    return [*made, *(completed[table.name](table) if table.name in completed else table for table in others)]


def _of_model(model: Model) -> PublicTable:
    table = model.table
    columns = {name: column for name, column in model.columns.items() if not column.internal}
    assert table.public_name and table.zh_name
    return PublicTable(
        name=table.public_name,
        sql=_select(model.name, dict(zip(columns, columns, strict=True))),
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
        sql=_select(entry["from"], {name: text.get("from", name) for name, text in entry["columns"].items()}),
        comment=f"{entry['zh']}. {entry['en']}.",
        zh_name=entry["zh"],
        columns=columns,
        grain=tuple(entry["grain"]),
    )


def _with_indicators(table: PublicTable) -> PublicTable:
    """The table of indicators, which is in the live file only as the SQL made from it."""
    family = load_indicators()
    rows = [
        {
            "position": position,
            "indicator_code": code,
            "name_zh": rate.zh,
            "name_en": rate.en,
            "is_headline": rate.headline,
            "numerator": rate.numerator,
            "numerator_zh": family.measures[rate.numerator].zh,
            "numerator_en": family.measures[rate.numerator].en,
            "denominator": rate.denominator,
            "denominator_zh": family.measures[rate.denominator].zh,
            "denominator_en": family.measures[rate.denominator].en,
            "basis": family.cohorts[family.measures[rate.denominator].cohort].basis,
            "basis_zh": family.cohorts[family.measures[rate.denominator].cohort].basis_zh,
            "source": rate.source,
        }
        for position, (code, rate) in enumerate(family.indicators.items(), start=1)
    ]
    types = {"position": "BIGINT", "is_headline": "BOOLEAN"}
    shape = json.dumps([{column: types.get(column, "VARCHAR") for column in table.columns}])
    values = json.dumps(rows, ensure_ascii=False).replace("'", "''")
    return replace(table, sql=f"SELECT unnest(from_json('{values}', '{shape}'), recursive := true)")


def _with_rates(table: PublicTable) -> PublicTable:
    """The history of the daily rates: their columns in front of those that say when a row stood."""
    rates = next(_of_model(model) for model in declared_models() if model.name == RATES)
    columns = dict(rates.columns) | dict(table.columns)
    return replace(table, sql=_select(VERSIONS, dict(zip(columns, columns, strict=True))), columns=columns)


def _select(table: str, columns: Mapping[str, str]) -> str:
    """A query of columns by their published name and the one they have in the live file."""
    chosen = (name if name == own else f"{own} AS {name}" for name, own in columns.items())
    return f"SELECT {', '.join(chosen)} FROM {table}"
