"""The command line as a whole: quick, teaching, and clear when something goes wrong."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from gridrates import __version__, errors
from gridrates.__main__ import main as start
from gridrates.cli import EXIT_CODES, Group, app, common

HEAVY = ("airflow", "duckdb", "great_expectations", "kafka", "pandas", "pyarrow", "sqlalchemy", "jgo")


def leaves(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, object]]:
    """Every command that does something, by its full name."""
    below = getattr(command, "commands", {})
    if not below:
        yield " ".join(path), command
    for name, child in below.items():
        yield from leaves(child, (*path, name))


COMMANDS = dict(leaves(get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name: str) -> None:
    command = COMMANDS[name]
    assert "Examples" in (getattr(command, "epilog", "") or ""), f"`gridrates {name}` shows no example"
    assert getattr(command, "help", ""), f"`gridrates {name}` does not say what it does"
    shown = CliRunner().invoke(app, [*name.split(), "--help"])
    assert shown.exit_code == 0
    assert f"gridrates {name}" in shown.output


def test_help_imports_nothing_heavy() -> None:
    program = f"""
import sys
from typer.testing import CliRunner
from gridrates.cli import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_exit_code_is_documented() -> None:
    codes = {
        cls.exit_code
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, errors.GridratesError)
    }
    documented = {int(line.split()[0]) for line in EXIT_CODES.splitlines()[1:]}
    assert codes <= documented
    assert "Exit codes" in CliRunner().invoke(app, ["--help"]).output


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"gridrates {__version__}\n"


def small_app(error: BaseException) -> typer.Typer:
    """An app whose one command fails with `error`."""
    small = typer.Typer(cls=Group)

    @small.callback()
    def root(ctx: typer.Context) -> None:
        ctx.obj = {}

    @small.command()
    def fail() -> None:
        raise error

    return small


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError("events.jsonl, line 3: [bold]no id[/].", remedy="Add an id."), 2),
        (errors.ServiceUnavailable("Kafka is away.", remedy="Start it."), 3),
        (errors.WarehouseError("Another writer.", remedy="Wait."), 4),
        (errors.GateError("2026-05-01 failed."), 5),
        (errors.ResourceError("No room.", remedy="Make room."), 6),
    ],
)
def test_a_failure_is_a_message_a_remedy_and_a_code(error: errors.GridratesError, code: int) -> None:
    result = CliRunner().invoke(small_app(error), ["fail"])
    assert result.exit_code == code
    assert result.stdout == ""
    remedy = f"What to do: {error.remedy}\n" if error.remedy else ""
    assert result.stderr == f"Error: {error.message}\n{remedy}"


def test_a_full_disk_has_no_traceback_wherever_it_is_met() -> None:
    result = CliRunner().invoke(
        small_app(OSError(errno.ENOSPC, "No space left on device", "live.duckdb")), ["fail"]
    )
    assert result.exit_code == 6
    assert result.stderr.startswith("Error: The disk is full (live.duckdb).\nWhat to do: Make room")


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), ZeroDivisionError("a defect")])
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    assert CliRunner().invoke(small_app(error), ["fail"]).exception is error


def test_root_options_reach_the_settings(tmp_path: Path) -> None:
    small = typer.Typer(cls=Group)
    small.callback()(app.registered_callback.callback)  # type: ignore[union-attr, type-var]

    @small.command()
    def show(ctx: typer.Context) -> None:
        settings = common.settings(ctx)
        common.print_json({"home": settings.home_dir, "profile": settings.profile})

    runner = CliRunner(env={"GRIDRATES_PROFILE": "from-environment"})
    plain = json.loads(runner.invoke(small, ["show"]).stdout)
    assert plain == {"home": str(Path(".gridrates").absolute()), "profile": "from-environment"}
    chosen = json.loads(runner.invoke(small, ["--home", str(tmp_path), "--profile", "x", "show"]).stdout)
    assert chosen == {"home": str(tmp_path), "profile": "x"}


def test_a_wrong_setting_is_named() -> None:
    result = CliRunner(env={"GRIDRATES_TOPIC_PARTITIONS": "none"}).invoke(app, ["dev", "status"])
    assert result.exit_code == 2
    assert "topic_partitions" in result.stderr


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOTDIR])
def test_a_place_that_is_closed_is_named_wherever_it_is_met(number: int) -> None:
    result = CliRunner().invoke(small_app(OSError(number, "It is closed", "home/status.json")), ["fail"])
    assert result.exit_code == 6
    assert result.stderr.startswith("Error: home/status.json: It is closed.\nWhat to do: Check the path")


INTERRUPTED_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "gridrates.cli.common":
            try:
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(1000): pass
            except KeyboardInterrupt:  # as some libraries do while they are loaded
                pass

sys.meta_path.insert(0, Interrupting())
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["gridrates", "--version"]
from gridrates.__main__ import main
main()
"""


def test_ctrl_c_while_modules_are_loaded_ends_at_once_and_says_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_ctrl_c_is_heard_again_once_the_command_line_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []
    monkeypatch.setattr("gridrates.cli.main", lambda: heard.append(signal.getsignal(signal.SIGINT)))
    start()
    assert heard == [signal.default_int_handler]
