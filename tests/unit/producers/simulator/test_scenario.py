"""A mistake in a scenario is told with its key; an unknown code is told beside those that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from gridrates.errors import InputError
from gridrates.profile import Category
from producers.simulator import load_scenario, scenario_path
from producers.simulator.world import World
from tests.simulating import scenario, simulation, stream, street


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ends_on": "2025-12-31"}, "starts_on must not be after ends_on"),
        ({"speed": 3}, "speed"),
        ({"streams": {"main": stream(cases={"routed": -1})}}, "streams.main.cases.routed"),
        ({"streams": {"main": stream(cases={"lost": 1})}}, "streams.main.cases.lost"),
        ({"streams": {"main": stream(late={"handle": 1.5})}}, "streams.main.late.handle"),
        ({"streams": {"main": stream(opened_by="walk")}}, "there is no activity 'walk'"),
        ({"streams": {"main": stream(hours="night")}}, "there is no 'night' in hours"),
        ({"streams": {"main": stream(cases={})}}, "streams.main.cases"),
        (
            {"streams": {"main": stream(categories={})}},
            "streams.main.categories: Dictionary should have at least 1",
        ),
        (
            {"streams": {"main": stream(channels={"patrol": 0})}},
            "streams.main.channels: Value error, something",
        ),
        (
            {"streams": {"main": stream(levels={"block": 0})}},
            "streams.main.levels: Value error, something must",
        ),
        (
            {"streams": {"main": stream(visits={"outcomes": {"gone": 1}})}},
            "streams.main.visits.outcomes.gone",
        ),
        ({"streams": {"main": stream(visits={"outcomes": {"valid": 0}})}}, "streams.main.visits.outcomes"),
        ({"streams": {"main": stream(units={"U1": 0})}}, "streams.main.units: Value error, something must"),
        ({"responsible": {"sys": {}}}, "responsible.sys: Dictionary should have at least 1"),
        ({"streams": {"main": stream(channels={"patrol": float("inf")})}}, "streams.main.channels.patrol"),
        (
            {"bursts": [{"days": {"from": "2026-01-01", "to": "2026-01-02"}, "categories": {"sys": 0}}]},
            "bursts.0.categories.sys",
        ),
        ({"hours": {"never": [0] * 24}}, "hours.never"),
        ({"activities": {"walk": {"count": 2, "starts": ["10:00", "09:00"]}}}, "starts must run forward"),
        ({"activities": {"walk": {"count": 2, "score": [80, -1]}}}, "activities.walk.score.1"),
        ({"streams": {"main": stream(cases={"merged": 3, "routed": 2})}}, "more cases are merged than"),
        (
            {"streams": {"main": stream(reported={"from": "2026-01-09", "to": "2026-01-08"})}},
            "must not be after",
        ),
        ({"hours": {"short": [1] * 23}}, "hours.short"),
        (
            {"activities": {"walk": {"count": 2, "totals": {"corrected_count": 1}}}},
            "cannot exceed problem_count",
        ),
        ({"activities": {"walk": {"count": 2, "totals": {"steps": 1}}}}, "activities.walk.totals.steps"),
        ({"faults": {"malformed": {"sneezed_at": 1}}}, "faults.malformed.sneezed_at"),
    ],
)
def test_a_mistake_names_its_key(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        scenario(**changes)
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump({"starts_on": "2026-01-01", "ends_on": "2026-01-31"} | changes))
    with pytest.raises(InputError, match=r"scenario\.yaml") as error:
        load_scenario(path)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("changes", "message", "known"),
    [
        ({"work_type": "gardening"}, "streams.main: the profile has no work type 'gardening'", "dispute"),
        ({"channels": {"pigeon": 1}}, "streams.main: the profile has no channel 'pigeon'", "hotline"),
        ({"categories": {"sys/09": 1}}, "streams.main: the profile has no category 'sys/09'", "sys"),
        ({"units": {"U9": 1}}, "streams.main: the profile has no unit 'U9'", "U1"),
        ({"levels": {"planet": 1}}, "the profile has no grid level 'planet'", "block"),
    ],
)
def test_a_code_the_profile_does_not_have_is_told_beside_those_it_has(
    changes: dict[str, Any], message: str, known: str
) -> None:
    with pytest.raises(InputError) as error:
        list(simulation(streams={"main": stream(**changes)}).batches())
    assert message in error.value.message
    assert known in error.value.remedy


HOLIDAY = {"from": "2026-01-01", "to": "2026-01-03"}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"activities": {"walk": {"count": 2, "held": HOLIDAY}}}, "activities.walk"),
        ({"activities": {"walk": {"count": 0, "totals": {"problem_count": 3}}}}, "activities.walk.totals"),
        (
            {"projects": {"lift": {"stages": {"signed": 1}, "begun": HOLIDAY, "level": "block"}}},
            "projects.lift",
        ),
        (
            {
                "streams": {"main": stream(opened_by="walk")},
                "activities": {"walk": {"count": 0, "levels": {"block": 1}}},
            },
            "streams.main",
        ),
        ({"weekdays": [0] * 7}, "streams.main"),
    ],
)
def test_what_has_no_day_to_happen_on_is_told(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError, match=f"scenario, {where}: there is no day on which it could happen"):
        list(simulation(**changes).batches())


def test_a_category_nobody_is_responsible_for_is_told() -> None:
    with pytest.raises(InputError, match=r"streams.main: no unit is responsible for sys/0102"):
        simulation(streams={"main": stream(units={})}, responsible={"sys/0101": {"U1": 1}})


def test_what_is_never_dispatched_needs_no_unit() -> None:
    assert list(simulation(streams={"main": stream(units={}, cases={"self_disposed": 3})}).batches())


def test_the_longest_rule_says_who_is_responsible() -> None:
    rules = {"sys": {"U1": 1}, "sys/0102": {"U2": 1}}
    world = World(street(), scenario(responsible=rules), seed=1)
    main = scenario(streams={"main": stream(units={})}).streams["main"]
    owners = {
        world.categories[entry]: world.units[chances.argmax()]
        for entries, chances in world.responsible(main, "streams.main")
        for entry in entries
    }
    assert owners == {"sys/0101": "U1", "sys/0102": "U2"}


def test_a_category_weighs_the_same_however_many_conditions_it_has() -> None:
    world = World(street(), scenario(), seed=1)
    chances = world.category_weights({"sys": 3}, "here")
    by_code = {code: chances[world.categories == code].sum() for code in set(world.categories)}
    assert by_code == {"sys/0101": pytest.approx(1.5), "sys/0102": pytest.approx(1.5)}
    assert [entry.condition for entry in world.entries] == [1, 2, None]


def test_a_prefix_does_not_reach_into_another_code_system() -> None:
    more = (*street().categories, Category(category_system="system", category_code="0101", name_zh="别的"))
    world = World(street(categories=more), scenario(), seed=1)
    assert world.selected("sys").sum() == 3
    assert world.selected("system").sum() == 1


def test_a_profile_without_a_scenario_says_so(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text("name_zh: 街\nname_en: s\ntime_zone: Asia/Shanghai\n")
    with pytest.raises(InputError, match=r"has no scenario.yaml"):
        scenario_path(str(tmp_path))
