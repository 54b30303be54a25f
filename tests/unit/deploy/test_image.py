"""The image as code: linted, pinned, built from the lock; the wheel inside holds all that the rooms read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "deploy" / "image" / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
PACKAGES = (
    "contracts",
    "producers",
    "warehouse",
    "transforms",
    "expectations",
    "reports",
    "dags",
    "gridrates",
)
LINTER = Path(sys.executable).with_name("hadolint")


def lint(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(LINTER), str(file)], capture_output=True, text=True, check=False)


def test_the_linter_has_nothing_to_say() -> None:
    done = lint(DOCKERFILE)
    assert done.returncode == 0, done.stdout


def test_the_linter_would_say_something(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(TEXT.replace("python:3.11.13-slim-bookworm", "python:latest"))
    assert "DL3007" in lint(wrong).stdout


def test_every_base_image_has_a_version() -> None:
    bases = re.findall(r"^FROM (\S+)", TEXT, flags=re.MULTILINE)
    assert bases and all(re.search(r":\d+\.\d+\.\d+-", base) for base in bases)


def test_it_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", TEXT, flags=re.MULTILINE)
    assert users and users[-1][0] != "0"


def test_only_what_is_locked_with_hashes_is_installed() -> None:
    for line in re.findall(r"pip install (.*)", TEXT):
        assert "--require-hashes" in line or "--no-deps" in line


def test_the_lock_of_the_image_is_that_of_everybody_else() -> None:
    """The image runs what the tests have run."""

    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    more = {pin.partition("==")[0] for pin in pins("image.txt") - pins("dev.txt")}
    assert more == {"asyncpg", "psycopg2-binary"}
    assert pins("base.txt") <= pins("image.txt")


def test_what_the_build_copies_is_not_kept_from_it() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {*PACKAGES, "deploy", "profiles", "requirements", "pyproject.toml", "README.md"} <= let_in
    assert all((ROOT / name).exists() for name in let_in)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of the wheel, built as the image builds it: from a copy of what Docker would be sent."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    skip = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "deploy", "profiles", "requirements"):
        shutil.copytree(ROOT / name, source / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(out), "."]
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 0, done.stderr
    return set(zipfile.ZipFile(next(out.glob("*.whl"))).namelist())


def test_the_wheel_holds_every_file_of_every_room(wheel: set[str]) -> None:
    there = {
        str(path.relative_to(ROOT))
        for room in (*PACKAGES, "deploy", "profiles")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    # What only people and Docker read.
    not_read = {each for each in there if each.endswith((".md", "Dockerfile", ".yml", ".txt"))}
    assert there - wheel - not_read == set()
