"""Composite scores as data: which indicators, with which weights, for whom.

Reads `composites.yaml` and a profile's choice. Guarantees that the weights of a composite sum to a hundred
and that its parts exist in the indicator family.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gridrates.errors import InputError
from gridrates.profile import Composite, Profile, explain, read_yaml
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
    found = _library()
    if name not in found:
        raise InputError(
            f"profile.yaml: there is no composite {name!r} to take.",
            remedy=f"Take one of {', '.join(found)}, or declare its parts.",
        )
    try:
        return Composite.model_validate(found[name])
    except ValidationError as error:
        raise InputError(f"{FILE.name}, {name}: {explain(error)}.", remedy="Mend the composite.") from error


@cache
def _library() -> dict[str, Any]:
    return read_yaml(FILE)
