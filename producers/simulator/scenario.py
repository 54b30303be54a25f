"""What a simulated street does, as data: how many cases of which kind, how fast, how well, with which faults.

Reads `scenario.yaml` of a profile, or a file of that form. Counts of cases, activities and projects are
exact quotas; shares are chances. Guarantees a complete, typed scenario, else an InputError naming the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gridrates.errors import InputError
from gridrates.profile import explain, folder_of
from gridrates.yaml_files import read_yaml

FILE = "scenario.yaml"
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weights = dict[str, Weight]
T = TypeVar("T", bound=Mapping[Any, float] | Sequence[float])


def _weighing_something(weights: T) -> T:
    if weights and not any(weights.values() if isinstance(weights, Mapping) else weights):
        raise ValueError("something must have a weight above 0")
    return weights


Something = AfterValidator(_weighing_something)
Mix = Annotated[Weights, Field(min_length=1), Something]
HoursOfDay = Annotated[tuple[Weight, ...], Field(min_length=24, max_length=24), Something]
Quota = Annotated[int, Field(ge=0)]

# How the life of a case goes. `open`: still with the unit when the scenario ends; `merged`: repeats an
# earlier case and is declined into it; `invalid`: declined as no valid case at all.
Life = Literal["routed", "open", "voided", "self_disposed", "declined", "invalid", "merged"]
Desk = Literal["accept", "verify", "file", "dispatch", "sign", "check", "close", "visit"]
Answer = Literal["valid", "no_answer", "refused", "invalid"]
Rating = Literal["very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "very_dissatisfied"]
Resolution = Literal["resolved", "explained", "unresolved"]
Fault = Literal[
    "truncated",
    "not_utf8",
    "not_an_object",
    "missing_id",
    "bad_time",
    "unknown_type",
    "schema_violation",
    "id_conflict",
]
Tally = Literal[
    "participant_count",
    "household_count",
    "person_count",
    "problem_count",
    "corrected_count",
    "matter_raised_count",
    "matter_settled_count",
    "penalty_count",
]
# What can be settled, and what has to be found before.
SETTLED_OF: dict[Tally, Tally] = {
    "corrected_count": "problem_count",
    "matter_settled_count": "matter_raised_count",
}
EVERY_HOUR: tuple[float, ...] = (1.0,) * 24


class Part(BaseModel):
    """A part of a scenario: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Late(Part):
    """The share of each step that takes longer than its limit."""

    accept: Share = 0.02
    verify: Share = 0.04
    file: Share = 0.02
    dispatch: Share = 0.02
    sign: Share = 0.015
    handle: Share = 0.06
    check: Share = 0.04
    close: Share = 0.02
    visit: Share = 0.05


class Turns(Part):
    """Shares of routed cases that leave the straight way.

    `exempted` is a share of the late cases, `reopened` of the valid visits that are not satisfied.
    """

    returned: Share = 0.04
    reworked: Share = 0.04
    extended: Share = 0.02
    suspended: Share = 0.015
    supervised: Share = 0.03
    exempted: Share = 0.15
    reopened: Share = 0.25
    closed_specially: Share = 0.02


class Visits(Part):
    """Who is called back, and what they say; `of_all` also calls back where the public did not report."""

    share: Share = 0.9
    of_all: bool = False
    outcomes: Annotated[dict[Answer, Weight], Something] = {
        "valid": 0.68,
        "no_answer": 0.22,
        "refused": 0.07,
        "invalid": 0.03,
    }
    satisfaction: Annotated[dict[Rating, Weight], Something] = {
        "very_satisfied": 0.44,
        "satisfied": 0.43,
        "basically_satisfied": 0.07,
        "dissatisfied": 0.04,
        "very_dissatisfied": 0.02,
    }
    resolution: Annotated[dict[Resolution, Weight], Something] = {
        "resolved": 0.84,
        "explained": 0.11,
        "unresolved": 0.05,
    }
    contacted: Share = 0.96


