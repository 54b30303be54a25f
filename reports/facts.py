"""Everything a report says, gathered from one generation of the published file.

Reads a connection to it (`gridrates.published_client`); writes nothing. Page, workbook and text are made from
what `gather` returns, so that they cannot differ in a figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from gridrates.published_rates import (
    ALL_WORK,
    TOTAL_NODE,
    Figure,
    Indicator,
    Node,
    choose_nodes,
    read_conventions,
    read_indicators,
    read_nodes,
    read_work_type,
    running_date,
)
from reports.scope import MONTHS, Scope

SQL = Path(__file__).parent / "sql"
UNASSIGNED = "unassigned"
# How far a trend looks back, and how many days a day's heat table shows.
TREND_DAYS, TREND_PERIODS, HEAT_DAYS = 30, 12, 14
KINDS_OF_SUBJECT = ("unit", "category", "channel")


@dataclass(frozen=True)
class Subject:
    """Whom figures are of: a node of the grid tree, a unit, a category, a channel, or all."""

    level: str
    code: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Row:
    """A subject's counts and rates in a scope; empty when nothing was due or done."""

    subject: Subject
    counts: Mapping[str, Any]

    def figure(self, indicator: Indicator) -> Figure:
        """A rate with what it was made of."""
        return Figure(
            self.counts.get(indicator.numerator) or 0,
            self.counts.get(indicator.denominator) or 0,
            self.counts.get(indicator.indicator_code),
        )

    def count(self, name: str) -> int:
        """A count; 0 when there is no row."""
        return int(self.counts.get(name) or 0)


@dataclass(frozen=True)
class Rank:
    """A place in a composite ranking; `list_colour` is red, yellow, black or None."""

    composite: str
    name_zh: str
    name_en: str
    subject: Subject
    rank_no: int
    ranked_count: int
    score: float | None
    grade: str | None
    list_colour: str | None
    indicators: tuple[str, ...]


@dataclass(frozen=True)
class ScoreRank:
    """A place in a ranking by the mean score of a kind of activity; scores and thresholds are in points."""

    activity_kind: str
    name_zh: str
    name_en: str
    subject: Subject
    rank_no: int
    scored_count: int
    score: float
    list_colour: str | None
    red_from: float
    yellow_below: float
    black_below: float


@dataclass(frozen=True)
class Made:
    """The generation everything is from."""

    generation: int
    published_at: datetime
    profile: str
    time_zone: str
    last_date: date | None


@dataclass(frozen=True)
class Quality:
    """What the reader should know about the figures before believing them.

    `rules` says in both languages what each rule of the gate expects, by `table.rule`.
    """

    is_provisional: bool
    held_back: Sequence[Mapping[str, Any]]
    failed_rules: Sequence[Mapping[str, Any]]
    open_rejects: Mapping[str, int]
    rules: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Facts:
    """A report's contents. Figures are of `node` unless said otherwise.

    `labels` are the names of columns in both languages; `heat` has a row a child and step;
    `subjects_before` has the children, units, categories and channels of the scope before, for the whole.
    """

    scope: Scope
    node: Subject
    street: Subject
    work_type: tuple[str, str]
    made: Made
    indicators: Mapping[str, Indicator]
    conventions: Sequence[tuple[str, str]]
    labels: Mapping[str, tuple[str, str]]
    now: Row
    before: Row
    year_before: Row
    trend: Sequence[tuple[Scope, Row]]
    children: Sequence[Row]
    heat: Sequence[tuple[Subject, Sequence[tuple[Scope, Row]]]]
    subjects: Mapping[str, Sequence[Row]]
    subjects_before: Mapping[Subject, Row]
    open_cases: Sequence[Row]
    rankings: Sequence[Rank]
    score_rankings: Sequence[ScoreRank]
    restatements: Sequence[Mapping[str, Any]]
    quality: Quality

    @property
    def headline(self) -> list[Indicator]:
        """The indicators that are shown first."""
        return [indicator for indicator in self.indicators.values() if indicator.is_headline]

    @property
    def is_total(self) -> bool:
        """Whether the report is about the whole."""
        return self.node.code == TOTAL_NODE.code


