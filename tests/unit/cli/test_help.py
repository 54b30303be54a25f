"""What `--help` looks like on a terminal of 80 columns, in every command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gridrates.cli import app

COLUMNS = 80
FRAMES = "╭│╰"


def every_command(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """Every command and group of commands, by its full name; the root's is empty."""
    yield " ".join(path), command
    for name, child in getattr(command, "commands", {}).items():
        yield from every_command(child, (*path, name))


COMMANDS = dict(every_command(get_command(app)))


def shown(name: str) -> list[str]:
    """The lines of a command's help."""
    runner = CliRunner(env={"COLUMNS": str(COLUMNS), "TERMINAL_WIDTH": str(COLUMNS)})
    result = runner.invoke(app, [*name.split(), "--help"])
    assert result.exit_code == 0, result.output
    return [line.rstrip() for line in result.output.splitlines()]


def examples(command: object) -> list[str]:
    """The examples of a command as they were written, without their colours."""
    marked = re.findall(r"\[cyan\](.*)\[/\]", getattr(command, "epilog", None) or "")
    return [line.replace("\\[", "[") for line in marked]


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_stand_indented_each_on_a_line_of_its_own(name: str) -> None:
    lines = shown(name)
    for example in examples(COMMANDS[name]):
        assert f"   {example}" in lines, f"`{example}` is cut or not indented: {lines[-12:]}"


@pytest.mark.parametrize("name", COMMANDS)
def test_paragraphs_run_to_the_edge(name: str) -> None:
    """No line ends where the next word would still have fitted: line ends of the source do not show."""
    lines = shown(name)
    end = next(number for number, line in enumerate(lines) if line.startswith(tuple(FRAMES)))
    usage = next(number for number, line in enumerate(lines) if line.lstrip().startswith("Usage:"))
    prose = lines[usage + 1 : end]
    assert any(prose)
    for line, after in pairwise(prose):
        if line and after:
            assert len(line) + 1 + len(after.split()[0]) > COLUMNS - 1, f"{line!r} breaks before {after!r}"


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_wider_than_the_terminal(name: str) -> None:
    assert max(map(len, shown(name))) <= COLUMNS


def test_every_option_says_what_it_does() -> None:
    for name, command in COMMANDS.items():
        for parameter in command.params:  # type: ignore[attr-defined]
            assert parameter.help, f"`gridrates {name}` does not say what {parameter.name} does"