class Span(Part):
    """Days from `from` to `to`, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")

    @model_validator(mode="after")
    def _runs_forward(self) -> Span:
        if self.first > self.last:
            raise ValueError("`from` must not be after `to`")
        return self


class Stream(Part):
    """Cases of one work type that come and go alike.

    `categories` weighs code systems, or prefixes of codes in them (`system/prefix`); `units` weighs the
    units that get the cases, where the scenario's `responsible` does not decide. `opened_by` names the
    kind of activity that opens these cases. `closes` spreads their closing over a span of its own.
    `finishes`: each routed case is closed before the scenario ends. `deadline_days` (working days) sends
    an explicit deadline. `minutes` gives desks limits of their own, around the clock; that of `sign` is sent
    as an explicit deadline too.
    """

    work_type: str
    cases: Annotated[dict[Life, Quota], Field(min_length=1)]
    reported: Span | None = None
    closes: Span | None = None
    finishes: bool = False
    channels: Mix = {"patrol": 1.0}
    categories: Mix
    units: Annotated[Weights, Something] = {}
    levels: Mix = {"building_group": 0.85, "micro_grid": 0.1, "community": 0.05}
    hours: str = ""
    without: tuple[Literal["accept", "verify", "check", "visit"], ...] = ()
    late: Late = Late()
    turns: Turns = Turns()
    visits: Visits = Visits()
    mediated: Share | None = None
    deadline_days: Annotated[float | None, Field(gt=0)] = None
    minutes: dict[Desk, Annotated[float, Field(gt=0)]] = {}
    opened_by: str | None = None
    assets: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tagged: Share = 1.0
    reporters: Annotated[int, Field(ge=0, description="People who report; each a keyed hash.")] = 0
    households: Annotated[int, Field(ge=0, description="Households reported for; keyed hashes.")] = 0


class Activities(Part):
    """Inspections, patrols, meetings: how many, and what they add up to.

    `totals` names counts of the contract; what settles (`corrected_count`, `matter_settled_count`) never
    exceeds what was found in the same activity. `score` gives mean and spread.
    """

    count: Quota
    totals: dict[Tally, Quota] = {}
    held: Span | None = None
    levels: Mix = {"community": 1.0}
    starts: tuple[time, time] = (time(9), time(15))
    minutes: Annotated[float, Field(gt=0)] = 60
    working_days_only: bool = True
    units: Annotated[Weights, Something] = {}
    score: tuple[float, Annotated[float, Field(ge=0)]] | None = None
    assets: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Activities:
        if self.starts[0] > self.starts[1]:
            raise ValueError("starts must run forward")
        for settled, found in SETTLED_OF.items():
            if self.totals.get(settled, 0) > self.totals.get(found, 0):
                raise ValueError(f"{settled} cannot exceed {found}")
        return self


DISPATCHED: tuple[Life, ...] = ("routed", "open", "voided")
# What a case can be merged into.
ORIGINALS: tuple[Life, ...] = ("routed", "self_disposed")


class Projects(Part):
    """Projects by the stage they have reached when the scenario ends; stages in their order."""

    stages: dict[str, Quota]
    begun: Span | None = None
    level: str = "building_group"
    tags: tuple[str, ...] = ()


class Faults(Part):
    """What goes wrong on the way, on purpose. Counts are exact."""

    duplicates: Quota = 0
    malformed: dict[Fault, Quota] = {}
    late_share: Share = Field(0.0, description="Share of events uploaded long after they happened.")
    late_days: float = Field(15, gt=0, description="How late an upload may be, at the most.")
    skewed_share: Share = Field(0.0, description="Share of events from devices whose clock is slow.")
    skewed_minutes: float = Field(20, gt=0, description="How slow such a clock may be, at the most.")


class Burst(Part):
    """Days of bad weather or of a campaign: more cases, and more of some categories."""

    days: Span
    factor: Factor = 1.0
    categories: dict[str, Factor] = {}


class Scenario(Part):
    """One simulated stretch of time of one street or city; times are the profile's local time."""

    seed: int = 1
    starts_on: date
    ends_on: date
    centre: tuple[float, float] = Field((121.47, 31.21), description="Longitude and latitude.")
    weekdays: tuple[Weight, Weight, Weight, Weight, Weight, Weight, Weight] = (1, 1, 1, 1, 1, 0.8, 0.75)
    months: dict[Annotated[int, Field(ge=1, le=12)], Weight] = {}
    hours: dict[str, HoursOfDay] = {}
    bursts: tuple[Burst, ...] = ()
    staff: dict[str, Annotated[int, Field(ge=1)]] = {}
    case_letters: dict[str, str] = Field({}, description="First letter of a case number, by code system.")
    responsible: dict[str, Mix] = Field({}, description="Units by `system/prefix`; the longest wins.")
    unit_spread: float = Field(0.4, ge=0, description="How much units differ in punctuality (log scale).")
    streams: dict[str, Stream] = {}
    activities: dict[str, Activities] = {}
    projects: dict[str, Projects] = {}
    faults: Faults = Faults()

    @model_validator(mode="after")
    def _holds_together(self) -> Scenario:
        if self.starts_on > self.ends_on:
            raise ValueError("starts_on must not be after ends_on")
        for name, stream in self.streams.items():
            if stream.opened_by and stream.opened_by not in self.activities:
                raise ValueError(f"streams.{name}.opened_by: there is no activity {stream.opened_by!r}")
            if stream.hours and stream.hours not in self.hours:
                raise ValueError(f"streams.{name}.hours: there is no {stream.hours!r} in hours")
            if stream.cases.get("merged", 0) > sum(stream.cases.get(life, 0) for life in ORIGINALS):
                raise ValueError(f"streams.{name}: more cases are merged than there are to merge into")
        return self


def scenario_path(profile: str) -> Path:
    """The scenario shipped with a profile. Raises InputError when it ships none."""
    path = folder_of(profile) / FILE
    if not path.is_file():
        raise InputError(
            f"The profile {profile!r} has no {FILE}.",
            remedy="Name one with --scenario; docs/simulator.md describes its keys.",
        )
    return path


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario. Raises InputError naming the file and each wrong key."""
    try:
        return Scenario.model_validate(read_yaml(path))
    except ValidationError as error:
        raise InputError(
            f"{path}: {explain(error)}.", remedy="docs/simulator.md describes the keys of a scenario."
        ) from error


def moved(scenario: Scenario, starts_on: date) -> Scenario:
    """The same scenario, all its days shifted so that it starts on another."""
    shift = starts_on - scenario.starts_on
    return Scenario.model_validate(_shifted(scenario.model_dump(by_alias=True), shift))


def _shifted(value: Any, shift: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _shifted(one, shift) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shifted(one, shift) for one in value]
    return value + shift if isinstance(value, date) else value
