"""A profile: what one city or street chose, as data.

Reads a folder of `profiles/` (or a path): `profile.yaml`, `grids.csv`, `units.csv`, `categories.csv`,
`limits.csv`. Guarantees that what it returns is complete and typed; a mistake is an InputError that names
the file, the line and the remedy. Knows nothing of how the figures are computed.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from datetime import date, time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from gridrates.errors import InputError
from gridrates.yaml_files import read_yaml, yaml_line

SHIPPED = Path(__file__).parent.parent / "profiles"
LimitUnit = Literal["minute", "hour", "day", "working_hour", "working_day"]
# What stands in SQL as text.
Code = Annotated[str, Field(pattern=r"^[\w.-]+$")]
EmptyIsNone = BeforeValidator(lambda value: None if value == "" else value)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is no time zone such as Asia/Shanghai") from error
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]


class Row(BaseModel):
    """A line of a profile's CSV file; empty cells are None."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Grid(Row):
    """A node of the grid tree as it was drawn from `valid_from` (included) to `valid_to` (excluded)."""

    tree: str = "grid"
    grid_code: str = Field(min_length=1)
    parent_code: Annotated[str | None, EmptyIsNone] = None
    level: str = Field(min_length=1)
    name_zh: str = ""
    name_en: str = ""
    valid_from: Annotated[date | None, EmptyIsNone] = None
    valid_to: Annotated[date | None, EmptyIsNone] = None


class Unit(Row):
    """A responsible unit (承办单位)."""

    unit_code: str = Field(min_length=1)
    parent_code: Annotated[str | None, EmptyIsNone] = None
    name_zh: str = ""
    name_en: str = ""
    valid_from: Annotated[date | None, EmptyIsNone] = None
    valid_to: Annotated[date | None, EmptyIsNone] = None


class Category(Row):
    """A category or subcategory (大类/小类) of one version of a code system."""

    category_system: str = Field(min_length=1)
    category_code: str = Field(min_length=1)
    parent_code: Annotated[str | None, EmptyIsNone] = None
    name_zh: str = ""
    name_en: str = ""


class Limit(Row):
    """The handling limit of a category under a filing condition; an empty category is the default."""

    category_system: Annotated[str | None, EmptyIsNone] = None
    category_code: Annotated[str | None, EmptyIsNone] = None
    condition_no: Annotated[int | None, EmptyIsNone] = None
    work_type: Annotated[str | None, EmptyIsNone] = None
    amount: float = Field(gt=0)
    unit: LimitUnit


class Name(BaseModel):
    """A code's two names.

    `is_public` marks channels by which the public reports; `is_in_total: false` keeps a work type out of
    the row of all work types, as enforcement (行政执法立案) must be.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str = ""
    en: str = ""
    is_public: bool = False
    is_in_total: bool = True


class DeskLimit(BaseModel):
    """How long a step at the centre or at a unit's desk may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: float = Field(gt=0)
    unit: LimitUnit


class Session(BaseModel):
    """One stretch of working time of a working day, local time; `months` limits it to a season."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts: time
    ends: time
    months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = tuple(range(1, 13))

    @model_validator(mode="after")
    def _runs_forward(self) -> Session:
        if self.starts >= self.ends:
            raise ValueError("a session must end after it starts")
        return self


class Calendar(BaseModel):
    """Which days are worked and when. `CN` follows the published holidays and make-up days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    country: str = "CN"
    sessions: tuple[Session, ...] = (
        Session(starts=time(8), ends=time(12)),
        Session(starts=time(14), ends=time(18)),
    )


class BusinessDay(BaseModel):
    """When a business date begins, and whether it is named after the day it begins or ends on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts_at: time = time(0)
    named_after: Literal["start", "end"] = "start"

    @property
    def shift_minutes(self) -> int:
        """Minutes to add to a local time so that its calendar date is the business date."""
        minutes = self.starts_at.hour * 60 + self.starts_at.minute
        return 24 * 60 - minutes if self.named_after == "end" and minutes else -minutes


class Part(BaseModel):
    """One indicator of a composite, its weight of a hundred, and how it becomes points from 0 to 100."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    indicator: str
    weight: float = Field(gt=0, le=100)
    complement: bool = False
    brackets: tuple[tuple[float | None, float], ...] = ()


class Lists(BaseModel):
    """Scores from which or below which a subject is listed: red honours, yellow warns, black shames."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    red_from: float = 90
    yellow_below: float = 75
    black_below: float = 60


class ScoreList(Lists):
    """Red, yellow and black lists (红黄黑榜) by the mean score of one kind of activity.

    `levels` are levels of the grid tree; a score counts for the node it names and for those above it.
    """

    zh: str
    en: str
    levels: tuple[Code, ...] = Field(min_length=1)


class ResponseBand(BaseModel):
    """How soon one step should follow another, around the clock: a yardstick beside the limits.

    The first event of each of the two verbs counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str
    since: str
    until: str
    amount: float = Field(gt=0)
    unit: Literal["minute", "hour", "day"]

    @property
    def seconds(self) -> float:
        """The time allowed, in seconds."""
        return self.amount * {"minute": 60, "hour": 3600, "day": 86_400}[self.unit]


