"""The project's Markdown pages as the tests look at them: headings, links, code, tables."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[3]
README, README_ZH = ROOT / "README.md", ROOT / "README.zh-CN.md"
_PUNCTUATION = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Fence:
    """A fenced block: its language and its text."""

    language: str
    text: str


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Where it is in the project."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tokens(self) -> list[Token]:
        return MarkdownIt("commonmark").enable("table").parse(self.text)

    @cached_property
    def inline(self) -> list[Token]:
        """Every piece of running text, code spans and links among them."""
        return [child for token in self.tokens for child in token.children or ()]

    @property
    def links(self) -> list[str]:
        """Where the page points to."""
        return [str(token.attrs["href"]) for token in self.inline if token.type == "link_open"]

    @property
    def fences(self) -> list[Fence]:
        return [Fence(token.info, token.content) for token in self.tokens if token.type == "fence"]

    @property
    def spans(self) -> list[str]:
        """What stands in `code` in running text."""
        return [token.content for token in self.inline if token.type == "code_inline"]

    @property
    def anchors(self) -> set[str]:
        """The names by which a link can reach a heading, as code hosts make them."""
        seen: Counter[str] = Counter()
        names = set()
        for heading in self._headings():
            slug = _PUNCTUATION.sub("", heading.lower()).replace(" ", "-")
            names.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return names

    def _headings(self) -> Iterator[str]:
        for token, following in zip(self.tokens, self.tokens[1:], strict=False):
            if token.type == "heading_open":
                yield "".join(child.content for child in following.children or ())

    def table_under(self, heading: str) -> list[list[str]]:
        """The rows of the first table below a heading, as Markdown, without the table's own head."""
        lines = self.text[self.text.index(f"\n{heading}\n") + 1 :].splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("|"))
        rows = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        return rows


@cache
def committed() -> tuple[Path, ...]:
    """Every file of the project, in a checkout those that git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        return tuple(path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts)
    return tuple(path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file())


@cache
def pages() -> tuple[Page, ...]:
    """Every Markdown page of the project."""
    return tuple(Page(path) for path in committed() if path.suffix == ".md")
