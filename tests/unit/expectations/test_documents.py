"""The pages about the gate are in step with the gate."""

from __future__ import annotations

import re

import yaml

from expectations.documents import PAGE, page
from expectations.suites import FOLDER, Additions, Rule, load_catalogue

GUIDE = PAGE.with_name("quality.md")


def blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_of_rules_is_the_one_the_suites_make() -> None:
    """Run `python -m expectations.documents` when this fails."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_rule_is_on_the_page() -> None:
    text = page()
    for path in FOLDER.glob("*.yaml"):
        for rule in yaml.safe_load(path.read_text())["rules"]:
            assert f"| `{rule['name']}` | {rule['severity']} |" in text


def test_every_parameter_is_described_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows == {name: str(value) for name, value in load_catalogue().parameters.items()}


def test_the_examples_are_what_a_suite_and_a_profile_may_say() -> None:
    rule, additions = (yaml.safe_load(block) for block in blocks())
    assert Rule.model_validate(rule[0]).name == "signed_after_dispatch"
    assert set(Additions.model_validate(additions).tables) == {"core_case"}


def test_links_lead_somewhere() -> None:
    for path in (GUIDE, PAGE):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), target
