"""Every profile that is shipped holds together: trees, codes, limits, names in both languages."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise

import pytest

from gridrates.profile import SHIPPED, Grid, Profile, load_profile
from producers.simulator import Simulation, Tally, load_scenario, scenario_path
from producers.simulator.world import World
from transforms.reference import grid_paths

STREETS = sorted(path.parent.name for path in SHIPPED.glob("*/scenario.yaml"))


@pytest.fixture(params=STREETS)
def profile(request: pytest.FixtureRequest) -> Profile:
    return load_profile(request.param)


def drawn(grids: tuple[Grid, ...], on: date, tree: str = "grid") -> list[Grid]:
    """The nodes of a tree on the map of a day."""
    return [
        g for g in grids if g.tree == tree and (g.valid_from or date.min) <= on < (g.valid_to or date.max)
    ]


def test_the_demo_street_is_among_them() -> None:
    assert "demo-street" in STREETS


def test_no_node_is_drawn_twice_on_one_day_or_left_out_between_two_rows(profile: Profile) -> None:
    rows: dict[tuple[str, str], list[tuple[date, date]]] = defaultdict(list)
    for g in profile.grids:
        rows[g.tree, g.grid_code].append((g.valid_from or date.min, g.valid_to or date.max))
    for spans in rows.values():
        for (_, end), (begin, _) in pairwise(sorted(spans)):
            assert end == begin


def test_every_path_leads_to_the_street_through_one_node_a_level(profile: Profile) -> None:
    nodes = grid_paths(profile.grids)
    roots = {g.grid_code for g in profile.grids if g.parent_code is None}
    assert len(roots) == 1
    for path, levels in _by_path(nodes).items():
        assert max(Counter(level for level, _ in levels).values()) == 1, path
        assert roots & {code for _, code in levels}, path


def _by_path(nodes: list) -> dict[str, list[tuple[str, str]]]:  # type: ignore[type-arg]
    found = defaultdict(list)
    for node in nodes:
        found[node.path_id].append((node.level, node.code))
    return found


def test_codes_begin_with_the_area_they_lie_in(profile: Profile) -> None:
    street = next(g.grid_code for g in profile.grids if g.parent_code is None)
    community = {g.grid_code for g in profile.grids if g.level == "community"}
    assert len(street) == 12
    assert all(len(code) == 12 for code in community)
    for g in profile.grids:
        assert g.grid_code.isdigit()
        assert g.grid_code.startswith(street[:9])
        if g.parent_code in community and g.tree == "grid":
            assert g.grid_code.startswith(g.parent_code)


def test_everything_is_named_in_both_languages(profile: Profile) -> None:
    for row in (*profile.grids, *profile.units, *profile.categories):
        assert row.name_zh
        assert row.name_en
        assert row.name_zh.strip() == row.name_zh
    for name in (*profile.work_types.values(), *profile.channels.values()):
        assert name.zh
        assert name.en


def test_limits_and_parents_name_what_exists(profile: Profile) -> None:
    categories = {(c.category_system, c.category_code) for c in profile.categories}
    assert len(categories) == len(profile.categories)
    for limit in profile.limits:
        assert limit.category_code is None or (limit.category_system, limit.category_code) in categories
        assert limit.work_type is None or limit.work_type in profile.work_types
    for category in profile.categories:
        assert category.parent_code is None or (category.category_system, category.parent_code) in categories
    units = {unit.unit_code for unit in profile.units}
    assert len(units) == len(profile.units)
    assert all(unit.parent_code is None or unit.parent_code in units for unit in profile.units)


def test_no_limit_is_said_twice_and_there_is_one_for_everything_else(profile: Profile) -> None:
    keys = Counter((x.category_system, x.category_code, x.condition_no, x.work_type) for x in profile.limits)
    assert max(keys.values()) == 1
    assert keys[None, None, None, None] == 1


def test_conditions_of_a_category_are_numbered_from_one(profile: Profile) -> None:
    conditions = defaultdict(list)
    for limit in profile.limits:
        if limit.condition_no:
            conditions[limit.category_system, limit.category_code].append(limit.condition_no)
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in conditions.values())


def test_the_scenario_of_a_profile_comes_to_its_quotas(profile: Profile) -> None:
    scenario = load_scenario(scenario_path(profile.name))
    # The largest street is tried at a tenth of its size: quotas hold at any scale.
    scale = 0.1 if profile.name == "baiyang" else 1.0
    run = Simulation(profile, scenario, scale=scale)
    tally = Tally(run)
    for batch in run.batches():
        tally.add(batch)
    summary = tally.summary()
    assert summary.cases == {
        name: {life: round(count * scale) for life, count in stream.cases.items() if round(count * scale)}
        for name, stream in scenario.streams.items()
    }
    assert summary.duplicates == round(scenario.faults.duplicates * scale)
    malformed = {fault: round(count * scale) for fault, count in scenario.faults.malformed.items()}
    assert summary.malformed == {fault: count for fault, count in malformed.items() if count}


def test_every_case_number_tells_its_code_system(profile: Profile) -> None:
    scenario = load_scenario(scenario_path(profile.name))
    world = World(profile, scenario, seed=1)
    letters = {system: letter for system, letter in scenario.case_letters.items() if system in world.systems}
    used = {selector.split("/")[0] for stream in scenario.streams.values() for selector in stream.categories}
    assert used <= set(letters)
    assert len(set(letters.values())) == len(letters)


# The demo street -----------------------------------------------------------------------------------------

DEMO = load_profile("demo-street")


@pytest.mark.parametrize("day", [date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 1), date(2026, 6, 30)])
def test_the_demo_street_has_440_building_groups_whenever_it_is_looked_at(day: date) -> None:
    levels = Counter(g.level for g in drawn(DEMO.grids, day))
    assert levels == {
        "street": 1,
        "grid": 4,
        "community": 18,
        "micro_grid": 84 if day < date(2026, 4, 1) else 85,
        "building_group": 440,
    }


def test_a_micro_grid_of_the_demo_street_is_split_on_the_first_of_april() -> None:
    before, after = (
        {g.grid_code for g in drawn(DEMO.grids, day)} for day in (date(2026, 3, 31), date(2026, 4, 1))
    )
    (gone,) = before - after
    new = after - before
    members = [g.grid_code for g in drawn(DEMO.grids, date(2026, 3, 31)) if g.parent_code == gone]
    parents = {g.parent_code for g in drawn(DEMO.grids, date(2026, 4, 1)) if g.grid_code in members}
    assert len(new) == 2
    assert parents == new


def test_enforcement_areas_cover_the_demo_street_and_are_redrawn_once() -> None:
    def area_of_each(day: date) -> dict[str, str]:
        return {
            n.grid_code: n.code
            for n in grid_paths(DEMO.grids)
            if n.level == "enforcement_area" and n.valid_from <= day < n.valid_to
        }

    before, after = area_of_each(date(2026, 3, 15)), area_of_each(date(2026, 3, 16))
    groups = {g.grid_code for g in DEMO.grids if g.level == "building_group"}
    assert groups <= set(before)
    assert groups <= set(after)
    moved = {code for code in groups if before[code] != after[code]}
    assert {code[:12] for code in moved} == {"310199001006"}


def test_event_categories_04_and_05_trade_places_between_the_code_systems() -> None:
    names = {(c.category_system, c.category_code): c.name_zh for c in DEMO.categories}
    assert names["event-2013-local", "04"] == names["event-legacy", "05"] == "街面秩序"
    assert names["event-2013-local", "05"] == names["event-legacy", "04"] == "突发事件"


def test_the_demo_scenario_is_half_a_year_of_four_thousand_cases_a_quarter_of_them_routed() -> None:
    scenario = load_scenario(scenario_path("demo-street"))
    assert (scenario.starts_on, scenario.ends_on) == (date(2026, 1, 1), date(2026, 6, 30))
    in_period = [s.cases for s in scenario.streams.values() if s.reported is None]
    reported = sum(sum(lives.values()) for lives in in_period)
    routed = sum(lives.get(life, 0) for lives in in_period for life in ("routed", "open", "voided"))
    assert reported == 4000
    assert 0.22 < routed / reported < 0.3
