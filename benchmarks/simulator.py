"""How fast the simulator makes events, and that its memory does not grow with the length of the run.

`python -m benchmarks.simulator [--cases N] [--profile NAME]` prints JSON: for a year of N cases cut off after
one and after three months, records per second, CPU seconds per million records, and the peak of the resident
memory, in the whole run and in each sixth of its days. Each run has a process of its own. Nothing is sent:
what Kafka costs is measured in `benchmarks.publisher`.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
import psutil

from benchmarks.memory import peak_megabytes

DAYS = (31, 90)
PARTS = 6


@dataclass(frozen=True)
class Run:
    """One measurement: `days` of a year with `cases_a_year`, the most megabytes in each part of them."""

    days: int
    cases_a_year: int
    records: int
    per_second: float
    cpu_seconds_per_million: float
    peak_megabytes: int
    megabytes: list[int]


def measure(profile: str, cases_a_year: int, days: int) -> Run:
    """Make the events of some days, and throw them away."""
    from gridrates.profile import load_profile
    from producers.simulator import Simulation, Tally, load_scenario, scenario_path

    scenario = load_scenario(scenario_path(profile))
    own = sum(sum(stream.cases.values()) for stream in scenario.streams.values())
    share_of_year = ((scenario.ends_on - scenario.starts_on).days + 1) / 365
    scale = cases_a_year * share_of_year / own
    until: date = scenario.starts_on + timedelta(days=days - 1)
    simulation = Simulation(load_profile(profile), scenario, scale=scale)
    midnight, seconds = simulation.world.clock.at(scenario.starts_on), days * 86_400
    process, megabytes = psutil.Process(), [0] * PARTS
    tally, wall, cpu = Tally(simulation), time.perf_counter(), time.process_time()
    for batch in simulation.batches(until):
        tally.add(batch)
        if len(batch.rows):
            # What scenarios carry over from before their first day belongs to the first part.
            part = int(np.clip((batch.rows["sent"][-1] - midnight) / seconds * PARTS, 0, PARTS - 1))
            megabytes[part] = max(megabytes[part], process.memory_info().rss // 1024**2)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    speed, cost = tally.records / wall, cpu / tally.records * 1e6
    return Run(days, cases_a_year, tally.records, speed, cost, peak_megabytes(), megabytes)


def measure_apart(profile: str, cases_a_year: int, days: int) -> Run:
    """The same in a process of its own, so that its peak of memory is its own."""
    arguments = ["--profile", profile, "--cases", str(cases_a_year), "--days", str(days)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.simulator", *arguments], check=True, capture_output=True, text=True
    )
    return Run(**json.loads(done.stdout))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="demo-street")
    parser.add_argument("--cases", type=int, default=1_000_000, help="cases a year (default 1,000,000)")
    parser.add_argument("--days", type=int, help="only one run, of so many days")
    chosen = parser.parse_args()
    if chosen.days:
        print(json.dumps(asdict(measure(chosen.profile, chosen.cases, chosen.days))))
        return
    runs = [measure_apart(chosen.profile, chosen.cases, days) for days in DAYS]
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    print(json.dumps({"runs": [asdict(run) for run in runs], **machine}, indent=2))


if __name__ == "__main__":
    main()
