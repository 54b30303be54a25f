"""The bulletin text (通报稿): a few paragraphs in Chinese and in English, every number with its query.

Takes `Facts`; gives Markdown. Behind each number stands a footnote: the statement that gives this number
from the published file, so that whoever is asked can show where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import jinja2

from gridrates.published_rates import ALL_WORK
from reports.facts import Facts, Row
from reports.scope import Scope
from reports.words import amount, bulletin_title, percent

TEMPLATES = Path(__file__).parent / "templates"
# A rate of fewer things says little about who has it: such a grid is neither best nor worst.
LEAST_DUE = 5
SUBJECT_TABLES = {
    "unit": ("unit_daily_rates", "unit_code"),
    "category": ("category_daily_rates", "category_code"),
    "channel": ("channel_daily_rates", "channel"),
}


class Quotes:
    """Writes numbers and remembers, in order, the query of each."""

    def __init__(self, facts: Facts, work_type: str = ALL_WORK) -> None:
        self.facts = facts
        self.work_type = work_type
        self.queries: list[str] = []

    def count(self, column: str, row: Row | None = None) -> str:
        """A count of the report's node, or of another row."""
        chosen = row or self.facts.now
        return self._quote(f"{chosen.count(column):,}", self._select(column, chosen))

    def rate(self, code: str, row: Row | None = None) -> str:
        """A rate as a percentage; — when nothing was due."""
        chosen = row or self.facts.now
        rate = chosen.figure(self.facts.indicators[code]).rate
        return self._quote(percent(rate), self._select(code, chosen))

    def parts(self, code: str, row: Row | None = None) -> str:
        """A rate's numerator and denominator."""
        indicator, chosen = self.facts.indicators[code], row or self.facts.now
        figure = chosen.figure(indicator)
        numerator = self._quote(amount(figure.numerator), self._select(indicator.numerator, chosen))
        denominator = self._quote(amount(figure.denominator), self._select(indicator.denominator, chosen))
        return f"{numerator}/{denominator}"

    def change(self, code: str, words: Mapping[str, str]) -> str:
        """How a rate moved against the scope before, in percentage points; nothing where it cannot be said.

        `words` are sentences for `up`, `down` and `same`, the first two with `{}` for the points.
        """
        indicator, facts = self.facts.indicators[code], self.facts
        now, before = facts.now.figure(indicator).rate, facts.before.figure(indicator).rate
        if now is None or before is None:
            return ""
        points = round((now - before) * 100, 1)
        earlier = self._select(code, facts.before, facts.scope.earlier())
        sql = f"SELECT abs(({self._select(code, facts.now)}) - ({earlier})) * 100"
        if not points:
            return words["same"]
        return words["up" if points > 0 else "down"].format(self._quote(f"{abs(points):.1f}", sql))

    def open_cases(self, column: str) -> str:
        """A count of the cases that are open now."""
        row = self.facts.open_cases[0]
        where = f"level = {_text(row.subject.level)} AND code = {_text(row.subject.code)}"
        sql = f"SELECT {column} FROM open_cases WHERE {where} AND work_type = {_text(self.work_type)}"
        return self._quote(f"{row.count(column):,}", sql)

    def restated(self) -> str:
        """How many headline figures of the scope's dates changed after publication."""
        node = self.facts.node
        sql = (
            "SELECT count(*) FROM restatements "
            "WHERE indicator IN (SELECT indicator_code FROM indicators WHERE is_headline) "
            f"AND {self._dates()} AND level = {_text(node.level)} AND code = {_text(node.code)} "
            f"AND work_type = {_text(self.work_type)}"
        )
        return self._quote(f"{len(self.facts.restatements):,}", sql)

    def held_back(self) -> str:
        """How many of the scope's dates are held back."""
        sql = f"SELECT count(*) FROM published_dates WHERE is_stale AND {self._dates()}"
        return self._quote(f"{len(self.facts.quality.held_back):,}", sql)

    def _dates(self) -> str:
        scope = self.facts.scope
        return f"business_date BETWEEN DATE '{scope.first}' AND DATE '{scope.last}'"

    def _quote(self, number: str, sql: str) -> str:
        if sql not in self.queries:
            self.queries.append(sql)
        return f"{number}[^{self.queries.index(sql) + 1}]"

    def _select(self, column: str, row: Row, scope: Scope | None = None) -> str:
        level, code = row.subject.level, _text(row.subject.code)
        at = scope or self.facts.scope
        if at.kind != "day":
            where = f"period_type = '{at.kind}' AND period_start = DATE '{at.first}'"
            return self._of("period_rates", column, f"{where} AND level = {_text(level)} AND code = {code}")
        where = f"business_date = DATE '{at.first}'"
        if level in SUBJECT_TABLES:
            table, key = SUBJECT_TABLES[level]
            return self._of(table, column, f"{where} AND {key} = {code}")
        return self._of("daily_rates", column, f"{where} AND level = {_text(level)} AND code = {code}")

    def _of(self, table: str, column: str, where: str) -> str:
        return f"SELECT {column} FROM {table} WHERE {where} AND work_type = {_text(self.work_type)}"


def render(facts: Facts, work_type: str = ALL_WORK) -> str:
    """The text in Markdown: Chinese, English, and the queries its numbers refer to."""
    template = _environment().get_template("bulletin.md.j2")
    return template.render(
        facts=facts,
        bulletin_title=bulletin_title,
        q=Quotes(facts, work_type),
        best=_extreme(facts, best=True),
        worst=_extreme(facts, best=False),
        most_returning=_most_returning(facts),
    )


def _extreme(facts: Facts, *, best: bool) -> Row | None:
    """The child with the best or worst on-time closure, of those with enough due; none if all are equal."""
    on_time = facts.indicators["closure_on_time_rate"]
    judged = [
        (figure.rate, row)
        for row in facts.children
        if (figure := row.figure(on_time)).rate is not None and figure.denominator >= LEAST_DUE
    ]
    if len({rate for rate, _ in judged}) < 2:
        return None
    return (max if best else min)(judged, key=lambda each: each[0])[1]


def _most_returning(facts: Facts) -> Row | None:
    """The unit that returned more tasks than any other; known of the whole only."""
    units = facts.subjects["unit"] if facts.is_total else []
    counts = sorted((row.count("returned_count") for row in units), reverse=True)
    if not counts or not counts[0] or counts[:2] == counts[:1] * 2:
        return None
    return next(row for row in units if row.count("returned_count") == counts[0])


@cache
def _environment() -> jinja2.Environment:
    # Markdown, not HTML: names go in as they are.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