class Composite(Lists):
    """A composite score (综合成绩), the grades it gives and the lists it puts its subjects on.

    `levels` are levels of the grid tree, `unit`, `operator` or `total`. Grades are given from these scores
    on.
    """

    zh: str
    en: str
    source: str = ""
    levels: tuple[str, ...] = Field(min_length=1)
    work_type: str = "all"
    decimals: int = Field(2, ge=0, le=6)
    tie_breaker: str = "closure_due_count"
    parts: tuple[Part, ...] = Field(min_length=1)
    grades: dict[str, float] = {"A": 90, "B": 75, "C": 60, "D": 40, "E": 0}

    @model_validator(mode="after")
    def _weighs_a_hundred(self) -> Composite:
        total = sum(part.weight for part in self.parts)
        if abs(total - 100) > 1e-9:
            raise ValueError(f"the weights sum to {total:g}, not to 100")
        return self


class Profile(BaseModel):
    """Everything a city or street chose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    name_zh: str
    name_en: str
    time_zone: Zone
    business_day: BusinessDay = BusinessDay()
    calendar: Calendar = Calendar()
    on_time_basis: Literal["handling", "closing"] = "handling"
    without_limit: Literal["on_time", "unknown"] = "on_time"
    cohort_basis: Literal["due", "created"] = "due"
    suspension: Literal["pause", "subtract"] = "pause"
    aggregation: Literal["pooled", "mean_of_units"] = "pooled"
    default_work_type: str = "grid_case"
    assessment_month_starts_on: int = Field(1, ge=1, le=28, description="Day an assessment month begins.")
    work_types: dict[str, Name] = {}
    channels: dict[str, Name] = {}
    desk_limits: dict[
        Literal[
            "accept",
            "issue_verification",
            "verify",
            "file",
            "dispatch",
            "sign",
            "issue_check",
            "check",
            "close",
            "visit",
        ],
        DeskLimit,
    ] = {}
    satisfaction_points: dict[str, float] = {
        "very_satisfied": 1.0,
        "satisfied": 1.0,
        "basically_satisfied": 1.0,
        "dissatisfied": 0.0,
        "very_dissatisfied": 0.0,
    }
    satisfaction_strict: tuple[str, ...] = ("very_satisfied", "satisfied")
    satisfaction_passing_score: float = Field(
        60, description="From this many points on a visit counts as satisfied."
    )

    # By name; a name alone (`huairou:`) takes the composite of that name that ships with gridrates.
    composites: dict[str, Composite | None] = {}

    # By kind of activity.
    score_lists: dict[Code, ScoreList] = {}
    # By work type.
    response_bands: dict[str, tuple[ResponseBand, ...]] = {}

    grids: tuple[Grid, ...] = ()
    units: tuple[Unit, ...] = ()
    categories: tuple[Category, ...] = ()
    limits: tuple[Limit, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Changes when anything in the profile does: figures computed before are then stale."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.fingerprint)


R = TypeVar("R", bound=Row)


def folder_of(name: str) -> Path:
    """The folder of a profile, by name or path. Raises InputError listing the profiles there are."""
    for folder in (Path(name), SHIPPED / name):
        if (folder / "profile.yaml").is_file():
            return folder
    shipped = ", ".join(sorted(p.parent.name for p in SHIPPED.glob("*/profile.yaml")))
    raise InputError(
        f"There is no profile {name!r}.", remedy=f"Name a folder with a profile.yaml, or one of: {shipped}."
    )


def load_profile(name: str) -> Profile:
    """Read and check a profile. Raises InputError naming file, line and what is wrong."""
    folder = folder_of(name)
    text = read_yaml(folder / "profile.yaml")
    rows: dict[str, Any] = {
        "grids": _read(folder / "grids.csv", Grid),
        "units": _read(folder / "units.csv", Unit),
        "categories": _read(folder / "categories.csv", Category),
        "limits": _read(folder / "limits.csv", Limit),
    }
    try:
        return Profile.model_validate({"name": folder.absolute().name} | text | rows)
    except ValidationError as error:
        file = folder / "profile.yaml"
        line = yaml_line(file, error.errors()[0]["loc"])
        raise InputError(
            f"{file}, line {line}: {explain(error)}.", remedy="Mend the keys named and try again."
        ) from error


def explain(error: ValidationError) -> str:
    """A pydantic error in one line: each wrong key and what is wrong with it."""
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'it'}: {e['msg']}" for e in error.errors())


def _read(path: Path, row_type: type[R]) -> tuple[R, ...]:
    try:
        return tuple(_rows(path, row_type)) if path.exists() else ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read: {error}.",
            remedy="Save it as CSV in UTF-8 (in Excel: CSV UTF-8; plain CSV is GBK on a Chinese Windows).",
        ) from error


def _rows(path: Path, row_type: type[R]) -> Iterator[R]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(line for line in file if not line.startswith("#"))
        for row in reader:
            if reader.restkey in row:
                raise InputError(
                    f"{path}, row {reader.line_num}: it has more cells than there are columns.",
                    remedy="Put a cell that holds a comma into double quotes.",
                )
            try:
                yield row_type.model_validate({k: v for k, v in row.items() if v is not None})
            except ValidationError as error:
                raise InputError(
                    f"{path}, row {reader.line_num}: {explain(error)}.",
                    remedy=f"The columns are {', '.join(row_type.model_fields)}.",
                ) from error
