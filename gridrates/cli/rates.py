"""`gridrates rates`: the headline rates of the published file, with what they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import InputError

if TYPE_CHECKING:
    import duckdb
    from rich.table import Table
    from rich.text import Text

    from gridrates.published_rates import Figure, Indicator, Node, NodeRates
    from gridrates.settings import Settings

NO_RATE = "—"


class Map(StrEnum):
    """Which drawing of the grid tree a case is counted in."""

    FILED = "filed"
    CURRENT = "current"


@dataclass(frozen=True)
class Answer:
    """The rates asked for, what they mean, and the generation they come from."""

    rates: Sequence[NodeRates]
    indicators: Sequence[Indicator]
    first: date
    last: date
    work_type: tuple[str, str]
    generation: int
    published_at: datetime
    profile: str
    whole: bool = False
    tree: Map = Map.FILED
    conventions: Sequence[tuple[str, str]] = ()
    held_back: Mapping[date, str] = field(default_factory=dict)

    @property
    def by_date(self) -> bool:
        """Whether there is a row a date."""
        return self.first != self.last and not self.whole

    @property
    def nodes(self) -> set[Node]:
        """The nodes there are rates of."""
        return {rates.node for rates in self.rates}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates rates                          # the last whole day, by grid",
            "gridrates rates --date 2026-05-01 --level community",
            "gridrates rates --from 2026-05-01 --to 2026-05-31 --code 香樟居民区",
            "gridrates rates --work-type dispute --json",
            "gridrates rates --date 2026-05-01 --as-known-at 2026-05-02T06:00",
            "gridrates rates --from 2026-05-04 --to 2026-05-17 --whole",
            "gridrates rates --date 2026-05-01 --tree current   # by today's map",
        )
    )(rates)


def rates(
    ctx: typer.Context,
    day: Annotated[
        str | None, typer.Option("--date", help="Business date; default: the last whole day.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First of several business dates.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last of several business dates.")] = None,
    level: Annotated[str | None, typer.Option(help="Level of the grid tree: all its nodes.")] = None,
    code: Annotated[str | None, typer.Option(help="One node, by code or name.")] = None,
    work_type: Annotated[str, typer.Option(help="Kind of work; all of them together by default.")] = "all",
    as_known_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Show what was published at this moment.")
    ] = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="One figure for all dates from --from to --to, counted from cases."),
    ] = False,
    tree: Annotated[
        Map, typer.Option(help="Grids as drawn when a case was filed, or as they are drawn now.")
    ] = Map.FILED,
    as_json: common.Json = False,
) -> None:
    """Show the headline rates, each with its numerator and denominator.

    Without options: the last whole business date with events, for the whole and the first level below it.
    """
    from gridrates.published_client import open_published
    from gridrates.published_rates import check_covered, know_as_at

    settings = common.settings(ctx)
    if as_known_at is not None and (whole or tree is Map.CURRENT):
        raise InputError(
            "What was known at a moment is kept by date and by the map of the day.",
            remedy="Leave out --as-known-at, or --whole and --tree.",
        )
    with open_published(settings) as connection:
        span = _dates(connection, day, first, last)
        check_covered(connection, *span)
        if as_known_at is not None:
            know_as_at(connection, common.a_moment(as_known_at))
        if whole or tree is Map.CURRENT:
            _recount(connection, settings, span, whole=whole, tree=tree)
        answer = _answer(connection, span, level, code, work_type, whole=whole, tree=tree)
    if as_json:
        common.print_json(_as_json(answer))
    else:
        _print(answer)


def _dates(
    connection: duckdb.DuckDBPyConnection, day: str | None, first: str | None, last: str | None
) -> tuple[date, date]:
    from gridrates.published_rates import last_date

    if day and (first or last):
        raise InputError("One date was asked for, and several.", remedy="Use --date, or --from and --to.")
    if last and not first:
        raise InputError("--to needs --from.", remedy="Say where to begin, with --from.")
    newest = last_date(connection)
    if not first:
        return (common.a_date(day),) * 2 if day else (newest, newest)
    begin, end = common.a_date(first), common.a_date(last) if last else newest
    if end < begin:
        raise InputError(f"{end} is before {begin}.", remedy="Choose dates the other way round.")
    return begin, end


def _recount(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    span: tuple[date, date],
    *,
    whole: bool,
    tree: Map,
) -> None:
    from gridrates.profile import load_profile
    from gridrates.published_rates import drawn_on
    from gridrates.recount import recount_rates

    now = drawn_on(connection) if tree is Map.CURRENT else None
    recount_rates(connection, load_profile(settings.profile), *span, whole=whole, drawn_on=now)


def _answer(
    connection: duckdb.DuckDBPyConnection,
    span: tuple[date, date],
    level: str | None,
    code: str | None,
    work_type: str,
    *,
    whole: bool,
    tree: Map,
) -> Answer:
    from gridrates.published_rates import (
        choose_nodes,
        drawn_on,
        read_conventions,
        read_held_back,
        read_indicators,
        read_nodes,
        read_rates,
        read_work_type,
    )

    first, last = span
    map_of = drawn_on(connection) if tree is Map.CURRENT else last
    nodes = choose_nodes(read_nodes(connection, map_of), level=level, code=code)
    names = read_work_type(connection, work_type)
    rates = read_rates(connection, nodes, last if whole else first, last, work_type)
    ((generation, published_at, profile),) = connection.execute(
        "SELECT generation, published_at, profile FROM publication"
    ).fetchall()
    return Answer(
        # The means of units are kept by date.
        rates=rates if whole else _with_means(connection, rates),
        indicators=read_indicators(connection),
        first=first,
        last=last,
        work_type=names,
        generation=generation,
        published_at=published_at,
        profile=profile,
        whole=whole,
        tree=tree,
        held_back=read_held_back(connection, first, last),
        conventions=read_conventions(connection),
    )


def _with_means(connection: duckdb.DuckDBPyConnection, rates: Sequence[NodeRates]) -> Sequence[NodeRates]:
    """The rates, each of the whole followed by the mean of its units where the city wants that."""
    from gridrates.published_rates import TOTAL_NODE, read_unit_means

    totals = [each for each in rates if each.node == TOTAL_NODE]
    if not totals:
        return rates
    means = {
        mean.business_date: mean
        for mean in read_unit_means(
            connection, totals[0].business_date, totals[-1].business_date, totals[0].work_type
        )
    }
    return [
        shown
        for each in rates
        for shown in (each, means.get(each.business_date) if each.node == TOTAL_NODE else None)
        if shown
    ]


def _as_json(answer: Answer) -> dict[str, Any]:
    return {
        "generation": answer.generation,
        "published_at": answer.published_at.isoformat(),
        "profile": answer.profile,
        "first_date": str(answer.first),
        "last_date": str(answer.last),
        "is_whole": answer.whole,
        "tree": answer.tree.value,
        "held_back": {str(day): reason for day, reason in answer.held_back.items()},
        "rates": [
            {
                "business_date": str(rates.business_date),
                "level": rates.node.level,
                "code": rates.node.code,
                "name_zh": rates.node.name_zh,
                "name_en": rates.node.name_en,
                "work_type": rates.work_type,
                "held_back_reason": rates.held_back_reason,
                **{i.indicator_code: asdict(rates.figure(i)) for i in answer.indicators},
            }
            for rates in answer.rates
        ],
        "indicators": [asdict(indicator) for indicator in answer.indicators],
        "conventions": [{"name_zh": zh, "name_en": en} for zh, en in answer.conventions],
    }


def _print(answer: Answer) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_title(answer))
    console.print(_table(answer))
    for note in _notes(answer):
        console.print(note)


def _title(answer: Answer) -> Text:
    from rich.text import Text

    days = f"{answer.first}" if answer.first == answer.last else f"{answer.first} – {answer.last}"
    node = f" · {_in_a_line(*answer.nodes)}" if answer.by_date and len(answer.nodes) == 1 else ""
    return Text.assemble(("每日四率 Daily rates", "bold"), f" · {days}{node} · {' '.join(answer.work_type)}")


def _table(answer: Answer) -> Table:
    """A row a date and node; the node is left out where there is but one, and the date likewise."""
    from rich import box
    from rich.table import Table

    with_date = answer.by_date
    with_node = not with_date or len(answer.nodes) > 1
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    if with_date:
        table.add_column("业务日期\nDate", no_wrap=True)
    if with_node:
        table.add_column("网格\nGrid", overflow="fold")
    for indicator in answer.indicators:
        # Every one of them is a rate: the word would only widen the table.
        name_en = indicator.name_en.removesuffix(" rate")
        table.add_column(f"{indicator.name_zh}\n{name_en}", justify="right", no_wrap=True)
    for rates in answer.rates:
        day = [f"{rates.business_date}{'*' if rates.held_back_reason else ''}"] if with_date else []
        node = [_in_two_lines(rates.node)] if with_node else []
        figures = (_cell(rates.figure(indicator)) for indicator in answer.indicators)
        table.add_row(*day, *node, *figures, style="bold" if rates.node.depth < 0 else None)
    return table


def _notes(answer: Answer) -> Iterator[Text]:
    from rich.text import Text

    if not answer.rates:
        yield Text("这段时间没有案件 Nothing was due or done in this time.", "yellow")
    if answer.whole:
        yield Text("整段时间合并计算 counted once for the whole time, cut at its end", "dim")
    if answer.tree is Map.CURRENT:
        yield Text(
            "按现行网格划分重算，与已发布数不同 by the grids as drawn now, unlike what is published", "yellow"
        )
    for day, reason in answer.held_back.items():
        yield Text(common.held_back(day, reason), "yellow")
    for indicator in answer.indicators:
        yield _definition(indicator)
    for zh, en in answer.conventions:
        yield Text(f"{zh} {en}", "dim")
    yield Text(f"{NO_RATE} 无应办件，不计算 nothing was due, so there is no rate", "dim")
    yield Text(
        f"第 {answer.generation} 代 generation {answer.generation}, "
        f"{answer.published_at:%Y-%m-%d %H:%M}, {answer.profile}",
        "dim",
    )


def _in_a_line(node: Node) -> str:
    return " ".join(filter(None, (node.name_zh, node.name_en))) or node.code


def _in_two_lines(node: Node) -> Text:
    from rich.text import Text

    first, *second = filter(None, (node.name_zh, node.name_en or node.code))
    return Text.assemble(first, *((f"\n{name}", "dim") for name in second))


def _cell(figure: Figure) -> Text:
    """The percentage over its numerator and denominator."""
    from rich.text import Text

    if figure.rate is None:
        return Text(NO_RATE, "dim")
    parts = "/".join(_count(count) for count in (figure.numerator, figure.denominator))
    return Text.assemble(f"{figure.rate:.1%}", (f"\n{parts}", "dim"))


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _definition(indicator: Indicator) -> Text:
    from rich.text import Text

    return Text.assemble(
        (f"{indicator.name_zh} {indicator.name_en}", "bold dim"),
        (
            f" = {indicator.numerator_zh} / {indicator.denominator_zh}; {indicator.basis_zh}. "
            f"{indicator.numerator_en} / {indicator.denominator_en}; {indicator.basis}.",
            "dim",
        ),
    )
