"""A street small enough to know every figure of, published as the pipeline does it.

Two grids, East with a neighbourhood and West. On Saturday 2 May 2026 three cases of East are filed,
dispatched, signed, handled and closed in time and visited, two of them to satisfaction; one case of West
that was filed the day before falls due and is not closed. On 1 May a dispute is settled.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gridrates.pipeline import open_pass
from gridrates.settings import Settings
from tests.events import Row, event, insert_events
from tests.shared import shared
from warehouse.published import Publication

ZONE = "Asia/Shanghai"
NOW = datetime.fromisoformat("2026-05-03T09:00:00+08:00")
FILES = {
    "profile.yaml": """
name_zh: 两格街道
name_en: Two Grids Street
time_zone: Asia/Shanghai
default_work_type: grid_case
work_types:
  grid_case: {zh: 网格案件, en: Grid case}
  dispute: {zh: 矛盾纠纷, en: Dispute}
desk_limits:
  sign: {amount: 2, unit: hour}
  dispatch: {amount: 15, unit: minute}
""",
    "grids.csv": """tree,grid_code,parent_code,level,name_zh,name_en,valid_from,valid_to
grid,S,,street,两格街道,Two Grids Street,,
grid,E,S,grid,东网格,East grid,,
grid,W,S,grid,西网格,West grid,,
grid,E1,E,community,梧桐居民区,Wutong neighbourhood,,
""",
    "units.csv": "unit_code,parent_code,name_zh,name_en,valid_from,valid_to\nU1,,城管队,City team,,\n",
    "limits.csv": "category_system,category_code,condition_no,work_type,amount,unit\n,,,,24,hour\n",
}


def make_settings(folder: Path, **changes: Any) -> Settings:
    """Settings with a home and the two-grid profile below `folder`."""
    profile = folder / "two-grids"
    profile.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (profile / name).write_text(text, encoding="utf-8")
    return Settings(home=folder / "home", profile=str(profile), **changes)


def course(case: str, grid: str, day: str, *, kind: str = "grid_case", **steps: str) -> Iterator[Row]:
    """The events of a case on a day: each step and its time; `visited` is followed by its satisfaction."""
    for verb, text in steps.items():
        time, *more = text.split()
        data: dict[str, Any] = {"grid_code": grid, "work_type": kind}
        if verb in ("dispatched", "signed", "handled"):
            data = {"unit_code": "U1"}
        elif verb != "filed":
            data = {"satisfaction": more[0], "is_valid": True} if more else {}
        yield event(case, verb, f"{day} {time}", ZONE, **data)


def events() -> list[Row]:
    """Everything that happens in the street."""
    steps = {
        "filed": "08:00",
        "dispatched": "08:05",
        "signed": "08:10",
        "handled": "10:00",
        "closed": "11:00",
    }
    ratings = ("satisfied", "very_satisfied", "dissatisfied")
    made: list[Row] = []
    for number, rating in enumerate(ratings):
        made += course(f"E{number}", "E1", "2026-05-02", **steps, visited=f"15:00 {rating}")
    made += course("W0", "W", "2026-05-01", filed="08:00", dispatched="08:05", signed="08:30")
    made += course("D0", "E1", "2026-05-01", kind="dispute", **steps)
    return made


def publish_street(settings: Settings, made: Iterable[Row], *, now: datetime = NOW) -> Publication:
    """Land the events as one batch, derive everything and publish it."""
    with open_pass(settings, "test", now=now) as this:
        insert_events(this.connection, made)
        this.fold()
        this.compute(this.due_dates())
        return this.publish()


def make_published(folder: Path, **changes: Any) -> Settings:
    """Settings with the street below `folder`, its events published; they are derived once a run."""
    settings = make_settings(folder, **changes)
    original = shared("two-grids", lambda made: _publish_all(make_settings(made)))
    shutil.copytree(make_settings(original).home, settings.home, symlinks=True)
    return settings


def _publish_all(settings: Settings) -> None:
    publish_street(settings, events())
