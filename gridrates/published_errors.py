"""What DuckDB says of a question to the published file, turned into a paragraph with a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from gridrates.errors import GridratesError, InputError, did_you_mean

_NO_TABLE = re.compile(r"Table with name (.+?) does not exist")
_CLOSED_OFF = ("disabled by configuration", "disabled through configuration")


@contextmanager
def explained_query(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run a block that asks the published file.

    Raises InputError: wrong SQL, unknown names with the nearest known ones, an attempt to write.
    """
    try:
        yield
    except duckdb.OutOfMemoryException:
        # `open_published` tells of it, whatever was asked.
        raise
    except duckdb.Error as error:
        raise _explained(error, connection) from error


def _explained(error: duckdb.Error, connection: duckdb.DuckDBPyConnection) -> GridratesError:
    text = str(error)
    if missing := _NO_TABLE.search(text):
        return InputError(
            f"There is no published table {missing[1]!r}.", remedy=_nearest(missing[1], connection)
        )
    if "read-only mode" in text:
        return InputError(
            "The published file is read-only.",
            remedy="To keep results, write them out with --format csv, or ATTACH it in a DuckDB of your own.",
        )
    if any(words in text for words in _CLOSED_OFF):
        return InputError(
            f"`gridrates query` reaches the published file and nothing else ({_sentence(error)}).",
            remedy="To join other files, ATTACH the published one (READ_ONLY) in a DuckDB of your own.",
        )
    return InputError(
        f"The question cannot be answered: {text}",
        remedy="`FROM data_dictionary` lists every table and column.",
    )


def _nearest(wanted: str, connection: duckdb.DuckDBPyConnection) -> str:
    names = _known(connection)
    there_are = f"There are {', '.join(sorted(names.values()))}."
    bare = wanted.rpartition(".")[2].lower()
    return did_you_mean(bare, names, otherwise=there_are, shown=names.__getitem__)


def _known(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The published tables, and the Chinese views as they are written in SQL, by their bare names."""
    rows = connection.execute("SELECT DISTINCT table_name, table_zh FROM data_dictionary").fetchall()
    return {table: table for table, _ in rows} | {zh: f'zh."{zh}"' for _, zh in rows}


def _sentence(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0].rstrip(".")
