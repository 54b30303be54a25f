"""`gridrates rates`: the right figures, in words people read and in JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gridrates.cli import app
from gridrates.settings import Settings
from tests.published_street import events, make_published, make_settings, publish_street


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_published(tmp_path_factory.mktemp("street"))


def rates(settings: Settings, *arguments: str) -> Result:
    options = ["--home", str(settings.home), "--profile", settings.profile]
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, [*options, "rates", *arguments])


def as_json(settings: Settings, *arguments: str) -> dict[str, Any]:
    result = rates(settings, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def figures(row: dict[str, Any]) -> dict[str, tuple[float, float, float | None]]:
    codes = ["sign_rate", "dispatch_rate", "closure_rate", "closure_on_time_rate", "satisfaction_rate"]
    return {code: tuple(row[code].values()) for code in codes}


def test_by_default_the_last_whole_day_with_events_for_the_total_and_each_grid(street) -> None:
    answer = as_json(street)
    assert [(row["business_date"], row["code"]) for row in answer["rates"]] == [
        ("2026-05-02", "total"),
        ("2026-05-02", "E"),
        ("2026-05-02", "W"),
    ]
    assert figures(answer["rates"][0]) == {
        "sign_rate": (3, 3, 1.0),
        "dispatch_rate": (3, 3, 1.0),
        "closure_rate": (3, 4, 0.75),
        "closure_on_time_rate": (3, 4, 0.75),
        "satisfaction_rate": (2.0, 3, pytest.approx(2 / 3)),
    }


def test_nothing_due_is_no_rate_and_nothing_done_is_zero(street) -> None:
    west = as_json(street)["rates"][2]
    assert figures(west)["closure_rate"] == (0, 1, 0.0)
    assert figures(west)["satisfaction_rate"] == (0, 0, None)


def test_every_indicator_is_defined_in_both_languages(street) -> None:
    answer = as_json(street)
    assert [each["name_zh"] for each in answer["indicators"]] == [
        "签收率", "派遣率", "结案率", "按期结案率", "满意率",
    ]  # fmt: skip
    assert all(each[key] for each in answer["indicators"] for key in each)
    assert answer["generation"] == 1


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--level", "grid"], ["E", "W"]),
        (["--level", "total"], ["total"]),
        (["--level", "community"], ["E1"]),
        (["--code", "W"], ["W"]),
        (["--code", "梧桐居民区"], ["E1"]),
        (["--code", "West grid"], ["W"]),
        (["--level", "street", "--code", "S"], ["S"]),
    ],
)
def test_a_level_or_a_node_by_code_or_name(street, arguments: list[str], codes: list[str]) -> None:
    assert [row["code"] for row in as_json(street, *arguments)["rates"]] == codes


def test_a_kind_of_work_has_its_own_denominators(street) -> None:
    first_of_may = ("--date", "2026-05-01", "--level", "total", "--work-type")
    (disputes,) = as_json(street, *first_of_may, "dispute")["rates"]
    (grid_cases,) = as_json(street, *first_of_may, "grid_case")["rates"]
    assert figures(disputes)["closure_rate"] == (1, 1, 1.0)
    assert figures(grid_cases)["closure_rate"] == (0, 0, None)


def test_several_dates_of_one_node(street) -> None:
    found = as_json(street, "--from", "2026-05-01", "--to", "2026-05-02", "--code", "total")["rates"]
    assert [(row["business_date"], row["dispatch_rate"]["numerator"]) for row in found] == [
        ("2026-05-01", 2),
        ("2026-05-02", 3),
    ]


def test_from_alone_goes_to_the_last_whole_day(street) -> None:
    found = as_json(street, "--from", "2026-05-01", "--code", "total")["rates"]
    assert [row["business_date"] for row in found] == ["2026-05-01", "2026-05-02"]


def test_a_table_for_people(street) -> None:
    result = rates(street)
    assert result.exit_code == 0
    said = result.stdout
    assert said.startswith("每日四率 Daily rates · 2026-05-02 · 全部业务 All work\n")
    assert all(words in said for words in ("签收率", "Sign-for", "东网格", "East grid"))
    assert re.search(r"合计 +100\.0% +100\.0% +75\.0% +75\.0% +66\.7%", said)
    assert re.search(r"Total +3/3 +3/3 +3/4 +3/4 +2/3", said)
    assert re.search(r"西网格 +— +— +0\.0% +0\.0% +—", said)
    assert "— 无应办件，不计算 nothing was due" in said
    assert "结案率 Closure rate = " in said


def test_a_table_of_several_dates_names_the_node_once(street) -> None:
    said = rates(street, "--from", "2026-05-01", "--code", "E1").stdout
    assert said.count("梧桐居民区") == 1
    assert re.search(r"2026-05-01 +100\.0%", said)


def test_a_time_without_cases_says_so(street) -> None:
    said = rates(street, "--from", "2026-06-01", "--to", "2026-06-02").stdout
    assert "Nothing was due or done" in said


def test_a_date_without_cases_is_a_row_without_rates(street) -> None:
    row = as_json(street, "--date", "2026-06-01", "--code", "E")["rates"][0]
    assert set(figures(row).values()) == {(0, 0, None)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--date", "1 May"], "'1 May' is not a date"),
        (["--date", "2026-05-01", "--from", "2026-05-01"], "One date was asked for, and several"),
        (["--to", "2026-05-01"], "--to needs --from"),
        (["--from", "2026-05-02", "--to", "2026-05-01"], "2026-05-01 is before 2026-05-02"),
        (["--level", "planet"], "Choose one of: total, street, grid, community"),
        (["--code", "梧桐居民"], "Did you mean 梧桐居民区"),
        (["--code", "zzzzzz"], "FROM grids"),
        (["--code", "E", "--level", "community"], "There is no grid 'E'"),
        (["--work-type", "magic"], "Choose one of: all, dispute, grid_case"),
    ],
)
def test_a_wrong_question_is_told_with_its_remedy(street, arguments: list[str], said: str) -> None:
    result = rates(street, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr.replace("\n", " ")
    assert "What to do:" in result.stderr


def test_nothing_published_yet_says_what_to_do(tmp_path: Path) -> None:
    result = rates(make_settings(tmp_path))
    assert result.exit_code == 4
    assert "Nothing has been published yet" in result.stderr
    assert "gridrates run" in result.stderr


def test_published_without_any_event_says_what_to_do(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    publish_street(settings, [])
    result = rates(settings)
    assert result.exit_code == 4
    assert "No rates have been published yet" in result.stderr


def test_a_span_as_a_whole_and_by_the_current_map(street) -> None:
    span = ("--from", "2026-05-01", "--to", "2026-05-02")
    answer = as_json(street, *span, "--whole", "--tree", "current", "--level", "total")
    assert [(row["business_date"], row["code"]) for row in answer["rates"]] == [("2026-05-02", "total")]
    assert figures(answer["rates"][0])["closure_rate"] == (4, 5, 0.8)
    assert (answer["first_date"], answer["is_whole"], answer["tree"]) == ("2026-05-01", True, "current")
    printed = rates(street, *span, "--whole", "--tree", "current").stdout
    assert "2026-05-01 – 2026-05-02" in printed
    assert "counted once for the whole time" in printed
    assert "by the grids as drawn now" in printed


@pytest.mark.parametrize("option", [["--whole"], ["--tree", "current"]])
def test_what_was_known_then_cannot_be_counted_again(street, option: list[str]) -> None:
    result = rates(street, "--date", "2026-05-02", "--as-known-at", "2026-05-02T06:00", *option)
    assert result.exit_code == 2
    assert "Leave out --as-known-at" in result.output


def test_what_the_city_decided_otherwise_stands_with_the_figures(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    chosen = Path(settings.profile, "profile.yaml")
    chosen.write_text(f"{chosen.read_text('utf-8')}aggregation: mean_of_units\n", "utf-8")
    publish_street(settings, events())
    total, mean, *_ = as_json(settings)["rates"]
    assert (total["code"], mean["code"]) == ("total", "unit_mean")
    assert mean["closure_rate"]["denominator"] == 1
    printed = rates(settings)
    assert "各单位平均" in printed.stdout
    assert "beside the total stands the mean of the units' rates" in printed.stdout
    assert "unit_mean" not in [row["code"] for row in as_json(settings, "--level", "grid")["rates"]]


def test_a_street_that_decided_nothing_otherwise_tells_no_convention(street) -> None:
    answer = as_json(street)
    assert answer["conventions"] == []
    assert "unit_mean" not in [row["code"] for row in answer["rates"]]
