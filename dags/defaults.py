"""What all tasks share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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
}
