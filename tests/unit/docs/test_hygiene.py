"""Nothing of the project names one machine, one package index or a secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, committed

# Of somebody's machine; the last part keeps it apart from a route or a folder of a container.
MACHINE = re.compile(
    r"(?<![\w./~-])/(?:work|root|tmp|home/\w+|Users/\w+|private/tmp|mnt|srv)(?:/[\w.-]+|(?=[\s'\"`]|$))"
)
INDEX = re.compile(
    r"--(?:extra-)?index-url|pypi\.org|files\.pythonhosted\.org|/simple/|repo\d?\.maven\.org|registry\.npmjs\.org",
    re.IGNORECASE,
)
SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|ghp_\w{36}")
FORBIDDEN = {"a path of one machine": MACHINE, "a package index": INDEX, "a secret": SECRET}


def found_in(text: str, what: str) -> list[str]:
    return [match.group() for match in FORBIDDEN[what].finditer(text)]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    found = {
        str(path.relative_to(ROOT)): some
        for path in committed()
        if path != Path(__file__) and (some := found_in(text_of(path), what))
    }
    assert found == {}


def text_of(path: Path) -> str:
    """A file's text; of others than text, what can be read of it."""
    return path.read_bytes().decode("utf-8", errors="replace")


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of one machine", "see /home/li/gridrates"),
        ("a path of one machine", 'Path("/tmp/x")'),
        ("a path of one machine", "cd /root"),
        ("a package index", "--index-url https://example.org"),
        ("a package index", "https://PyPI.org/project/duckdb"),
        ("a secret", "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_what_must_not_be_there_is_found(what: str, text: str) -> None:
    assert found_in(text, what)


@pytest.mark.parametrize(
    "text", ["/events", "tests/tmp/x", "https://example.org/work/x", "~/grid", "a/root/b"]
)
def test_what_may_be_there_is_not(text: str) -> None:
    assert not any(found_in(text, what) for what in FORBIDDEN)


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.lstrip().startswith("Apache License") and "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
