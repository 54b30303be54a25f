"""`make setup`: from nothing to an environment, and a clear word when something is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Installs environments from the package index.
pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[3]
PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "small"
version = "1"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with our set-up and a small lock: one package, and what builds the project."""
    folder = tmp_path / "check out"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "small.py").write_text("answer = 42\n")
    requirements = folder / "requirements"
    requirements.mkdir()
    shutil.copy(ROOT / "requirements" / "uv.txt", requirements)
    (requirements / "base.in").write_text("iniconfig\n")
    (requirements / "dev.txt").write_text(locked("iniconfig") + locked("setuptools"))
    return folder


def locked(package: str) -> str:
    """The lines of our lock about one package."""
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    found = re.search(rf"^{package}==(.*\\\n)*.*\n", lock, re.MULTILINE)
    assert found, package
    return found.group()


def make(checkout: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # What a caller's make passes down (its own flags and goals) must not reach this one.
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "VIRTUAL_ENV"))}
    return subprocess.run(
        ["make", *words],
        cwd=checkout,
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def python(checkout: Path, program: str) -> str:
    return subprocess.check_output([checkout / ".venv/bin/python", "-c", program], text=True).strip()


def stand_in(folder: Path, script: str) -> str:
    """A program named python3 that behaves as `script` says."""
    path = folder / "bin" / "python3"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_from_nothing_then_skipped_then_again_when_the_lock_changes(checkout: Path) -> None:
    first = make(checkout, "setup")
    assert first.returncode == 0, first.stderr
    assert "Creating .venv" in first.stderr
    assert python(checkout, "import small, iniconfig; print(small.answer)") == "42"

    assert make(checkout, "setup").stderr == "", "an environment that is current is left alone"

    subprocess.run(
        [checkout / ".venv/bin/python", "-m", "uv", "-q", "pip", "install", "colorama"], check=True
    )
    (checkout / "requirements" / "dev.txt").write_text(locked("iniconfig") + locked("setuptools") + "\n")
    again = make(checkout, "setup")
    assert "Creating" not in again.stderr
    assert "Installing" in again.stderr
    with pytest.raises(subprocess.CalledProcessError):
        python(checkout, "import colorama")

    moved = checkout.with_name("moved")
    checkout.rename(moved)
    assert "Creating .venv" in make(moved, "setup").stderr, "an environment does not survive a move"
    assert python(moved, "import small; print(small.__file__)") == str(moved / "small.py")


def test_a_half_made_environment_is_made_anew_by_one_of_two_at_once(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    command = ["make", "setup"]
    both = [subprocess.Popen(command, cwd=checkout, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=300)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("Creating" in text for text in told) == [False, True]
    assert python(checkout, "import small; print(small.answer)") == "42"


def test_an_old_python_is_refused_by_name(checkout: Path, tmp_path: Path) -> None:
    old = stand_in(tmp_path, 'case "$1" in --version) echo Python 3.8.18;; *) exit 1;; esac')
    refused = make(checkout, "test", f"PYTHON={old}")
    assert refused.returncode != 0
    assert f"{old}: Python 3.8.18" in refused.stderr
    assert "needs Python 3.11" in refused.stderr
    assert "make test PYTHON=" in refused.stderr
    assert not (checkout / ".venv").exists()


def test_no_python_at_all(checkout: Path, tmp_path: Path) -> None:
    refused = make(checkout, "setup", f"PYTHON={tmp_path / 'none'}")
    assert "needs Python 3.11 to 3.14.\nWhat to do: install one" in refused.stderr


def test_a_python_without_venv_is_told_what_it_lacks(checkout: Path, tmp_path: Path) -> None:
    script = (
        f'[ "$2" = venv ] && {{ echo "ensurepip is not available"; exit 1; }}\nexec {sys.executable} "$@"'
    )
    # The script is run by `sys.executable`, which must then be the stand-in again.
    sitecustomize = tmp_path / "sitecustomize.py"
    python3 = stand_in(tmp_path, script)
    sitecustomize.write_text(f"import sys; sys.executable = {python3!r}")
    refused = make(checkout, "setup", f"PYTHON={python3}", PYTHONPATH=str(tmp_path))
    assert refused.returncode != 0
    assert "cannot create a virtual environment" in refused.stderr
    assert "ensurepip is not available" in refused.stderr
    assert "apt install python3-venv" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_network_or_with_other_files_than_locked_nothing_is_claimed(
    checkout: Path, tmp_path: Path
) -> None:
    nowhere = "http://127.0.0.1:9"
    cut_off = {
        "HTTPS_PROXY": nowhere,
        "https_proxy": nowhere,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    for _ in range(2):
        refused = make(checkout, "setup", **cut_off)
        assert refused.returncode != 0
        assert "uv could not be installed" in refused.stderr
        assert "Check the network" in refused.stderr
        assert "Traceback" not in refused.stderr

    lock = checkout / "requirements" / "dev.txt"
    good = lock.read_text()
    lock.write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, locked("iniconfig")))
    refused = make(checkout, "setup")
    assert refused.returncode != 0
    assert "The locked requirements could not be installed" in refused.stderr
    assert "Hash mismatch" in refused.stderr

    lock.write_text(good)
    assert make(checkout, "setup").returncode == 0, "it goes on where it was cut off"


def test_help_lists_every_target(checkout: Path) -> None:
    shown = make(checkout).stdout
    targets = re.findall(r"^([a-z-]+):", (checkout / "Makefile").read_text(), re.MULTILINE)
    assert targets
    for target in targets:
        assert f"make {target} " in shown


def test_clean_removes_the_environment_and_keeps_the_data(checkout: Path) -> None:
    (checkout / ".gridrates").mkdir()
    (checkout / ".venv").mkdir()
    assert make(checkout, "clean").returncode == 0
    assert not (checkout / ".venv").exists()
    assert (checkout / ".gridrates").is_dir()


def test_the_locks_carry_hashes_and_name_no_index() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text, f"{lock.name} names an address"
        pins = re.findall(r"^\S+==\S+", text, re.MULTILINE)
        blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
        assert pins
        assert all("--hash=sha256:" in block for block in blocks), lock.name
