"""Each promise names a test that is there, and both READMEs promise the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import README, README_ZH, ROOT, Page

TABLES = {README: "## What it promises", README_ZH: "## 承诺，以及证明它的测试"}
PROOF = re.compile(r"\[`(test_\w+)`\]\(([^)#]+)\)")


def proofs(readme: Path) -> list[list[tuple[str, str]]]:
    """Of each promise, the tests and the files they are in."""
    return [PROOF.findall(row[2]) for row in Page(readme).table_under(TABLES[readme])]


@pytest.mark.parametrize("readme", TABLES, ids=lambda path: path.name)
def test_every_promise_has_a_test_that_is_there(readme: Path) -> None:
    rows = proofs(readme)
    assert len(rows) == 7
    for row in rows:
        assert row, "a promise without a test"
        for test, file in row:
            assert test in defined_in(ROOT / file), f"{file} has no {test}"


@pytest.mark.parametrize("readme", TABLES, ids=lambda path: path.name)
def test_every_link_of_the_table_is_a_proof(readme: Path) -> None:
    for row in Page(readme).table_under(TABLES[readme]):
        assert row[2].count("](") == len(PROOF.findall(row[2])), f"not a test with its file: {row[2]}"


def test_the_chinese_readme_promises_no_other_things() -> None:
    for english, chinese in zip(proofs(README), proofs(README_ZH), strict=True):
        assert set(chinese) <= set(english)


def defined_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
