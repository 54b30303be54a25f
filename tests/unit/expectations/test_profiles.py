"""The additions of shipped profiles are well-formed and known."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.suites import load_catalogue

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(ROOT.glob("profiles/*/expectations.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_a_shipped_profile_adds_what_can_be_added(path: Path) -> None:
    plain = load_catalogue(declarations=ROOT / "transforms")
    extended = load_catalogue(declarations=ROOT / "transforms", additions=path)
    assert extended != plain
    assert extended.tables.keys() == plain.tables.keys()


def test_a_profile_whose_data_is_complete_does_not_warn_that_it_is_old() -> None:
    for name in ("boston-311", "demo-street"):
        parameters = load_catalogue(additions=ROOT / "profiles" / name / "expectations.yaml").parameters
        assert (parameters["freshness_hours"], parameters["freshness_days"]) == (None, None)
