"""Every page of the runbooks says the same four things, and every alert there is has a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gridrates.health import checks
from tests.unit.docs.pages import ROOT, Page

FOLDER = ROOT / "docs" / "runbooks"
PAGES = sorted(FOLDER.glob("*.md"))
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules" / "gridrates.yml").read_text())
HEADINGS = ["## Symptom", "## Check", "## Cure", "## How it was tested"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_to_see_what_to_look_at_and_what_to_do(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## .*", text, flags=re.MULTILINE) == HEADINGS
    commands = [fence for fence in Page(page).fences if fence.language == "sh"]
    assert commands, "a page without a command to look with"
    assert len(text.splitlines()) < 70, "one page"


def test_every_rule_is_named_on_its_page() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            page = FOLDER / f"{rule['annotations']['runbook']}.md"
            assert rule["alert"] in page.read_text(encoding="utf-8"), rule["alert"]


def test_every_check_of_health_is_named_on_its_page() -> None:
    for check in checks().values():
        text = (FOLDER / f"{check.runbook}.md").read_text(encoding="utf-8")
        assert f"`health/{check.name}`" in text or f"`{check.name}`" in text, check.name


def test_every_page_is_of_some_alert() -> None:
    rules = {rule["annotations"]["runbook"] for group in RULES["groups"] for rule in group["rules"]}
    assert {path.stem for path in PAGES} == rules | {check.runbook for check in checks().values()} | {
        "alerts-not-sent"
    }
