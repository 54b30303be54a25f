"""`gridrates replay`, as a person uses it: the same figures from the kept payloads, here or elsewhere."""

from __future__ import annotations

import pytest

from gridrates import pipeline
from gridrates.settings import Settings
from tests.integration.cli.commandline import CommandLine
from tests.integration.cli.street import FIRST, WAITING, WHOLE, rates
from tests.integration.warehouse.topics import query, records
from warehouse.live import open_live

pytestmark = pytest.mark.full


def change(settings: Settings, text: str) -> None:
    with open_live(settings, command="test") as live:
        live.execute(text)


def test_rates_are_rebuilt_from_the_kept_payloads(gridrates: CommandLine) -> None:
    """As after an upgrade: columns hold what an older program read, payloads what was sent."""
    change(gridrates.settings, "UPDATE raw_event SET satisfaction = NULL, unit_code = NULL")
    told = gridrates("replay", "--json").worked().content
    assert told["changed"] > 0
    assert (told["refused"], told["without_payload"]) == ({}, 0)
    assert told["generation"] == 2
    assert rates(gridrates.settings) == FIRST
    assert gridrates("replay", "--json").worked().content["changed"] == 0
    assert pipeline.run(gridrates.settings).landing
    assert rates(gridrates.settings) == WHOLE, "what waits on the topic is still landed after it"


def test_only_a_span_is_read_again(gridrates: CommandLine) -> None:
    change(gridrates.settings, "UPDATE raw_event SET channel = 'x'")
    span = ("--from", "2026-05-01", "--to", "2026-05-02")
    changed = gridrates("replay", *span, "--json").worked().content["changed"]
    # The street's clocks are eight hours ahead.
    rows = query(
        gridrates.settings,
        "SELECT count(*) FROM raw_event WHERE channel IS DISTINCT FROM 'x' "
        "AND occurred_at >= '2026-04-30T16:00:00Z' AND occurred_at < '2026-05-01T16:00:00Z'",
    )
    assert rows == [(changed,)]
    left = query(gridrates.settings, "SELECT count(*) FROM raw_event WHERE channel = 'x'")
    assert left != [(0,)]


def test_payloads_go_to_another_topic_and_give_the_same_rates_there(gridrates: CommandLine) -> None:
    pipeline.run(gridrates.settings)
    topic = f"{gridrates.settings.topic}-again"
    kept = query(gridrates.settings, "SELECT payload FROM raw_event ORDER BY ALL")
    said = gridrates("replay", "--topic", topic).worked().out
    assert f"{len(kept):,} events sent to {topic}" in said
    sent = records(gridrates.settings, topic)
    assert sorted((record.value.decode(),) for record in sent) == kept
    other = gridrates.settings.model_copy(update={"topic": topic, "home": gridrates.folder / "other"})
    pipeline.run(other)
    assert rates(other) == WHOLE


def test_replaying_to_its_own_topic_doubles_nothing(gridrates: CommandLine) -> None:
    topic = f"{gridrates.settings.topic}-own"
    gridrates("replay", "--topic", topic).worked()
    own = gridrates.settings.model_copy(update={"topic": topic})
    landing = pipeline.land(own)
    assert landing.landed == 0
    assert landing.duplicates == landing.read > len(WAITING)


def test_what_was_not_kept_is_told(gridrates: CommandLine) -> None:
    change(
        gridrates.settings,
        "UPDATE raw_event SET payload = NULL WHERE event_id = (SELECT min(event_id) FROM raw_event)",
    )
    for words in (("replay",), ("replay", "--topic", f"{gridrates.settings.topic}-part")):
        ended = gridrates(*words)
        assert ended.code == 2
        assert "1 events have no payload" in ended.err
    assert rates(gridrates.settings) == FIRST


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "yesterday"), "'yesterday' is not a time"),
        (("--from", "2026-05-02", "--to", "2026-05-01"), "Exchange"),
    ],
)
def test_a_span_that_is_none(gridrates: CommandLine, words: tuple[str, ...], said: str) -> None:
    gridrates("replay", *words).refused(2, said)
