"""`gridrates produce …`: put events on Kafka.

Each way to make events is a command of this sub-app and has a module `gridrates/cli/produce_<way>.py` with
`register(produce)`, which `register` here finds and calls.
"""

from __future__ import annotations

import logging
import pkgutil
from importlib import import_module
from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Hang `produce` and all its ways below `app`."""
    produce = typer.Typer(
        no_args_is_help=True,
        callback=_quiet_kafka,
        help="Put events on Kafka: validated, keyed by case, acknowledged by every replica.",
    )
    for module in sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module.startswith("produce_"):
            import_module(f"gridrates.cli.{module}").register(produce)
    app.add_typer(produce, name="produce")


def _quiet_kafka() -> None:
    # kafka-python logs every retry; what comes of them is told by the commands.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
