"""What a check found: of each rule, and of the whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from expectations.suites import Severity
from gridrates.errors import GateError

SHOWN_DATES = 5


@dataclass(frozen=True)
class RuleResult:
    """One rule judged.

    `held_back` are the business dates it spoils and `released` those of them an override lets pass all the
    same; `holds_all` says that it spoils everything. `failing_count` is None where nothing can be counted.
    """

    table: str
    rule: str
    severity: Severity
    zh: str
    en: str
    remedy: str
    is_passed: bool
    observed_value: str | None = None
    failing_count: int | None = None
    held_back: tuple[date, ...] = ()
    released: tuple[date, ...] = ()
    holds_all: bool = False

    @property
    def name(self) -> str:
        """Table and rule in one word."""
        return f"{self.table}.{self.rule}"

    @property
    def consequence(self) -> str | None:
        """What follows from the failure, in words; None where nothing does."""
        said = []
        if self.holds_all:
            said.append("holds everything back")
        if self.held_back:
            said.append(f"holds back {_listed(self.held_back)}")
        if self.released:
            said.append(f"released by an override: {_listed(self.released)}")
        return "; ".join(said) or None


@dataclass(frozen=True)
class GateResult:
    """What a check found.

    `passed` is False when a critical failure belongs to no business date: publish nothing. `held_back` maps
    each date that must not be published to the rules that failed there. `seconds` are by step.
    """

    suite: str
    run_id: str
    passed: bool
    held_back: dict[date, list[str]]
    results: tuple[RuleResult, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def failures(self) -> tuple[RuleResult, ...]:
        """The rules that failed, critical ones first."""
        order = ("critical", "warning", "info")
        failed = (r for r in self.results if not r.is_passed)
        return tuple(sorted(failed, key=lambda r: (order.index(r.severity), r.name)))

    def raise_for_failure(self) -> None:
        """Raise GateError when anything is held back, naming the rules and what they hold."""
        holding = [r for r in self.failures if r.holds_all or r.held_back]
        if holding:
            said = "; ".join(f"{r.name} ({r.en}) {r.consequence}" for r in holding)
            raise GateError(f"The {self.suite} data did not pass the gate: {said}.", remedy=holding[0].remedy)


def gate_result(
    suite: str, run_id: str, results: tuple[RuleResult, ...], seconds: dict[str, float]
) -> GateResult:
    """Put the rules together."""
    held: dict[date, list[str]] = {}
    for result in results:
        for day in result.held_back:
            held.setdefault(day, []).append(result.name)
    return GateResult(
        suite=suite,
        run_id=run_id,
        passed=not any(r.holds_all for r in results),
        held_back=dict(sorted(held.items())),
        results=results,
        seconds=seconds,
    )


def _listed(dates: tuple[date, ...]) -> str:
    shown = ", ".join(map(str, dates[:SHOWN_DATES]))
    return shown if len(dates) <= SHOWN_DATES else f"{shown} and {len(dates) - SHOWN_DATES} more dates"
