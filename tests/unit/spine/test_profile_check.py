"""Every mistake that a register can hold without being malformed is found, at its line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gridrates.cli import app
from gridrates.errors import InputError
from gridrates.profile import SHIPPED, load_profile
from gridrates.profile_check import Finding, check_codes, check_profile

GRIDS = "grid_code,parent_code,level,valid_from,valid_to\n"
UNITS = "unit_code,parent_code,valid_from,valid_to\n"
CATEGORIES = "category_system,category_code,parent_code\n"
LIMITS = "category_system,category_code,condition_no,work_type,amount,unit\n"


def profile_of(folder: Path, settings: str = "", **files: str) -> Path:
    text = f"name_zh: 街\nname_en: Street\n{settings}"
    if "time_zone" not in settings:
        text += "time_zone: Asia/Shanghai\n"
    (folder / "profile.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    return folder


def composite(
    levels: Sequence[str] = ("street",),
    work_type: str = "all",
    red_from: int = 90,
    parts: Sequence[str] = ("closure_rate", "sign_rate"),
    weight: int = 50,
) -> str:
    """Settings with a composite of two parts, from their third line on."""
    weighed = ", ".join(f"{{indicator: {name}, weight: {weight}}}" for name in parts)
    return (
        f"work_types: {{grid_case: {{}}}}\ncomposites:\n  ours:\n    zh: 分\n    en: Score\n"
        f"    levels: [{', '.join(levels)}]\n    work_type: {work_type}\n    red_from: {red_from}\n"
        f"    parts: [{weighed}]\n"
    )


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, [str(finding) for finding in findings]
    assert findings[0].remedy.endswith(".")
    return findings[0]


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SHIPPED.glob("*/profile.yaml")))
def test_the_shipped_profiles_are_clean(name: str) -> None:
    assert check_profile(SHIPPED / name) == []


def test_a_register_that_is_not_utf8_says_how_to_save_it(tmp_path: Path) -> None:
    folder = profile_of(tmp_path)
    (folder / "units.csv").write_bytes("unit_code,name_zh\nU1,城管队\n".encode("gbk"))
    with pytest.raises(InputError, match=r"units\.csv cannot be read") as error:
        check_profile(folder)
    assert "CSV UTF-8" in error.value.remedy


def test_a_comma_too_many_is_named_with_its_row(tmp_path: Path) -> None:
    folder = profile_of(tmp_path, units="unit_code,name_en\nU1,City team\nU2,Roads, bridges\n")
    with pytest.raises(InputError, match=r"units\.csv, row 3: it has more cells") as error:
        check_profile(folder)
    assert "double quotes" in error.value.remedy


@pytest.mark.parametrize("text", ["parameters: [\n", "nope: 3\n", "parameters: {nope: 3}\n"])
def test_rules_of_the_profile_that_the_gate_could_not_read_are_found(tmp_path: Path, text: str) -> None:
    (profile_of(tmp_path) / "expectations.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["profile", "check", str(tmp_path)])
    assert result.exit_code == 2
    assert "expectations.yaml" in result.output


def test_a_profile_without_registers_is_clean(tmp_path: Path) -> None:
    assert check_profile(profile_of(tmp_path)) == []


def test_what_cannot_be_read_is_an_input_error(tmp_path: Path) -> None:
    profile_of(tmp_path, grids=GRIDS + "a,,street,someday,\n")
    with pytest.raises(InputError, match=r"grids\.csv"):
        check_profile(tmp_path)


class TestTree:
    def test_a_circle_is_told_once_with_its_way(self, tmp_path: Path) -> None:
        rows = "a,c,x,,\nb,a,x,,\nc,b,x,,\nd,c,x,,\n"
        finding = only(check_profile(profile_of(tmp_path, grids=GRIDS + rows)))
        assert finding.severity == "error"
        assert "circle: a → c → b → a" in finding.message
        assert finding.place == "grids.csv, line 2"

    def test_a_node_that_is_its_own_parent(self, tmp_path: Path) -> None:
        finding = only(check_profile(profile_of(tmp_path, units=UNITS + "u,u,,\n")))
        assert finding.message.endswith("circle: u → u")
        assert finding.place == "units.csv, line 2"

    def test_a_tree_redrawn_the_other_way_round_is_no_circle(self, tmp_path: Path) -> None:
        rows = "a,,x,,2024-01-01\nb,a,x,,2024-01-01\nb,,x,2024-01-01,\na,b,x,2024-01-01,\n"
        assert check_profile(profile_of(tmp_path, grids=GRIDS + rows)) == []

    def test_a_tree_redrawn_into_a_circle_is_one(self, tmp_path: Path) -> None:
        rows = "a,,x,,2024-01-01\na,b,x,2024-01-01,\nb,a,x,,\n"
        finding = only(check_profile(profile_of(tmp_path, grids=GRIDS + rows)))
        assert "circle" in finding.message

    def test_a_parent_without_a_row(self, tmp_path: Path) -> None:
        finding = only(check_profile(profile_of(tmp_path, grids=GRIDS + "a,,x,,\nb,A,x,,\n")))
        assert finding.message == "the parent 'A' of 'b' has no row"
        assert finding.place == "grids.csv, line 3"

    def test_two_rows_of_one_code_at_the_same_time(self, tmp_path: Path) -> None:
        rows = "a,,x,,2024-06-01\na,,x,2024-05-31,\n"
        finding = only(check_profile(profile_of(tmp_path, grids=GRIDS + rows)))
        assert finding.message == "'a' is valid here and on line 2 at the same time"
        rows = "a,,x,,2024-06-01\na,,x,2024-06-01,\n"
        assert check_profile(profile_of(tmp_path, grids=GRIDS + rows)) == []

    def test_one_code_may_stand_in_two_trees(self, tmp_path: Path) -> None:
        rows = (
            "tree,grid_code,parent_code,level\ngrid,s,,street\nteam,t,,team\ngrid,a,s,grid\nteam,a,t,grid\n"
        )
        assert check_profile(profile_of(tmp_path, grids=rows)) == []

    def test_a_row_that_ends_before_it_begins(self, tmp_path: Path) -> None:
        for dates in ("2024-05-02,2024-05-01", "2024-05-01,2024-05-01"):
            finding = only(check_profile(profile_of(tmp_path, units=UNITS + f"u,,{dates}\n")))
            assert finding.message == "'u' ends before it begins"

    @pytest.mark.parametrize(
        ("parents", "gap"),
        [
            ("p,,x,2024-01-01,\n", "from the beginning to 2024-01-01"),
            ("p,,x,,2024-01-01\n", "from 2024-01-01 to the end"),
            ("p,,x,,2024-01-01\np,,x,2024-02-01,\n", "from 2024-01-01 to 2024-02-01"),
            ("p,,x,,2024-01-01\np,,x,2024-01-01,\n", None),
        ],
    )
    def test_a_parent_must_be_valid_as_long_as_its_children(
        self, tmp_path: Path, parents: str, gap: str | None
    ) -> None:
        findings = check_profile(profile_of(tmp_path, grids=GRIDS + parents + "c,p,x,,\n"))
        assert [f.message for f in findings] == (
            [f"the parent 'p' is not valid {gap}, and 'c' is"] if gap else []
        )

    @pytest.mark.parametrize(
        ("parent", "child", "prefix"),
        [
            ("330109004000", "330109005001", "330109004"),
            ("330109000000", "330110004001", "330109"),
            ("330109004001", "330109004002001", "330109004001"),
            ("330109004000", "330109004001", None),
            ("330109004000", "330109004001023", None),
            ("330109000000", "33010900400102", None),
            ("west", "330109004001", None),
            ("330109004000", "G-17", None),
            ("330109004", "330110004001", None),
        ],
    )
    def test_an_area_code_lies_in_the_area_of_its_parent(
        self, tmp_path: Path, parent: str, child: str, prefix: str | None
    ) -> None:
        findings = check_profile(profile_of(tmp_path, grids=GRIDS + f"{parent},,x,,\n{child},{parent},y,,\n"))
        if prefix is None:
            assert findings == []
        else:
            assert f"does not begin with {prefix}, the area of its parent" in only(findings).message

    def test_words_that_the_figures_use_themselves(self, tmp_path: Path) -> None:
        findings = check_profile(profile_of(tmp_path, grids=GRIDS + "total,,x,,\na,,unassigned,,\n"))
        assert [f.place for f in findings] == ["grids.csv, line 2", "grids.csv, line 3"]

    def test_categories_are_trees_by_system(self, tmp_path: Path) -> None:
        rows = "old,01,\nold,0101,01\nnew,02,\nnew,0101,01\nold,0101,01\n"
        findings = check_profile(profile_of(tmp_path, categories=CATEGORIES + rows))
        assert {f.place: f.message for f in findings} == {
            "categories.csv, line 5": "the parent '01' of '0101' has no row",
            "categories.csv, line 6": "'0101' is valid here and on line 3 at the same time",
        }


def test_lines_are_those_of_the_file_whatever_stands_between(tmp_path: Path) -> None:
    rows = "# made by hand\n" + GRIDS + '# streets\na,,"two\nlines",,\n\n# more\nb,nowhere,x,,\n'
    assert only(check_profile(profile_of(tmp_path, grids=rows))).place == "grids.csv, line 8"


class TestLimits:
    LEAVES = CATEGORIES + "s,01,\ns,0101,01\ns,0102,01\n"

    def check(self, folder: Path, rows: str, settings: str = "") -> list[Finding]:
        return check_profile(profile_of(folder, settings, categories=self.LEAVES, limits=LIMITS + rows))

    def test_every_category_has_one_or_there_is_a_default(self, tmp_path: Path) -> None:
        finding = only(self.check(tmp_path, "s,0101,,,4,hour\n"))
        assert finding.severity == "warning"
        assert finding.message == "1 categories have no limit, and there is no default: 0102"
        assert self.check(tmp_path, "s,0101,,,4,hour\n,,,,3,day\n") == []
        assert self.check(tmp_path, "") == []

    def test_a_category_that_is_not_there(self, tmp_path: Path) -> None:
        finding = only(self.check(tmp_path, ",,,,3,day\ns,0103,,,4,hour\n"))
        assert finding.message == "there is no category '0103' in the system 's'"
        assert finding.place == "limits.csv, line 3"
        assert "in the system None" in only(self.check(tmp_path, ",,,,3,day\n,0101,,,4,hour\n")).message

    def test_the_same_limit_twice(self, tmp_path: Path) -> None:
        finding = only(self.check(tmp_path, ",,,,3,day\n,,,,4,day\n"))
        assert finding.message == "this limit is already on line 2"

    def test_conditions_are_numbered_without_a_gap(self, tmp_path: Path) -> None:
        finding = only(self.check(tmp_path, ",,,,3,day\ns,0101,1,,1,day\ns,0101,3,,1,day\n"))
        assert finding.message == "'0101' has a condition 3 and none numbered 2"
        assert finding.place == "limits.csv, line 4"
        assert self.check(tmp_path, ",,,,3,day\ns,0101,2,,1,day\ns,0101,1,,1,day\n") == []

    def test_a_condition_needs_a_category(self, tmp_path: Path) -> None:
        finding = only(self.check(tmp_path, ",,,,1,day\n,,2,,3,day\n"))
        assert finding.message == "the condition 2 is of no category"
        assert finding.severity == "error"

    def test_work_types(self, tmp_path: Path) -> None:
        types = "work_types: {river: {}}\ndefault_work_type: river\n"
        assert self.check(tmp_path, ",,,,3,day\n,,,river,4,day\n", types) == []
        unknown = only(self.check(tmp_path, ",,,,3,day\n,,,lake,4,day\n", types))
        assert unknown.message == "there is no work type 'lake'"
        ignored = only(self.check(tmp_path, ",,,,3,day\ns,0101,,river,4,day\n", types))
        assert ignored.severity == "warning"


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "place", "says"),
        [
            ("work_types: {a: {}}\n", "default_work_type", "'grid_case' is none of the work types"),
            ("work_types: {grid_case: {}, all: {}}\n", "work_types", "row of all work types"),
            ("calendar: {country: XX}\n", "calendar.country", "no public holidays are known of 'XX'"),
            (
                "satisfaction_points: {satisfied: 1.0}\n",
                "satisfaction_strict",
                "'very_satisfied' counts as satisfied but earns no points",
            ),
            (
                'calendar: {sessions: [{starts: "08:00", ends: "12:00"}, '
                '{starts: "11:30", ends: "18:00"}]}\n',
                "calendar.sessions",
                "08:00-12:00 and 11:30-18:00 overlap in month 1",
            ),
            (
                'calendar: {sessions: [{starts: "08:00", ends: "12:00", months: [5, 6]}]}\n',
                "calendar.sessions",
                "nothing is worked in the months 1, 2, 3, 4, 7, 8, 9, 10, 11, 12",
            ),
        ],
    )
    def test_a_mistake_is_found(self, tmp_path: Path, settings: str, place: str, says: str) -> None:
        finding = only(check_profile(profile_of(tmp_path, settings)))
        line = 3 if place.split(".")[0] in settings else 1
        assert finding.place == f"profile.yaml, line {line}, {place}"
        assert says in finding.message

    @pytest.mark.parametrize("zone", ["Asia/Hangzhou", "Asia", "../zone"])
    @pytest.mark.parametrize("command", ["run", "land", "replay", "profile check"])
    def test_a_time_zone_there_is_not_is_told_by_whoever_reads_the_profile(
        self, tmp_path: Path, zone: str, command: str
    ) -> None:
        folder = profile_of(tmp_path, f"time_zone: {zone}\n")
        told = CliRunner().invoke(
            app, ["--home", str(tmp_path / "home"), "--profile", str(folder), *command.split()]
        )
        assert told.exit_code == 2
        assert f"profile.yaml, line 3: time_zone: Value error, '{zone}' is no time zone" in told.stderr

    @pytest.mark.parametrize(
        ("change", "place", "says"),
        [
            (
                {"levels": ["street", "ward"]},
                "line 8, composites.ours.levels",
                "no grid has the level 'ward'",
            ),
            ({"work_type": "river"}, "line 9, composites.ours.work_type", "there is no work type 'river'"),
            ({"red_from": 70}, "line 5, composites.ours", "the lists overlap"),
            (
                {"parts": ["closure_rate", "closure_rate"]},
                "line 11, composites.ours.parts",
                "'closure_rate' is weighed twice",
            ),
        ],
    )
    def test_a_composite_that_cannot_be_computed_as_meant(
        self, tmp_path: Path, change: dict[str, Any], place: str, says: str
    ) -> None:
        folder = profile_of(tmp_path, composite(**change), grids=GRIDS + "a,,street,,\n")
        finding = only(check_profile(folder))
        assert finding.place.endswith(place) and finding.place.startswith("profile.yaml, line ")
        assert says in finding.message

    @pytest.mark.parametrize(
        ("change", "place", "says"),
        [
            ("levels: [ward]", "line 4, score_lists.waste.levels", "no grid has the level 'ward'"),
            ("levels: [street], black_below: 80", "line 4, score_lists.waste", "the lists overlap"),
        ],
    )
    def test_a_list_of_scores_that_cannot_be_made_as_meant(
        self, tmp_path: Path, change: str, place: str, says: str
    ) -> None:
        settings = f"score_lists:\n  waste: {{zh: 榜, en: List, {change}}}\n"
        finding = only(check_profile(profile_of(tmp_path, settings, grids=GRIDS + "a,,street,,\n")))
        assert finding.place.endswith(place)
        assert says in finding.message

    @pytest.mark.parametrize(
        ("work_type", "since", "says"),
        [
            ("river", "reported", "there is no work type 'river'"),
            ("grid_case", "phoned", "no event has the verb 'phoned'"),
        ],
    )
    def test_a_response_band_of_what_there_is_not(
        self, tmp_path: Path, work_type: str, since: str, says: str
    ) -> None:
        band = f"{{zh: 响应, en: Answered, since: {since}, until: accepted, amount: 1, unit: minute}}"
        settings = f"work_types: {{grid_case: {{}}}}\nresponse_bands:\n  {work_type}: [{band}]\n"
        finding = only(check_profile(profile_of(tmp_path, settings)))
        assert finding.place.endswith(f", response_bands.{work_type}")
        assert says in finding.message

    def test_weights_that_do_not_sum_to_a_hundred_are_named_with_their_line(self, tmp_path: Path) -> None:
        folder = profile_of(tmp_path, composite(weight=40), grids=GRIDS + "a,,street,,\n")
        with pytest.raises(InputError, match=r"profile\.yaml, line 5: composites\.ours.* sum to 80"):
            check_profile(folder)

    def test_sessions_of_other_seasons_may_overlap(self, tmp_path: Path) -> None:
        settings = (
            'calendar: {sessions: [{starts: "08:00", ends: "18:00", months: [1, 2, 3, 4, 5, 6]}, '
            '{starts: "08:30", ends: "17:00", months: [7, 8, 9, 10, 11, 12]}]}\n'
        )
        assert check_profile(profile_of(tmp_path, settings)) == []


def test_codes_that_no_register_has_are_counted_the_commonest_first(tmp_path: Path) -> None:
    profile_of(tmp_path, "channels: {hotline: {}}\n", grids=GRIDS + "a,,x,,\n", units=UNITS + "u,,,\n")
    used = {
        "grid_code": {"a": 10, "b": 1, "c": 7},
        "unit_code": {"u": 3},
        "channel": {"hotline": 2, "app": 2},
    }
    grids, channels = check_codes(load_profile(str(tmp_path)), used)
    assert grids.place == "grids.csv"
    assert grids.message == "2 of the codes that events use as grid_code are not there: 'c' (7), 'b' (1)"
    assert channels.place == "profile.yaml, channels"
    assert {grids.severity, channels.severity} == {"warning"}
