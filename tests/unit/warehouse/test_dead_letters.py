"""Dead letters without a broker: chosen, tried as the landing would, sent, noted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from gridrates.errors import InputError, ServiceUnavailable
from gridrates.settings import Settings
from tests.landing import LONGEST, payload, payloads
from tests.unit.warehouse.test_lander import Warehouse
from warehouse import dead_letters as room
from warehouse.dead_letters import Pair, Replay, Which, actions, counts, discard, letters, replay
from warehouse.live import open_live
from warehouse.mending import ByExpression, Mending
from warehouse.parse import Parser

TO_RFC = "json_merge_patch(payload, json_object('time', replace(payload->>'time', ' ', 'T') || '+08:00'))"
WITHOUT_ZONE = [payload(id=f"t-{n}", subject=f"C-{n}", time=f"2026-05-01 08:00:{n:02}") for n in range(5)]


class Topic:
    """Where replayed events go, and come back from when they are landed."""

    def __init__(self) -> None:
        self.sent: list[Pair] = []
        self.refuses: dict[bytes, str] = {}
        self.calls = 0

    def send(self, pairs: Sequence[Pair]) -> Mapping[int, str]:
        self.calls += 1
        refused = {n: self.refuses[key] for n, (key, _) in enumerate(pairs) if key in self.refuses}
        self.sent += [pair for n, pair in enumerate(pairs) if n not in refused]
        return refused


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser(longest=LONGEST) as made:
        yield made


@pytest.fixture
def warehouse(settings: Settings, parser: Parser) -> Iterator[Warehouse]:
    with open_live(settings, command="test") as connection:
        yield Warehouse(connection, settings, parser)


@pytest.fixture
def topic() -> Topic:
    return Topic()


def mend(
    warehouse: Warehouse,
    topic: Topic | None,
    mending: Mending | None = None,
    which: Which | None = None,
    **how: Any,
) -> Replay:
    send = topic.send if topic else None
    return replay(
        warehouse.connection, warehouse.settings, which or Which(), send=send, mending=mending, **how
    )


def states(warehouse: Warehouse) -> list[tuple[int, str]]:
    return warehouse.query("SELECT reject_id, status FROM raw_rejected_event ORDER BY reject_id")


def test_mended_letters_are_sent_noted_and_landed(warehouse: Warehouse, topic: Topic) -> None:
    warehouse.land(*WITHOUT_ZONE, b"[]")
    done = mend(warehouse, topic, ByExpression(TO_RFC), Which(reason="bad_time"), note="clock mended")
    assert (done.sent, done.still_open) == (5, {})
    assert [key for key, _ in topic.sent] == [b"C-0", b"C-1", b"C-2", b"C-3", b"C-4"], "under their subjects"
    assert states(warehouse) == [*((n, "replayed") for n in range(1, 6)), (6, "open")]
    (action,) = actions(warehouse.connection, 2)
    assert (action.action, action.mending, action.note) == ("replayed", TO_RFC, "clock mended")
    assert action.payload == topic.sent[1][1]
    assert "@" in action.acted_by
    assert warehouse.land(*(value for _, value in topic.sent)).landed == 5


def test_what_the_landing_would_refuse_stays_open_with_the_reason(warehouse: Warehouse, topic: Topic) -> None:
    warehouse.land(payload(), b"[]", payload(data={"unit_code": "U2"}), WITHOUT_ZONE[0])
    done = mend(warehouse, topic)
    assert done.sent == 0
    assert done.still_open == {"not_object": 1, "id_conflict": 1, "bad_time": 1}
    assert {each.reject_id: each.code for each in done.examples} == {
        1: "not_object",
        2: "id_conflict",
        3: "bad_time",
    }
    assert topic.calls == 0
    assert {status for _, status in states(warehouse)} == {"open"}
    assert warehouse.query("SELECT count(*) FROM raw_dead_letter_action") == [(0,)]


def test_a_conflict_is_sent_under_another_id(warehouse: Warehouse, topic: Topic) -> None:
    warehouse.land(payload(), payload(data={"unit_code": "U2"}))
    other = ByExpression("json_merge_patch(payload, json_object('id', (payload->>'id') || '-2'))")
    assert mend(warehouse, topic, other).sent == 1
    assert warehouse.land(topic.sent[0][1]).landed == 1


def test_letters_that_become_each_others_conflict_are_not_both_sent(
    warehouse: Warehouse, topic: Topic
) -> None:
    warehouse.land(payload(time="x"), payload(time="x", data={"unit_code": "U2"}))
    mended = ByExpression("json_merge_patch(payload, json_object('time', '2026-05-01T08:00:00Z'))")
    done = mend(warehouse, topic, mended)
    assert (done.sent, done.still_open) == (1, {"id_conflict": 1})


def test_a_trial_sends_and_notes_nothing(warehouse: Warehouse) -> None:
    warehouse.land(*WITHOUT_ZONE)
    assert mend(warehouse, None, ByExpression(TO_RFC)).sent == 5
    assert {status for _, status in states(warehouse)} == {"open"}


def test_what_kafka_refuses_stays_open(warehouse: Warehouse, topic: Topic) -> None:
    warehouse.land(*WITHOUT_ZONE)
    topic.refuses = {b"C-3": "too large"}
    done = mend(warehouse, topic, ByExpression(TO_RFC))
    assert (done.sent, done.still_open) == (4, {"not_sent": 1})
    assert (done.examples[0].reject_id, done.examples[0].text) == (4, "too large")
    assert states(warehouse)[3] == (4, "open")


def test_a_death_between_sending_and_noting_is_made_good_by_doing_it_again(
    warehouse: Warehouse, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.land(*WITHOUT_ZONE)
    with monkeypatch.context() as patch:
        patch.setattr(room, "_note", lambda *_: (_ for _ in ()).throw(RuntimeError("on purpose")))
        with pytest.raises(RuntimeError, match="on purpose"):
            mend(warehouse, topic, ByExpression(TO_RFC))
    warehouse.land(*(value for _, value in topic.sent))
    assert mend(warehouse, topic, ByExpression(TO_RFC)).sent == 5
    summary = warehouse.land(*(value for _, value in topic.sent[5:]))
    assert (summary.landed, summary.duplicates, summary.rejected) == (0, 5, 0)


def test_an_outage_leaves_noted_what_was_acknowledged_before(
    warehouse: Warehouse, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_PORTION", 2)
    warehouse.land(*WITHOUT_ZONE)

    def send(pairs: Sequence[Pair]) -> Mapping[int, str]:
        if topic.calls == 1:
            raise ServiceUnavailable("away")
        return topic.send(pairs)

    with pytest.raises(ServiceUnavailable):
        replay(warehouse.connection, warehouse.settings, Which(), send=send, mending=ByExpression(TO_RFC))
    assert [status for _, status in states(warehouse)] == ["replayed"] * 2 + ["open"] * 3
    assert mend(warehouse, topic, ByExpression(TO_RFC)).sent == 3


def test_portions_are_bounded_by_number_and_bytes(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.land(*[b"[" + b" " * 100 for _ in range(7)])
    monkeypatch.setattr(room, "_PORTION", 3)
    assert [len(each) for each in room.portions(warehouse.connection, Which())] == [3, 3, 1]
    monkeypatch.setattr(room, "_PORTION_BYTES", 250)
    assert [len(each) for each in room.portions(warehouse.connection, Which())] == [2, 2, 2, 1]
    monkeypatch.setattr(room, "_PORTION_BYTES", 1)
    assert [len(each) for each in room.portions(warehouse.connection, Which())] == [1] * 7


def test_letters_are_chosen_by_id_reason_and_status(warehouse: Warehouse) -> None:
    warehouse.land(b"[]", b"\xff", b"[2]", WITHOUT_ZONE[0])

    def chosen(**which: Any) -> list[int]:
        return [each.reject_id for each in letters(warehouse.connection, Which(**which))]

    assert chosen() == [1, 2, 3, 4]
    assert chosen(reason="not_object") == [1, 3]
    assert chosen(ids=(4, 1)) == [1, 4]
    assert discard(warehouse.connection, Which(ids=(3,)), note="a test") == 1
    assert chosen() == [1, 2, 4]
    assert chosen(status="discarded") == [3]
    assert chosen(status=None) == [1, 2, 3, 4]
    assert counts(warehouse.connection)[("open", "not_object")] == 1


def test_a_letter_has_everything_that_is_known(warehouse: Warehouse) -> None:
    warehouse.land(payload(), payload(id="é", time="x"))
    (letter,) = letters(warehouse.connection, Which())
    assert (letter.source, letter.event_id, letter.key) == ("/test", "é", b"C-1")
    assert (letter.topic, letter.partition, letter.offset) == ("case-events", 0, 1)
    assert json.loads(letter.payload or b"")["time"] == "x"


def test_what_was_discarded_is_neither_replayed_nor_discarded_again(
    warehouse: Warehouse, topic: Topic
) -> None:
    warehouse.land(*WITHOUT_ZONE)
    assert discard(warehouse.connection, Which(ids=(1, 2)), note="tests") == 2
    assert [each.note for each in actions(warehouse.connection, 1)] == ["tests"]
    assert mend(warehouse, topic, ByExpression(TO_RFC)).sent == 3
    for which in (Which(ids=(1,)), Which(ids=(3,))):
        with pytest.raises(InputError, match=r"is (discarded|replayed), not open"):
            discard(warehouse.connection, which, note="again")


def test_ids_reasons_and_statuses_there_are_not(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="no dead letter 99"):
        list(letters(warehouse.connection, Which(ids=(99,))))
    with pytest.raises(InputError, match="no reason 'bad'"):
        Which(reason="bad")
    with pytest.raises(InputError, match="no status 'gone'"):
        Which(status="gone")


def test_an_edited_batch_of_thousands(warehouse: Warehouse, topic: Topic) -> None:
    """More than a portion: nothing is left out, nothing sent twice."""
    wrong = [value.replace(b"+08:00", b"") for value in payloads(5_000)]
    warehouse.land(*wrong)
    mended = ByExpression("""replace(payload, '"time": "' || (payload->>'time'),
                                     '"time": "' || (payload->>'time') || '+08:00')""")
    assert mend(warehouse, topic, mended).sent == 5_000
    assert len({value for _, value in topic.sent}) == 5_000
    assert counts(warehouse.connection) == {("replayed", "bad_time"): 5_000}
