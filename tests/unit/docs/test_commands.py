"""Every command and every make target that is written down anywhere exists, with its options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from gridrates.cli import app
from tests.unit.cli.test_help import every_command, examples
from tests.unit.docs.commands import SHELL, commands_in_line, commands_of, mistake
from tests.unit.docs.pages import README, README_ZH, ROOT, Page, committed, pages

TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
CODE = (".py", ".yaml", ".sql", ".j2", ".toml")
IN_BACKTICKS = re.compile(r"`(gridrates [^`\n{}]+)`")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_command_of_a_page_exists(page: Page) -> None:
    wrong = {
        f"gridrates {' '.join(words)}": said
        for words, is_whole in commands_of(page)
        if (said := mistake(words, is_whole=is_whole))
    }
    assert wrong == {}


def test_every_command_that_a_message_or_comment_recommends_exists() -> None:
    """What to do after an error is worth nothing when the command is gone."""
    found = [(path, text) for path in sources() for text in IN_BACKTICKS.findall(path.read_text("utf-8"))]
    assert len(found) > 40, "the messages are not where they are looked for"
    wrong = {
        f"{path.relative_to(ROOT)}: {text}": said
        for path, text in found
        for words in commands_in_line(text)
        if (said := mistake(words, is_whole=False))
    }
    assert wrong == {}


def sources() -> Iterator[Path]:
    for path in committed():
        if path.suffix in CODE and "tests" not in path.parts:
            yield path


def test_every_example_of_a_help_text_can_be_typed() -> None:
    wrong = {
        example: said
        for _, command in every_command(get_command(app))
        for example in examples(command)
        for words in commands_in_line(example)
        if (said := mistake(words, is_whole=True))
    }
    assert wrong == {}


def targets_of(page: Page) -> set[str]:
    lines = [line for f in page.fences if f.language in SHELL for line in f.text.splitlines()]
    return {found for text in (*lines, *page.spans) for found in re.findall(r"^make ([a-z-]+)", text)}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_make_target_of_a_page_exists(page: Page) -> None:
    assert targets_of(page) <= TARGETS


def test_the_readmes_begin_with_the_two_commands() -> None:
    for readme in (README, README_ZH):
        first = next(fence for fence in Page(readme).fences if fence.language == "sh")
        assert [line.split("#")[0].split() for line in first.text.splitlines()] == [
            ["make", "demo"],
            ["make", "test"],
        ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gridrates rates --date 2026-06-30", None),
        ("gridrates query 'FROM daily_rates' --format csv > rates.csv", None),
        (".venv/bin/gridrates dev up", None),
        ("GRIDRATES_HOME=x gridrates run && gridrates rates", None),
        ("other-system export | gridrates produce events -", None),
        ("gridrates fly", "there is no command 'fly'"),
        ("gridrates produce fly", "there is no command 'fly'"),
        ("gridrates rates --height 3", "--height"),
        ("gridrates --height rates", "--height"),
        ("gridrates rates --level", "requires an argument"),
        ("gridrates query", "Missing"),
        ("gridrates query x --format xml", "xml"),
        ("gridrates run now", "unexpected extra argument"),
        ("ls | gridrates fly", "there is no command 'fly'"),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, said: str | None) -> None:
    (found, *others) = [mistake(words, is_whole=True) for words in commands_in_line(line)]
    assert not any(others)
    assert (found is None) if said is None else (said in str(found)), found


@pytest.mark.parametrize("text", ["gridrates query", "gridrates produce csv FILE…", "gridrates produce …"])
def test_running_text_may_cut_a_command_short(text: str) -> None:
    assert [mistake(words, is_whole=False) for words in commands_in_line(text)] == [None]
