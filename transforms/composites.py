"""Composite scores as data: which indicators, with which weights, for whom.

Reads `composites.yaml` and a profile's choice. Guarantees that the weights of a composite sum to a hundred
and that its parts exist in the indicator family.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gridrates.errors import InputError
from gridrates.profile import Composite, Profile
from gridrates.yaml_files import read_yaml
from transforms.indicators import load_indicators

FILE = Path(__file__).parent / "composites.yaml"


def chosen_composites(profile: Profile) -> dict[str, Composite]:
    """A profile's composites by name. Raises InputError naming the composite that is wrong."""
    chosen = {name: _shipped(name) if own is None else own for name, own in profile.composites.items()}
    family = load_indicators()
    for name, composite in chosen.items():
        known = family.indicators.keys() | family.measures.keys()
        wanted = {part.indicator for part in composite.parts} | {composite.tie_breaker}
        if missing := sorted(wanted - known):
            raise InputError(
                f"profile.yaml: the composite {name} names {', '.join(missing)}, which is no indicator.",
                remedy="Use codes of transforms/indicators.yaml.",
            )
    return chosen


def _shipped(name: str) -> Composite:
    if name not in library():
        raise InputError(
            f"profile.yaml: there is no composite {name!r} to take.",
            remedy=f"Take one of {', '.join(library())}, or declare its parts.",
        )
    return library()[name]


@cache
def library() -> dict[str, Composite]:
    """The composites that ship with gridrates, by name."""
    return {name: Composite.model_validate(entry) for name, entry in read_yaml(FILE).items()}
