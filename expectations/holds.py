"""What is held back, and letting it pass by name.

Reads `ops_quality_hold`; writes `ops_quality_override`, and makes the mark of a released date in
`ops_business_date` computed again, so that the next pass checks and publishes it. Guarantees that an override
says who, why and of what, and covers no more wrong rows than there were when it was granted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from expectations.rendering import own_sql
from gridrates.errors import InputError

_SHOWN_DATES = 10


@dataclass(frozen=True)
class Hold:
    """A critical rule that failed, and the business date it holds back; everything where that is None."""

    suite: str
    table: str
    rule: str
    business_date: date | None
    failing_count: int
    remedy: str
    run_id: str
    held_at: datetime
    is_released: bool

    @property
    def name(self) -> str:
        """Table and rule in one word."""
        return f"{self.table}.{self.rule}"


def list_holds(connection: duckdb.DuckDBPyConnection) -> list[Hold]:
    """What is held back now, released or not, by date and rule."""
    return [Hold(*row) for row in connection.execute(own_sql("select_holds")).fetchall()]


def wrong_keys(connection: duckdb.DuckDBPyConnection, *, limit: int) -> dict[str, list[str]]:
    """The keys of the first rows that each rule holds something back for, by `table.rule`."""
    rows = connection.execute(own_sql("select_wrong_rows"), {"limit": limit}).fetchall()
    return {f"{table}.{rule}": keys for table, rule, keys in rows}


def release(
    connection: duckdb.DuckDBPyConnection,
    *,
    rule: str,
    business_date: date | None,
    granted_by: str,
    reason: str,
) -> Hold:
    """Let a held date pass although `rule` (`table.rule`) fails there; None: what a rule without dates holds.

    It covers as many wrong rows as there are now: more of them hold the date back again. Raises InputError
    when nothing such is held, or when nobody or no reason is named.
    """
    if not granted_by.strip() or not reason.strip():
        raise InputError("An override needs a name and a reason.", remedy="Say who lets it pass, and why.")
    held = list_holds(connection)
    found = next((h for h in held if (h.name, h.business_date) == (rule, business_date)), None)
    if found is None:
        raise InputError(
            f"{rule} holds back nothing on {business_date or 'everything'}.", remedy=_instead(rule, held)
        )
    connection.execute(
        own_sql("insert_override"),
        {
            "table_name": found.table,
            "rule": found.rule,
            "business_date": found.business_date,
            "failing_count": found.failing_count,
            "granted_by": granted_by.strip(),
            "reason": reason.strip(),
            "granted_at": datetime.now(UTC),
        },
    )
    connection.execute(own_sql("due_again"), {"business_date": business_date})
    return found


def _instead(rule: str, held: Sequence[Hold]) -> str:
    """What could have been meant: a date of the rule, or another rule."""
    if not held:
        return "Nothing is held back."
    there = list(dict.fromkeys(str(hold.business_date or "everything") for hold in held if hold.name == rule))
    if not there:
        return f"Name one of: {', '.join(dict.fromkeys(hold.name for hold in held))}."
    return f"It holds back {', '.join(there[:_SHOWN_DATES])}{' …' if len(there) > _SHOWN_DATES else ''}."
