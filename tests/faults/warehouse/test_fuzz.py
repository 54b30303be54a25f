"""A million payloads of every kind: each is landed or refused for the right reason, in flat memory.

`GRIDRATES_FUZZ` says how many (a million unless it is set). A few thousand come from Hypothesis and from a
list of horrors; the rest are made of these by cutting, joining, flipping and doubling bytes.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.events import InvalidEvent, check
from gridrates.settings import Settings
from tests.faults.warehouse.landings import Landings
from tests.horrors import HORRORS
from tests.integration.warehouse.topics import publish, query
from tests.landing import LONGEST, payload
from tests.unit.contracts.strategies import good_events
from warehouse.live import open_live

COUNT = int(os.environ.get("GRIDRATES_FUZZ", "1000000"))
ROUNDS = 8


def corpus() -> list[bytes]:
    """The horrors, and events from Hypothesis, good ones and spoilt ones."""
    found = list(HORRORS)

    @settings(
        max_examples=1_500, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), derandomize=True,
    )  # fmt: skip
    @given(good_events() | st.recursive(st.none() | st.floats() | st.text(), st.lists))  # type: ignore[arg-type]
    def collect(made: object) -> None:
        found.append(json.dumps(made).encode())

    collect()
    return found


def mutants(sources: list[bytes], seed: int) -> Iterator[bytes]:
    """Endless payloads: half of them sources with an id of their own, the others spoilt."""
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        source = chance.choice(sources) if chance.random() < 0.9 else payload(id=f"{seed}-{number}")
        draw = chance.random()
        at = chance.randrange(len(source) + 1)
        if draw < 0.5:
            yield source.replace(b'"id": "', b'"id": "%d-%d-' % (seed, number), 1)
        elif draw < 0.6:
            yield source[:at]
        elif draw < 0.75:
            yield source[:at] + bytes([chance.randrange(256)]) + source[at + 1 :]
        elif draw < 0.9:
            other = chance.choice(sources)[:2_000]
            yield source[:at] + other[chance.randrange(len(other) + 1) :]
        else:
            yield source[:at] + source[at : at + 9] * 2 + source[at + 9 :]


OF_CONTENT = {"missing_attribute", "empty_attribute", "unknown_type", "bad_time", "schema_violation"}
# Python and DuckDB differ about what JSON is: a comma too many, an escape of half a character.
NOT_FOR_ALL = {"not_json", "not_object", *OF_CONTENT}


def right_reasons(value: bytes) -> set[str]:
    """Why a payload may be refused, by a judge that knows nothing of the landing. A good event only because
    its id is another's.
    """
    if len(value) > LONGEST:
        return {"too_large"}
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"not_utf8"}
    try:
        # As everywhere in the warehouse, of a key that is given twice the first counts.
        content = json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    except (ValueError, RecursionError):
        return {"id_conflict", *NOT_FOR_ALL}
    if not _can_be_stored(content):
        return {"not_json"}
    if not isinstance(content, dict):
        return {"not_json", "not_object"}
    try:
        check(content)
    except (InvalidEvent, RecursionError):
        return {"not_json", *OF_CONTENT}
    return {"id_conflict"}


def _can_be_stored(content: Any) -> bool:
    """Whether there is no half of a character in any text of it."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_a_million_payloads_of_every_kind(kafka_settings: Settings) -> None:
    sources, peaks, sent = corpus(), [], 0
    with Landings(kafka_settings) as landings:
        for seed in range(ROUNDS):
            some = mutants(sources, seed)
            for _ in range(max(COUNT // ROUNDS // 5_000, 1)):
                values = [value for value in islice(some, 5_000) if len(value) < 200_000]
                publish(kafka_settings, values)
                sent += len(values)
            landings.start()
            assert landings.wait() == 0
            peaks.append(landings.peak_megabytes)
    print(f"{sent:,} payloads; peaks {peaks} MB")
    read = "sum(read_count), sum(landed_count) + sum(duplicate_count) + sum(rejected_count)"
    assert query(kafka_settings, f"SELECT {read} FROM raw_landing_batch") == [(sent, sent)]
    tables = "(SELECT count(*) FROM raw_event), (SELECT count(*) FROM raw_rejected_event)"
    assert query(kafka_settings, f"SELECT {tables}") == query(
        kafka_settings, "SELECT sum(landed_count), sum(rejected_count) FROM raw_landing_batch"
    )
    assert_right(kafka_settings)
    # Apart from what is held of history: nine bytes an event.
    assert max(peaks[-3:]) < max(peaks[:3]) * 1.3 + 50


def assert_right(settings: Settings) -> None:
    """Every reject's reason is one of the right ones, and what was landed is an event."""
    with open_live(settings, command="test") as connection:
        seen = set()
        rejects = connection.execute("SELECT reason_code, payload FROM raw_rejected_event")
        while some := rejects.fetchmany(10_000):
            for code, value in some:
                seen.add(code)
                assert code in right_reasons(value), (code, value[:500])
        landed = connection.execute("SELECT payload FROM raw_event USING SAMPLE 20000 ROWS")
        for (text,) in landed.fetchall():
            assert "id_conflict" in right_reasons(text.encode()), text[:500]
    assert seen >= {"not_utf8", "not_json", "not_object", "unknown_type", "bad_time", "schema_violation"}
    assert seen >= {"missing_attribute", "empty_attribute", "id_conflict"}
