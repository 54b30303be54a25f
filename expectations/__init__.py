"""The gate: Great Expectations on DuckDB, the rules, and what happens to data that breaks one.

Importing any module of this room switches the telemetry of Great Expectations off, before it can be imported.
"""

import os

os.environ["GX_ANALYTICS_ENABLED"] = "false"
