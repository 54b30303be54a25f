"""The command line: `gridrates`.

Each module of `MODULES` adds its commands through `register(app)`. Modules import what is heavy inside their
functions, so that `gridrates --help` stays quick. A failure with a remedy ends as two lines and an exit code.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gridrates import __version__
from gridrates.cli import common
from gridrates.errors import GridratesError

# In the order `gridrates --help` lists their commands.
MODULES = (
    "demo",
    "dev",
    "produce",
    "passes",
    "held",
    "dead_letters",
    "replay",
    "rates",
    "query",
    "explain",
    "report",
    "status",
    "health",
    "metrics",
    "alerts",
    "maintain",
    "gateway",
    "profile",
)

EXIT_CODES = """[bold]Exit codes[/]
  0  done
  1  a defect of gridrates, or interrupted
  2  wrong input, option, setting or profile
  3  Kafka, Airflow or another service is away
  4  the warehouse refuses (another writer, a newer version, another profile)
  5  the data did not pass the gate
  6  no room on the disk, or no permission"""


class Group(TyperGroup):
    """The root command: it knows how to say what went wrong."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        common.flow_help(self)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; print a GridratesError and exit with its code."""
        try:
            return super().invoke(ctx)
        except GridratesError as error:
            raise common.failed(error) from error
        except OSError as error:
            raise common.failed_on_disk(error) from error


app = typer.Typer(
    cls=Group,
    name="gridrates",
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gridrates {__version__}")
        raise typer.Exit


@app.callback(
    epilog=common.examples(
        "gridrates dev up                     # a Kafka broker on this machine",
        "gridrates --home ~/grid dev status   # another place for all state",
    )
    + "\n\n"
    + EXIT_CODES
)
def root(
    ctx: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(help="City or street: a folder in profiles/, or a path. [dim]GRIDRATES_PROFILE[/]"),
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="Where all state lives. [dim]GRIDRATES_HOME, default .gridrates[/]")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From the events of grid governance to checked daily rates: Kafka, DuckDB, Great Expectations."""
    ctx.obj = {"profile": profile, "home": home}


for _name in MODULES:
    import_module(f"gridrates.cli.{_name}").register(app)


def main() -> None:
    """Run the command line."""
    app()
