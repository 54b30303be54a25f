"""`gridrates produce …`: put events on Kafka.

The ways to make events are commands of one sub-app. A module `gridrates/cli/produce_<way>.py` adds its
own: it defines `register(produce_app)`, which `register` here finds and calls.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

import typer

produce_app = typer.Typer(
    no_args_is_help=True,
    help="Put events on Kafka: validated, keyed by case, acknowledged by every replica.",
)


def register(app: typer.Typer) -> None:
    """Hang `produce` and all its ways below `app`."""
    for module in sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module.startswith("produce_"):
            import_module(f"gridrates.cli.{module}").register(produce_app)
    app.add_typer(produce_app, name="produce")
