"""Made-up events for the benchmarks: deterministic, keyed by case, about 334 bytes each on average.

Of a thousand, 945 are new, 50 repeat an earlier one exactly (half of these one of the last 2,000, half one
from anywhere before: hard on purpose) and 5 are malformed in one of six ways.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

Pair = tuple[bytes, bytes]

STEPS = ("reported", "accepted", "filed", "dispatched", "signed", "handled", "checked", "closed", "visited")
WORDS = [
    "overflowing",
    "bin",
    "near",
    "the",
    "gate",
    "street",
    "lamp",
    "broken",
    "pavement",
    "cracked",
    "illegal",
    "parking",
    "noise",
    "at",
    "night",
    "water",
    "leak",
    "fallen",
    "branch",
    "poster",
    "on",
    "wall",
    "manhole",
    "cover",
    "missing",
    "shop",
    "sign",
    "loose",
    "stray",
    "dog",
    "smoke",
]
_NEAR = 2_000
_REMEMBERED = 300_000


def events(count: int, *, seed: int = 1, only_new: bool = False) -> Iterator[Pair]:
    """`count` pairs of key and value."""
    chance = random.Random(seed)
    fresh = new_events(chance)
    near: list[Pair] = []
    far: list[Pair] = []
    for _ in range(count):
        draw = 1.0 if only_new else chance.random()
        if draw < 0.005:
            yield malformed(chance, *next(fresh))
        elif draw < 0.055 and near:
            yield chance.choice(near if draw < 0.03 else far)
        else:
            pair = next(fresh)
            remember(chance, pair, near, far)
            yield pair


def remember(chance: random.Random, pair: Pair, near: list[Pair], far: list[Pair]) -> None:
    """Keep the last events, and a fair choice of all that came before."""
    near.append(pair)
    if len(near) > _NEAR:
        near.pop(0)
    if len(far) < _REMEMBERED:
        far.append(pair)
    elif chance.random() < 0.1:
        far[chance.randrange(_REMEMBERED)] = pair


def new_events(chance: random.Random) -> Iterator[Pair]:
    """Lives of cases, their steps a second or so apart."""
    time = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))
    number = 0
    while True:
        number += 1
        case = f"C-2026-{number:08}"
        common = {
            "work_type": "grid_case",
            "category_code": f"{chance.randrange(1, 7):02}{chance.randrange(1, 21):02}",
            "grid_code": f"G{chance.randrange(300):03}",
            "unit_code": f"U{chance.randrange(30):02}",
        }
        for step in STEPS:
            time += timedelta(milliseconds=chance.randrange(2_000))
            made = {
                "specversion": "1.0",
                "id": f"{chance.getrandbits(64):016x}",
                "source": "/street/demo-centre",
                "type": f"gridrates.case.{step}.v1",
                "subject": case,
                "time": time.isoformat(timespec="milliseconds"),
                "data": common | details(chance, step),
            }
            yield case.encode(), json.dumps(made, separators=(",", ":")).encode()


def details(chance: random.Random, step: str) -> dict[str, object]:
    """What an event of this step says beside the case's own fields."""
    text = " ".join(chance.choices(WORDS, k=9))
    match step:
        case "reported":
            place = {
                "longitude": round(chance.uniform(116, 117), 6),
                "latitude": round(chance.uniform(39, 40), 6),
            }
            return {"channel": "patrol", "description": text, **place}
        case "handled":
            return {"reason": text, "operator_id": f"{chance.randrange(10_000):05}"}
        case "checked":
            return {
                "outcome": chance.choice(("passed", "failed")),
                "operator_id": f"{chance.randrange(99):05}",
            }
        case "visited":
            return {"outcome": "valid", "satisfaction": "satisfied", "reason": text}
        case _:
            return {"operator_id": f"{chance.randrange(10_000):05}"}


def malformed(chance: random.Random, key: bytes, value: bytes) -> Pair:
    """The event, spoilt."""
    spoilt = (
        value[: chance.randrange(20, len(value))],
        value.replace(b"grid_case", b"grid\xff\xfecase"),
        b"[1,2,3]",
        value.replace(b'"id":', b'"no_id":'),
        value.replace(b'"source":"/street/demo-centre"', b'"source":""'),
        value.replace(b"T", b"T9", 1) if b"T" in value else b"{}",
    )
    return key, chance.choice(spoilt)
