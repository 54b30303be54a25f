"""The models in Spark SQL: where the two engines differ beyond what sqlglot knows, it is settled here.

Reads a model's SQL as rendered for DuckDB. Guarantees the same rows on Spark 4 in a session whose time zone
is UTC, as DuckDB's is: instants are instants in both, and local time is asked for by name.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

# Functions by DuckDB's name, as Spark has them; `timezone` gives the local time an instant is at.
FUNCTIONS: dict[str, Callable[..., exp.Func]] = {
    "timezone": lambda zone, instant: exp.func("from_utc_timestamp", instant, zone, dialect="spark"),
    "epoch_us": lambda instant: exp.func("unix_micros", instant, dialect="spark"),
    "make_timestamp": lambda micros: exp.func("timestamp_micros", micros, dialect="spark"),
    "make_timestamptz": lambda micros: exp.func("timestamp_micros", micros, dialect="spark"),
}


def spark_sql(text: str) -> str:
    """A model's query for Spark. Raises sqlglot's UnsupportedError for what Spark cannot say."""
    tree = sqlglot.parse_one(text, read="duckdb")
    # From the inside out: one may be the argument of another.
    for node in reversed(list(tree.find_all(exp.Anonymous))):
        if made := FUNCTIONS.get(node.name.lower()):
            node.replace(made(*node.expressions))
    for kind in tree.find_all(exp.DataType):
        if kind.is_type("int128"):
            kind.replace(exp.DataType.build("DECIMAL(38, 0)"))
    return str(tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE))