class Reader:
    """Reads figures of one generation, of one kind of work."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, scope: Scope, work_type: str) -> None:
        self.connection = connection
        self.scope = scope
        self.work_type = work_type
        self.nodes = read_nodes(connection, scope.last)
        self.parents = self._rows("parents", day=scope.last)
        self.names = {(row["level"], row["code"]): row for row in self._rows("names")}
        self.made = Made(**self._rows("made")[0])

    def labels(self) -> dict[str, tuple[str, str]]:
        """The names of counts and rates in Chinese and English, by column."""
        return {row["column_name"]: (row["column_zh"], row["meaning"]) for row in self._rows("labels")}

    def node(self, wanted: str | None) -> Subject:
        """The node of a code or name; without one, the total. Raises InputError."""
        chosen = choose_nodes(self.nodes, level=None, code=wanted)[0] if wanted else TOTAL_NODE
        return _of_node(chosen)

    def street(self) -> Subject:
        """The root of the main tree, which gives the report its name."""
        return _of_node(self.nodes[0] if self.nodes else TOTAL_NODE)

    def children(self, node: Subject) -> list[Subject]:
        """The nodes below one; below the total, the first level that divides it."""
        if node.code == TOTAL_NODE.code:
            below = choose_nodes(self.nodes, level=None, code=None)[1:]
            return [*map(_of_node, below), Subject(UNASSIGNED, UNASSIGNED, "未分配", "Unassigned")]
        codes = {row["code"] for row in self.parents if row["parent_code"] == node.code}
        found = {each.code: _of_node(each) for each in self.nodes if each.code in codes}
        return list(found.values())

    def codes_below(self, code: str) -> list[str]:
        """The code and every code below it, in any tree."""
        found, todo = {code}, [code]
        while todo:
            above = todo.pop()
            new = {row["code"] for row in self.parents if row["parent_code"] == above} - found
            found |= new
            todo += new
        return sorted(found)

    def figures(self, scopes: Sequence[Scope], levels: Iterable[str]) -> dict[tuple[date, str, str], Any]:
        """Rows of counts by (first date of the scope, level, code); the scopes are of one kind."""
        kind = scopes[0].kind
        period = {} if kind == "day" else {"kind": kind}
        rows = self._rows(
            "figures_by_day" if kind == "day" else "figures_by_period",
            first=min(scope.first for scope in scopes),
            last=max(scope.first for scope in scopes),
            levels=sorted(set(levels)),
            work_type=self.work_type,
            **period,
        )
        return {(row["at"], row["level"], row["code"]): row for row in rows}

    def trend(self, node: Subject) -> list[tuple[Scope, Row]]:
        """The node's rows of the scopes up to this one, the oldest first."""
        steps = TREND_DAYS if self.scope.kind == "day" else TREND_PERIODS
        scopes = [self.scope.earlier(back) for back in reversed(range(steps))]
        found = self.figures(scopes, [node.level])
        return [(scope, _row(node, found, scope)) for scope in scopes]

    def rows_of(self, subjects: Sequence[Subject]) -> list[Row]:
        """A row for each subject."""
        found = self.figures([self.scope], {subject.level for subject in subjects} or {""})
        return [_row(subject, found, self.scope) for subject in subjects]

    def heat(self, subjects: Sequence[Subject]) -> list[tuple[Subject, list[tuple[Scope, Row]]]]:
        """For each subject its rows by step: days of a day, week or month; months of what is longer."""
        steps = _steps(self.scope)
        found = self.figures(steps, {subject.level for subject in subjects} or {""})
        return [(subject, [(step, _row(subject, found, step)) for step in steps]) for subject in subjects]

    def subjects(self, node: Subject) -> dict[str, list[Row]]:
        """Units, categories and channels: with rates for the total, with counts for a part of the tree."""
        if node.code == TOTAL_NODE.code:
            rows = list(self.figures([self.scope], KINDS_OF_SUBJECT).values())
        else:
            rows = self._rows(
                "node_counts",
                first=self.scope.first,
                last=self.scope.last,
                codes=self.codes_below(node.code),
                work_type=self.work_type,
            )
        ordered = sorted(rows, key=lambda row: (-row["filed_count"], -row["reported_count"], row["code"]))
        return {
            kind: [Row(self._subject(kind, row["code"]), row) for row in ordered if row["level"] == kind]
            for kind in KINDS_OF_SUBJECT
        }

    def before(self, children: Sequence[Subject]) -> dict[Subject, Row]:
        """The same subjects in the scope before."""
        scope = self.scope.earlier()
        levels = {*KINDS_OF_SUBJECT, *(child.level for child in children)}
        rows = self.figures([scope], levels).values()
        found = [Row(self._subject(row["level"], row["code"]), row) for row in rows]
        return {row.subject: row for row in found}

    def open_cases(self, subjects: Sequence[Subject]) -> list[Row]:
        """What is open now, by age."""
        rows = self._rows(
            "open_cases", levels=sorted({each.level for each in subjects}), work_type=self.work_type
        )
        found = {(row["level"], row["code"]): row for row in rows}
        return [Row(subject, found.get((subject.level, subject.code), {})) for subject in subjects]

    def rankings(self) -> list[Rank]:
        """The rankings of the period; a day has none."""
        rows = self._rows("rankings", kind=self.scope.kind, first=self.scope.first)
        return [
            Rank(
                row["composite"],
                row["composite_zh"],
                row["composite_en"],
                self._subject(row["level"], row["code"]),
                row["rank_no"],
                row["ranked_count"],
                row["score"],
                row["grade"],
                row["list_colour"],
                tuple(row["indicators"] or ()),
            )
            for row in rows
        ]

    def score_rankings(self) -> list[ScoreRank]:
        """The rankings of the period by scores of activities; a day has none."""
        rows = self._rows("activity_rankings", kind=self.scope.kind, first=self.scope.first)
        return [ScoreRank(subject=self._subject(row.pop("level"), row.pop("code")), **row) for row in rows]

    def restatements(self, node: Subject) -> list[dict[str, Any]]:
        """Headline figures of the scope's dates that changed after publication."""
        return self._rows(
            "restatements",
            first=self.scope.first,
            last=self.scope.last,
            level=node.level,
            code=node.code,
            work_type=self.work_type,
        )

    def quality(self) -> Quality:
        """Held-back dates, failed rules, refused records, and whether the scope is over."""
        return Quality(
            is_provisional=self.scope.last >= running_date(self.connection),
            held_back=self._rows("held_back", first=self.scope.first, last=self.scope.last),
            failed_rules=self._rows("quality"),
            open_rejects={row["reason_code"]: row["reject_count"] for row in self._rows("open_rejects")},
            rules={row["rule"]: (row["meaning_zh"], row["meaning_en"]) for row in self._rows("rules")},
        )

    def _subject(self, level: str, code: str) -> Subject:
        node = next((node for node in self.nodes if (node.level, node.code) == (level, code)), None)
        if node:
            return _of_node(node)
        if code == UNASSIGNED:
            return Subject(level, code, "未分配", "Unassigned")
        names = self.names.get((level, code), {})
        name_zh, name_en = names.get("name_zh") or code, names.get("name_en") or code
        return Subject(level, code, name_zh, name_en)

    def _rows(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        cursor = self.connection.execute(_text(name), parameters or None)
        columns = [column[0] for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def gather(
    connection: duckdb.DuckDBPyConnection,
    scope: Scope,
    *,
    node: str | None = None,
    work_type: str = ALL_WORK,
) -> Facts:
    """Everything about a node (a code or name; without one, the whole) in a scope.

    Raises InputError when there is no such node or kind of work.
    """
    reader = Reader(connection, scope, work_type)
    subject = reader.node(node)
    trend = reader.trend(subject)
    children = reader.children(subject)
    rows = reader.rows_of(children)
    shown = [row.subject for row in rows if row.counts or row.subject.code != UNASSIGNED]
    return Facts(
        scope=scope,
        node=subject,
        street=reader.street(),
        work_type=read_work_type(connection, work_type),
        made=reader.made,
        indicators={each.indicator_code: each for each in read_indicators(connection, headline=False)},
        conventions=read_conventions(connection),
        labels=reader.labels(),
        now=trend[-1][1],
        before=trend[-2][1],
        year_before=_year_before(reader, subject),
        trend=trend,
        children=[row for row in rows if row.subject in shown],
        heat=reader.heat(shown),
        subjects=reader.subjects(subject),
        subjects_before=reader.before(shown) if subject.code == TOTAL_NODE.code else {},
        open_cases=reader.open_cases([subject, *shown]),
        rankings=reader.rankings() if subject.code == TOTAL_NODE.code else [],
        score_rankings=reader.score_rankings() if subject.code == TOTAL_NODE.code else [],
        restatements=reader.restatements(subject),
        quality=reader.quality(),
    )


def _year_before(reader: Reader, node: Subject) -> Row:
    """The node's row a year before; empty for a day or a week, which have none that compares."""
    scope = reader.scope.a_year_earlier()
    return _row(node, reader.figures([scope], [node.level]), scope) if scope else Row(node, {})


def _steps(scope: Scope) -> list[Scope]:
    from reports.scope import day

    if scope.kind == "day":
        return [scope.earlier(back) for back in reversed(range(HEAT_DAYS))]
    if scope.kind in ("week", "month"):
        return [day(scope.first + timedelta(n)) for n in range((scope.last - scope.first).days + 1)]
    last = Scope("month", scope.last.replace(day=1), scope.last)
    return [last.earlier(back) for back in reversed(range(MONTHS[scope.kind]))]


def _row(subject: Subject, found: Mapping[tuple[date, str, str], Any], scope: Scope) -> Row:
    return Row(subject, found.get((scope.first, subject.level, subject.code), {}))


def _of_node(node: Node) -> Subject:
    return Subject(node.level, node.code, node.name_zh or node.code, node.name_en or node.code)


@cache
def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
