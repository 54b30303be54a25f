"""A simulated street: the events of half a year, or of a city's year, from a scenario file and a seed."""

from producers.simulator.scenario import Scenario, load_scenario, moved, scenario_path
from producers.simulator.simulation import Batch, Simulation
from producers.simulator.summary import Summary, Tally

__all__ = ["Batch", "Scenario", "Simulation", "Summary", "Tally", "load_scenario", "moved", "scenario_path"]
