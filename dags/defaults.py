"""What all tasks share: how they are retried, where they may write, how they call the pipeline."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from dags import alerting

# One slot: the warehouse file takes one writer at a time. Every task that opens it is in this pool.
POOL = "warehouse_writer"

DEFAULTS: dict[str, Any] = {
    "owner": "gridrates",
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    # A writer that hangs would keep all others out.
    "execution_timeout": timedelta(minutes=30),
    "on_failure_callback": alerting.failed,
    "on_success_callback": alerting.succeeded,
    # It found nothing to do, which is well too.
    "on_skipped_callback": alerting.succeeded,
}


def stage(name: str, *arguments: Any) -> Any:
    """Call `gridrates.pipeline.<name>(settings, *arguments)`.

    Raises AirflowFailException, which is not retried, for what another try would not mend: wrong settings,
    data that do not pass the gate.
    """
    return _call("gridrates.pipeline", name, *arguments)


def maintain(name: str, **options: Any) -> Any:
    """Call `gridrates.maintenance.<name>(settings, **options)`; raises as `stage` does."""
    return _call("gridrates.maintenance", name, **options)


def hand_on(name: str, *arguments: Any) -> Any:
    """Call `gridrates.handing_on.<name>(settings, *arguments)`; raises as `stage` does."""
    return _call("gridrates.handing_on", name, *arguments)


def _call(module: str, name: str, *arguments: Any, **options: Any) -> Any:
    from gridrates.errors import GateError, InputError
    from gridrates.settings import load_settings

    try:
        return getattr(import_module(module), name)(load_settings(), *arguments, **options)
    except (GateError, InputError) as error:
        raise AirflowFailException(str(error)) from error
