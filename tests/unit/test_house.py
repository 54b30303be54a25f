"""The house keeps its shape: every module of the spine has a place in the layers."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_module_of_the_spine_has_a_layer() -> None:
    """A module that no layer names may import anything: the contract would say nothing about it."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = " ".join(configuration["tool"]["importlinter"]["contracts"][0]["layers"])
    named = {word.strip("()") for word in layers.split()}
    spine = {path.stem for path in (ROOT / "gridrates").glob("*.py")} - {"__init__", "__main__"}
    assert {f"gridrates.{module}" for module in spine} <= named
