"""`gridrates query`: ask the published file in SQL."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from shutil import get_terminal_size
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    import duckdb

BLOCK = 10_000
Blocks = Iterator[list[tuple[Any, ...]]]


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            'gridrates query "FROM daily_rates"',
            "gridrates query 'FROM zh.\"每日四率\"'",
            'gridrates query "FROM data_dictionary" --format csv > dictionary.csv',
            "gridrates query - < question.sql",
        )
    )(query)


def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(help="A question in SQL; - reads it from standard input.")],
    format_: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
    max_rows: Annotated[
        int, typer.Option(min=1, help="Rows of a table to print; csv and json print all.")
    ] = 40,
) -> None:
    """Ask the published file in SQL.

    It is opened read-only and stays whole, whatever is published meanwhile. Times are in the profile's zone.
    `FROM data_dictionary` says what there is.
    """
    from gridrates.published_client import open_published
    from gridrates.published_errors import explained_query

    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip("; \n\t"):
        raise InputError("No question was asked.", remedy='Try `gridrates query "FROM data_dictionary"`.')
    with open_published(common.settings(ctx)) as connection, explained_query(connection):
        if format_ is Format.TABLE:
            _print_table(connection, text, max_rows)
        else:
            _write_rows(connection, text, format_, sys.stdout)


def _print_table(connection: duckdb.DuckDBPyConnection, text: str, max_rows: int) -> None:
    relation = connection.sql(text)
    if relation is not None:
        relation.show(max_rows=max_rows, max_width=get_terminal_size((160, 40)).columns, null_value="—")


def _write_rows(connection: duckdb.DuckDBPyConnection, text: str, format_: Format, file: IO[str]) -> None:
    cursor = connection.execute(text)
    columns = [column[0] for column in cursor.description or ()]
    blocks = iter(lambda: cursor.fetchmany(BLOCK), [])
    (_write_csv if format_ is Format.CSV else _write_json)(columns, blocks, file)


def _write_csv(columns: Sequence[str], blocks: Blocks, file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for rows in blocks:
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).lower() if isinstance(value, bool) else value


def _write_json(columns: Sequence[str], blocks: Blocks, file: IO[str]) -> None:
    """An array with one object a line, written as the rows come."""
    before = "[\n"
    for rows in blocks:
        for row in rows:
            entry = dict(zip(columns, map(_number, row), strict=True))
            file.write(before + json.dumps(entry, ensure_ascii=False, default=str))
            before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


def _number(value: Any) -> Any:
    """What JSON has for a number: decimals as such, and nothing for what is none."""
    if isinstance(value, Decimal):
        return float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
