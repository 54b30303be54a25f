"""The indicator family as declared in `indicators.yaml`: cohorts, measures, rates.

Reads the YAML beside it; guarantees that every measure names a cohort and every rate two measures, so
that SQL, dictionary and documents can be made from it without looking again.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from gridrates.yaml_files import read_yaml

FILE = Path(__file__).parent / "indicators.yaml"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str


class Cohort(_Entry):
    """A set of things counted on a business date, and when they fall into it."""

    basis: str
    basis_zh: str


class Measure(_Entry):
    """A count (or sum of points) of one cohort."""

    cohort: str
    count: Literal["due", "done", "on_time", "points"]


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
        for code, rate in self.indicators.items():
            for name in (rate.numerator, rate.denominator):
                if name not in self.measures:
                    raise ValueError(f"indicator {code}: there is no measure {name}")
        return self

    def formula(self, code: str, language: Literal["zh", "en"]) -> str:
        """A rate's definition in words: numerator / denominator."""
        rate = self.indicators[code]
        top, bottom = (getattr(self.measures[m], language) for m in (rate.numerator, rate.denominator))
        return f"{top} / {bottom}"


@cache
def load_indicators() -> IndicatorFamily:
    """The shipped family. Raises pydantic.ValidationError when the file contradicts itself."""
    return IndicatorFamily.model_validate(read_yaml(FILE))
