"""Arrow tables as DuckDB reads Arrow data of any library: as a stream, in the thread that asks.

Given a table as it is, DuckDB lets pyarrow scan it, with a pool of threads of its own. That was seen to wait
for ever once, on a machine with many times as much work as cores; a stream is as fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowStream:
    """A relation to register with DuckDB. It may be read any number of times, and `table` be replaced."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's own interface for handing over data."""
        return self.table.__arrow_c_stream__(requested_schema)
