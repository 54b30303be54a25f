"""Counting again from the published cases, for what no published table says.

Reads the published file alone: the very SQL that puts cases into cohorts, and cohorts into rates, runs again
over the published tables. Guarantees that what it counts for a date is what is published for it, unless
another map is asked for.
"""

from __future__ import annotations

from datetime import date

import duckdb
import sqlglot
from sqlglot import exp

from gridrates.errors import InputError
from gridrates.profile import Profile
from gridrates.published_rates import running_date
from transforms.models import declared_models, render, render_recount

MEMBERS = "core_cohort_member"
# The reference tables that are published under another name.
REFERENCE = {
    "core_grid_path": "grid_path_dates",
    "core_grid_path_node": "grid_paths",
    "core_work_type": "work_types",
}


def create_members(connection: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """The model of cohorts as a temporary view over the published tables.

    Raises InputError when the file was published for another profile: its rules would give other figures.
    """
    row = connection.execute("SELECT profile FROM publication").fetchone()
    if row and row[0] != profile.name:
        raise InputError(
            f"The file was published for the profile {row[0]}, and {profile.name} was asked to explain it.",
            remedy=f"Say --profile {row[0]}, or the path of its folder.",
        )
    text = _over_published(render(MEMBERS, profile))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {MEMBERS} AS {text}")


def recount_rates(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    first: date,
    last: date,
    *,
    whole: bool,
    drawn_on: date | None = None,
) -> None:
    """Let this connection see as `daily_rates` those from `first` to `last`, counted again.

    `whole` makes one figure of the span: what was done by its end of all that fell due in it, under the last
    date. `drawn_on` takes the grid tree as it was drawn on that date; a place no longer on it is unassigned.
    What falls due after the publication is left out, as everywhere.
    """
    create_members(connection, profile)
    text = render_recount(
        profile, first=first, last=last, running=running_date(connection), whole=whole, drawn_on=drawn_on
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE recounted_rates AS {_over_published(text)}")
    connection.execute("CREATE OR REPLACE TEMP VIEW daily_rates AS FROM recounted_rates")


def _over_published(text: str) -> str:
    """SQL of models with the published names of the tables it reads."""
    public = REFERENCE | {m.name: m.table.public_name for m in declared_models() if m.table.public_name}
    tree = sqlglot.parse_one(text, read="duckdb")
    for table in tree.find_all(exp.Table):
        if name := public.get(table.name):
            table.replace(exp.alias_(exp.to_table(name), table.alias_or_name, table=True))
    return tree.sql(dialect="duckdb")
