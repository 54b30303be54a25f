"""The indicator family as declared in `indicators.yaml`: cohorts, measures, rates.

Reads the YAML beside it; guarantees that every measure names a cohort and every rate two measures, so
that SQL, dictionary and documents can be made from it without looking again.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from gridrates.yaml_files import read_yaml

FILE = Path(__file__).parent / "indicators.yaml"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str


class Count(NamedTuple):
    """What is kept of a cohort day by day: how many fell due, how many of these on time, their points."""

    cohort: str
    of: Literal["due", "on_time", "points"]

    @property
    def column(self) -> str:
        """Its column of core_daily_cohort."""
        return f"{self.cohort}_{self.of}_{'sum' if self.of == 'points' else 'count'}"


class Cohort(_Entry):
    """A set of things counted on a business date, and when they fall into it.

    The rest is SQL over the columns of its kind of thing (`of`, see cohorts.sql.j2): the date a thing falls
    due (or happens), the date it was done (left out where the two are one), whether on time, its points, who
    did it, and which things are in. `rated`: only things of cases that are in rates. `by_filing`: where a
    city counts cases by the period they were filed in, the filing date stands for the due date.
    """

    basis: str
    basis_zh: str
    of: Literal["case", "task", "check", "visit", "suspension"]
    due_on: str
    done_on: str | None = None
    on_time: str | None = None
    points: str | None = None
    by: str = ""
    where: str | None = None
    rated: bool = False
    by_filing: bool = False


class Measure(_Entry):
    """A count (or sum of points) of one cohort."""

    cohort: str
    count: Literal["due", "done", "on_time", "points"]

    @property
    def counted(self) -> Count:
        """What it is summed from: `done` is what of `due` was done by some date."""
        return Count(self.cohort, "due" if self.count == "done" else self.count)


class Indicator(_Entry):
    """One measure over another; NULL where the denominator is 0. From 0 to 1, unless it is no `share`."""

    numerator: str
    denominator: str
    source: str
    headline: bool = False
    share: bool = True


class IndicatorFamily(BaseModel):
    """All of them, by code, in the order of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cohorts: dict[str, Cohort]
    measures: dict[str, Measure]
    indicators: dict[str, Indicator]

    @model_validator(mode="after")
    def _names_exist(self) -> IndicatorFamily:
        for code, measure in self.measures.items():
            if measure.cohort not in self.cohorts:
                raise ValueError(f"measure {code}: there is no cohort {measure.cohort}")
            if measure.counted not in self.counts:
                raise ValueError(f"measure {code}: the cohort {measure.cohort} has no {measure.count}")
        for code, rate in self.indicators.items():
            for name in (rate.numerator, rate.denominator):
                if name not in self.measures:
                    raise ValueError(f"indicator {code}: there is no measure {name}")
        return self

    @property
    def counts(self) -> list[Count]:
        """All that is kept of the cohorts, in the order of the file."""
        found = []
        for name, cohort in self.cohorts.items():
            found.append(Count(name, "due"))
            if cohort.on_time:
                found.append(Count(name, "on_time"))
            if cohort.points:
                found.append(Count(name, "points"))
        return found

    def formula(self, code: str, language: Literal["zh", "en"]) -> str:
        """A rate's definition in words: numerator / denominator."""
        rate = self.indicators[code]
        top, bottom = (getattr(self.measures[m], language) for m in (rate.numerator, rate.denominator))
        return f"{top} / {bottom}"


@cache
def load_indicators() -> IndicatorFamily:
    """The shipped family. Raises pydantic.ValidationError when the file contradicts itself."""
    return IndicatorFamily.model_validate(read_yaml(FILE))
