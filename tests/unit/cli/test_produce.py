"""The produce sub-app: its ways find their place, and it stays quick and quiet."""

from __future__ import annotations

import logging
import pkgutil
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from gridrates.cli import app, produce


def test_every_way_is_a_command() -> None:
    result = CliRunner().invoke(app, ["produce", "--help"])
    assert result.exit_code == 0
    for way in ("csv", "events", "simulate"):
        assert f" {way} " in result.output


def test_a_module_by_name_is_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds `produce_<way>.py` need not touch anything else."""
    way = ModuleType("gridrates.cli.produce_pigeon")
    way.register = lambda sub: sub.command("pigeon")(lambda: typer.echo("coo"))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, way.__name__, way)
    modules = [SimpleNamespace(name="produce_pigeon"), SimpleNamespace(name="other")]
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _path: modules)
    root = typer.Typer()
    root.callback()(lambda: None)
    produce.register(root)
    assert CliRunner().invoke(root, ["produce", "pigeon"]).output == "coo\n"


def test_registering_twice_keeps_the_apps_apart() -> None:
    for _ in range(2):
        root = typer.Typer()
        root.callback()(lambda: None)
        produce.register(root)
        assert CliRunner().invoke(root, ["produce", "events", "--help"]).exit_code == 0


def test_kafka_pythons_log_is_silenced_for_the_commands(tmp_path: object) -> None:
    logger = logging.getLogger("kafka")
    before = logger.level
    try:
        logger.setLevel(logging.NOTSET)
        CliRunner().invoke(app, ["produce", "events", f"{tmp_path}/none"])
        assert logger.level == logging.CRITICAL
    finally:
        logger.setLevel(before)


@pytest.mark.parametrize(
    "arguments", [["produce", "--help"], ["produce", "events", "--help"], ["gateway", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from gridrates.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit: pass\n"
        "print([name for name in ('kafka', 'numpy', 'duckdb', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
