"""`gridrates dead-letters`, as a person uses it: from a refused record to a landed event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gridrates import pipeline
from gridrates.settings import Settings
from tests.integration.cli.commandline import CommandLine
from tests.integration.warehouse.topics import publish, query
from tests.landing import payload, payloads

pytestmark = pytest.mark.full

GBK = payload(id="g-1", subject="案件", data={"description": "井盖破损"}).decode().encode("gb18030")
REFUSED = [
    payload(id="t-1", time="2026-05-01 08:00:00"),
    payload(id="t-2", time="2026-05-02 08:00:00"),
    GBK,
    b"[]",
]
TO_RFC = "json_merge_patch(payload, json_object('time', replace(payload->>'time', ' ', 'T') || '+08:00'))"


@pytest.fixture
def street(tmp_path: Path, kafka_settings: Settings) -> CommandLine:
    """A warehouse that has refused four records. The numbers of t-1, t-2, the GBK one and [] are in `ids`."""
    publish(kafka_settings, [*payloads(3), *REFUSED])
    pipeline.land(kafka_settings)
    return CommandLine(tmp_path, kafka_settings)


def number_of(street: CommandLine, wanted: str) -> str:
    rows = query(street.settings, f"SELECT reject_id FROM raw_rejected_event WHERE {wanted}")
    return str(rows[0][0])


def test_list_shows_what_is_wrong(street: CommandLine) -> None:
    shown = street("dead-letters", "list").worked()
    assert "4 of 4 dead letters." in shown.err
    assert "Byte 105 is not UTF-8" in shown.out
    assert "/test t-1" in shown.out
    places = query(street.settings, "SELECT kafka_partition, kafka_offset FROM raw_rejected_event")
    assert all(f"/{partition}/{offset} " in shown.out for partition, offset in places)
    told = street("dead-letters", "list", "--reason", "bad_time", "--json").worked().content
    assert told["counts"] == {"open": {"bad_time": 2, "not_object": 1, "not_utf8": 1}}
    assert {each["event_id"] for each in told["letters"]} == {"t-1", "t-2"}


def test_from_refused_to_landed_by_an_expression(street: CommandLine) -> None:
    tried = street("dead-letters", "replay", "--reason", "bad_time", "--mend", TO_RFC, "--dry-run").worked()
    assert "2 would be sent, 0 stay open" in tried.out
    words = ("--reason", "bad_time", "--mend", TO_RFC, "--note", "clock mended")
    sent = street("dead-letters", "replay", *words, "--json").worked().content
    assert sent == {"sent": 2, "still_open": {}, "examples": []}
    assert street("dead-letters", "replay", "--reason", "not_utf8", "--encoding", "gb18030").worked()
    landing = street("land", "--json").worked().content
    assert (landing["read"], landing["landed"]) == (3, 3)
    found = query(street.settings, "SELECT subject_id, description FROM raw_event WHERE event_id = 'g-1'")
    assert found == [("案件", "井盖破损")]
    shown = street("dead-letters", "show", number_of(street, "event_id = 't-1'")).worked()
    assert "replayed" in shown.out and "clock mended" in shown.out and TO_RFC in shown.out


def test_from_refused_to_landed_by_an_edited_file(street: CommandLine) -> None:
    file = street.folder / "mend.jsonl"
    exported = street("dead-letters", "list", "--export", file).worked()
    assert f"4 letters are in {file}." in exported.err
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    for entry in entries:
        if entry["reason_code"] == "bad_time":
            entry["event"]["time"] = entry["event"]["time"].replace(" ", "T") + "+08:00"
    kept = [entry for entry in entries if "base64" not in entry]
    file.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
    done = street("dead-letters", "replay", "--file", file)
    assert (done.code, "2 sent, 1 stay open" in done.out) == (2, True)
    assert "not_object" in done.err
    assert street("land", "--json").worked().content["landed"] == 2
    again = street("dead-letters", "replay", "--file", file)
    again.refused(2, "is replayed, not open")


def test_discarding_needs_a_reason_and_is_kept(street: CommandLine) -> None:
    number = number_of(street, "reason_code = 'not_object'")
    assert street("dead-letters", "discard", number).code == 2
    street("dead-letters", "discard", number, "--note", "a test record").worked()
    assert "3 of 3" in street("dead-letters", "list").worked().err
    told = street("dead-letters", "show", number, "--json").worked().content
    assert (told["status"], told["payload"]) == ("discarded", {"text": "[]"})
    assert told["actions"][0]["note"] == "a test record"
    street("dead-letters", "replay", number).refused(2, "discarded")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay",), "Say which dead letters"),
        (("replay", "99"), "no dead letter 99"),
        (("show", "99"), "no dead letter 99"),
        (("replay", "--all", "--mend", "nope(payload)"), "cannot be understood"),
        (("replay", "--file", "none.jsonl"), "none.jsonl cannot be read"),
        (("replay", "--file", "none.jsonl", "--mend", "payload"), "as they are to be sent"),
        (("list", "--reason", "nothing"), "There is no reason"),
        (("list", "--export", "no/such/folder"), "cannot be written"),
        (("discard", "--note", "x"), "Say which dead letters"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_told(street: CommandLine, words: tuple[str, ...], said: str) -> None:
    street("dead-letters", *words).refused(6 if "--export" in words else 2, said)


def test_status_counts_them_and_says_where_to_look(street: CommandLine) -> None:
    pipeline.run(street.settings)
    told = street("status", "--json").content
    line = next(line for line in told["lines"] if line["name"] == "rejects")
    assert (line["level"], line["details"]) == (
        "yellow", {"open": {"bad_time": 2, "not_object": 1, "not_utf8": 1}}
    )  # fmt: skip
    assert "gridrates dead-letters list" in line["remedy"]
    street("dead-letters", "discard", "--all", "--note", "tests").worked()
    pipeline.run(street.settings)
    line = next(line for line in street("status", "--json").content["lines"] if line["name"] == "rejects")
    assert (line["level"], line["details"]) == ("green", {"open": {}})
