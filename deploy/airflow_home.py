"""What an Airflow of ours finds in its home, whoever starts it.

Writes `<AIRFLOW_HOME>/config/airflow_local_settings.py`, which each of Airflow's processes imports.
"""

from __future__ import annotations

from pathlib import Path

from deploy.files import make_directory, write_text

# Named, not imported: the DAGs know the rooms, and no room knows them.
LOCAL_SETTINGS = "from dags.warm import warm_up\n\nwarm_up()\n"
# A hop from task to task waits for the scheduler's next look: a fifth of a second instead of one, for some
# hundredths of a processor.
SCHEDULER = {"AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2"}


def write_local_settings(home: Path) -> None:
    """Let the scheduler import what its tasks need before there are tasks. Raises ResourceError."""
    write_text(make_directory(home / "config") / "airflow_local_settings.py", LOCAL_SETTINGS)
