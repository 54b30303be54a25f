"""The record of the public tables, and what may become of them.

Reads the tables as an empty street is published; reads and writes `warehouse/public_schema.json`. Within a
major version of gridrates tables and columns are only added: people have written queries.

`python -m gridrates.public_schema` records additions, and refuses to record anything else.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from gridrates import __version__
from gridrates.pipeline import open_pass
from gridrates.published_client import read_manifest
from gridrates.settings import Settings

RECORD = Path(__file__).parent.parent / "warehouse" / "public_schema.json"
Schema = dict[str, Any]


def current_schema() -> Schema:
    """The public tables of this program: by name, their Chinese name, grain, and columns' types and names."""
    with tempfile.TemporaryDirectory(prefix="gridrates-") as home:
        settings = Settings(home=Path(home))
        with open_pass(settings, "public schema") as this:
            this.fold()
            path = this.publish().path
        manifest = read_manifest(settings)
        with duckdb.connect(str(path), read_only=True) as connection:
            names = connection.execute(
                "SELECT table_name, column_name, column_zh FROM data_dictionary"
            ).fetchall()
    assert manifest is not None
    zh = {(table, column): name for table, column, name in names}
    return {
        "major": int(__version__.partition(".")[0]),
        "tables": {
            name: {
                "zh": table["zh"],
                "grain": table["grain"],
                "columns": {c: f"{kind} {zh[name, c]}" for c, kind in table["columns"].items()},
            }
            for name, table in sorted(manifest["tables"].items())
        },
    }


def breaches(recorded: Schema, current: Schema) -> list[str]:
    """What `current` takes away from the record, or changes in it. Another major version may do so."""
    if recorded["major"] != current["major"]:
        return []
    now = current["tables"]
    gone = [f"the table {name} is gone" for name in recorded["tables"] if name not in now]
    changed = [
        breach
        for name, table in recorded["tables"].items()
        if name in now
        for breach in _changes(name, table, now[name])
    ]
    return [*gone, *changed]


def _changes(name: str, recorded: Schema, current: Schema) -> list[str]:
    found = [
        f"{name}: its {what} was {recorded[what]}, is {current[what]}"
        for what in ("zh", "grain")
        if recorded[what] != current[what]
    ]
    for column, described in recorded["columns"].items():
        now = current["columns"].get(column)
        if now is None:
            found.append(f"{name}.{column} is gone")
        elif now != described:
            found.append(f"{name}.{column} was {described}, is {now}")
    return found


def main() -> int:
    """Record the current schema unless it breaks the recorded one; the exit code."""
    current = current_schema()
    found = breaches(json.loads(RECORD.read_text(encoding="utf-8")), current) if RECORD.exists() else []
    if found:
        sys.stderr.write("Public tables may only be added to:\n" + "".join(f"  {each}\n" for each in found))
        return 1
    RECORD.write_text(json.dumps(current, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{RECORD.name}: {len(current['tables'])} tables.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
