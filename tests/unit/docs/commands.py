"""The commands that pages and messages name, and whether the program has them. Nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

from typer.main import get_command

from gridrates.cli import app
from tests.unit.docs.pages import Page

SHELL = ("sh", "bash", "shell", "console", "text", "")
PROGRAM = re.compile(r"(?:\S*/)?gridrates")
PLACEHOLDER = re.compile(r"[A-Z][A-Z|_-]*|….*|\.\.\.|\[.*\]|<.*>")
_END = ("|", "||", "&&", "&", ";", ">", ">>", "<", "<<")


def commands_in_line(line: str) -> Iterator[list[str]]:
    """The `gridrates` commands of a shell line: their words, without what the shell itself does."""
    words = _words(line)
    while words:
        cut = next((place for place, word in enumerate(words) if word in _END), len(words))
        command, words = words[:cut], words[cut + 1 :]
        start = next((place for place, word in enumerate(command) if "=" not in word), len(command))
        if command[start:] and PROGRAM.fullmatch(command[start]):
            yield command[start + 1 :]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # An apostrophe in a line that is no command.
        return []


def commands_of(page: Page) -> Iterator[tuple[list[str], bool]]:
    """The commands of a page; those in blocks are whole, those in running text may be cut short."""
    for fence in page.fences:
        if fence.language in SHELL:
            for line in fence.text.replace("\\\n", " ").splitlines():
                yield from ((words, True) for words in commands_in_line(line))
    for span in page.spans:
        yield from ((words, False) for words in commands_in_line(span))


def mistake(words: list[str], *, is_whole: bool) -> str | None:
    """What is wrong with a command, or None. One that is not whole may lack arguments."""
    command = _program()
    words = [word for word in words if is_whole or not PLACEHOLDER.fullmatch(word)]
    try:
        while True:
            context = command.context_class(command, info_name=command.name)
            _, rest, _ = command.make_parser(context).parse_args(args=list(words))
            below = getattr(command, "commands", None)
            if not below or not rest:
                break
            if rest[0] not in below:
                return f"there is no command {rest[0]!r}"
            command, words = below[rest[0]], rest[1:]
        if is_whole and not {"--help", "-h"} & set(words) and not below:
            command.make_context(command.name, list(words))
    except Exception as error:
        return getattr(error, "message", None) or str(error)
    return f"unexpected extra argument {rest[0]!r}" if rest and not below else None


@cache
def _program() -> Any:
    """All commands, made once: that takes a tenth of a second."""
    return get_command(app)
