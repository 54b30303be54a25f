"""`gridrates explain`: the cases behind a figure, or the figures a case counts in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    import duckdb

    from gridrates.explain import Explanation, Member
    from gridrates.profile import Profile

SHOWN = 40
EXAMPLE = "For example: gridrates explain closure_rate --date 2026-05-01"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates explain closure_rate --date 2026-05-01",
            "gridrates explain sign_rate --date 2026-05-01 --code 310199001001 --json",
            "gridrates explain sign_rate --date 2026-05-01 --level unit --code U01",
            "gridrates explain --case C-2026-000123",
        )
    )(explain)


def explain(
    ctx: typer.Context,
    indicator: Annotated[str | None, typer.Argument(help="A rate, such as closure_rate.")] = None,
    day: Annotated[str | None, typer.Option("--date", help="Business date.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First date of a period, such as a month.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last date of the period.")] = None,
    level: Annotated[
        str | None,
        typer.Option(help="What --code is: unit, category, channel, operator, tag, or a level of the tree."),
    ] = None,
    code: Annotated[
        str, typer.Option(help="Node of the grid tree, or a code of --level; the whole by default.")
    ] = "total",
    work_type: Annotated[str, typer.Option(help="Kind of work; all of them together by default.")] = "all",
    case: Annotated[str | None, typer.Option(help="Show where this case counts instead.")] = None,
    as_json: common.Json = False,
) -> None:
    """List what a published figure is made of: its numerator, its denominator, and who is missing."""
    from gridrates.explain import explain_figure
    from gridrates.profile import load_profile
    from gridrates.published_client import open_published

    settings = common.settings(ctx)
    profile = load_profile(settings.profile)
    with open_published(settings) as connection:
        if case is not None:
            _tell_case(connection, profile, case, as_json)
            return
        if indicator is None:
            raise InputError("Neither an indicator was named, nor a case.", remedy=EXAMPLE)
        begin, end = _dates(day, first, last)
        found = explain_figure(
            connection,
            profile,
            indicator,
            first=begin,
            last=end,
            place=code,
            work_type=work_type,
            level=level,
        )
    if as_json:
        asked = {"first_date": begin, "last_date": end, "level": level, "code": code, "work_type": work_type}
        common.print_json(asked | _as_json(found))
    else:
        _tell(found)


def _dates(day: str | None, first: str | None, last: str | None) -> tuple[date, date]:
    if day and not first and not last:
        return (common.a_date(day),) * 2
    if day or not first or not last:
        raise InputError("One date is needed, or the first and the last of several.", remedy=EXAMPLE)
    begin, end = common.a_date(first), common.a_date(last)
    if end < begin:
        raise InputError(f"{end} is before {begin}.", remedy="Choose dates the other way round.")
    return begin, end


def _as_json(found: Explanation) -> dict[str, Any]:
    return {
        "indicator": found.indicator_code,
        "name_zh": found.indicator.zh,
        "name_en": found.indicator.en,
        "formula": found.formula,
        "basis": found.basis,
        "source": found.indicator.source,
        "value": found.value,
        "numerator": found.numerator,
        "denominator": found.denominator,
        "held_back": {str(day): reason for day, reason in found.held_back.items()},
        "members": [asdict(member) for member in found.members],
    }


def _tell(found: Explanation) -> None:
    from rich.table import Table

    out = common.stdout()
    value = (
        "—"
        if found.value is None
        else f"{found.value:.2%}"
        if found.indicator.share
        else f"{found.value:.3f}"
    )
    out.print(
        f"{found.indicator.zh} {found.indicator.en}: {value} = {found.numerator:g} / {found.denominator}"
    )
    out.print(f"{found.formula}\n{found.basis}\n来源 source: {found.indicator.source}", markup=False)
    for day, reason in found.held_back.items():
        out.print(f"{common.held_back(day, reason)}; here they are counted", style="yellow", markup=False)
    table = Table(box=None)
    table.add_column("得分 points" if found.adds_points else "计入 in")
    # A number that is cut short finds no case.
    table.add_column("案件 case", overflow="fold", min_width=18)
    # The first two are of what is counted, a case, a task, a check or a visit; the others of its case.
    for heading in ("应办 due", "办结 done", "截止 deadline\n完成 finished", "状态 state"):
        table.add_column(heading)
    for member in found.members[:SHOWN]:
        table.add_row(
            _counted(found, member),
            member.case_id if member.thing_id == member.case_id else f"{member.case_id} {member.thing_id}",
            str(member.due_on),
            str(member.done_on or "—"),
            f"{member.deadline_at or '—'}\n{member.finished_at or '—'}",
            member.state,
        )
    out.print(table)
    if len(found.members) > SHOWN:
        common.say(f"{len(found.members) - SHOWN:,} more; --json lists all.")


def _counted(found: Explanation, member: Member) -> str:
    """What a member adds to the numerator."""
    if found.adds_points:
        return f"{member.points or 0:.4g}"
    return "✓" if member.is_in_numerator else "✗"


def _tell_case(connection: duckdb.DuckDBPyConnection, profile: Profile, case: str, as_json: bool) -> None:
    from rich.table import Table

    from gridrates.explain import explain_case

    rows = explain_case(connection, profile, case)
    if not rows:
        raise InputError(f"No case {case!r} counts in any figure.", remedy="Check its number in `cases`.")
    names = ("cohort", "name", "thing", "due_on", "done_on", "is_on_time")
    if as_json:
        common.print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    table = Table(*names, box=None)
    for row in rows:
        table.add_row(*row)
    common.stdout().print(table)
