"""docs/systems.md is whole: every system, its street, the gate rules it names, its row of the table."""

from __future__ import annotations

import pytest
import yaml

from expectations.suites import load_catalogue
from gridrates.profile import SHIPPED
from gridrates.yaml_files import read_yaml
from tests.integration.systems.page import Section, rows_of_page, sections
from transforms.models import ROOM

SECTIONS = sections()


def test_every_system_has_a_section() -> None:
    assert list(SECTIONS) == list(range(1, 23))


def test_the_page_tells_it_of_every_system() -> None:
    rows = rows_of_page()
    titles = {number: row.split(" | ")[1] for number, row in rows.items()}
    assert titles == {number: section.title for number, section in SECTIONS.items()}
    assert all(row.endswith("| yes |") for row in rows.values())


def test_every_street_is_the_place_of_some_system() -> None:
    shipped = {path.parent.name for path in SHIPPED.glob("*/scenario.yaml")}
    assert {section.street for section in SECTIONS.values()} == shipped - {"demo-street"}


@pytest.mark.parametrize("section", SECTIONS.values(), ids=lambda section: section.number)
def test_the_gate_has_the_rules_a_section_names(section: Section) -> None:
    catalogue = load_catalogue(declarations=ROOM)
    rules = {f"{table}.{rule.name}" for table, suite in catalogue.tables.items() for rule, _ in suite.rules}
    assert section.rules
    assert set(section.rules) <= rules


@pytest.mark.parametrize(
    "section", [each for each in SECTIONS.values() if each.settings], ids=lambda section: section.number
)
def test_the_settings_a_section_shows_are_those_of_its_street(section: Section) -> None:
    shown = yaml.safe_load(section.settings)
    assert shown.items() <= read_yaml(SHIPPED / section.street / "profile.yaml").items()
