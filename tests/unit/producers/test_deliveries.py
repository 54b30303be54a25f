"""Every event is counted once, and memory stays bounded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from producers.deliveries import Counts, Deliveries, Flight, NotSent

PAIRS = [(b"k1", b"v1"), (b"k2", b"v22")]


def flight(deliveries: Deliveries, pairs: list[tuple[bytes, bytes]] = PAIRS) -> Flight:
    made = Flight(deliveries, pairs, range(len(pairs)))
    deliveries.give(len(pairs))
    assert deliveries.admit(made.size)
    return made


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_nothing_yet() -> None:
    deliveries = Deliveries()
    assert deliveries.counts == Counts(0, 0, 0)
    assert deliveries.wait(0)
    assert deliveries.take_refused() == []


def test_an_arrival() -> None:
    deliveries = Deliveries()
    on_its_way = flight(deliveries)
    assert (deliveries.counts.waiting, deliveries.waiting_bytes) == (2, 9)
    assert not deliveries.wait(0)
    on_its_way.arrived()
    assert deliveries.counts == Counts(given=2, acknowledged=2, refused=0)
    assert (deliveries.counts.waiting, deliveries.waiting_bytes) == (0, 0)
    assert deliveries.wait(0)


def test_a_failure_names_every_event() -> None:
    deliveries = Deliveries()
    flight(deliveries).failed(lambda place: KafkaTimeoutError(f"place {place}"))
    assert deliveries.counts == Counts(given=2, acknowledged=0, refused=2)
    assert deliveries.waiting_bytes == 0
    refused = deliveries.take_refused()
    assert [(r.origin, r.key, r.value) for r in refused] == [(0, b"k1", b"v1"), (1, b"k2", b"v22")]
    assert [r.is_certain for r in refused] == [False, False]
    assert "place 1" in refused[1].reason and "KafkaTimeoutError" in refused[1].reason
    assert deliveries.take_refused() == []


def test_a_failure_of_one_event_is_no_outage() -> None:
    deliveries = Deliveries()
    deliveries.give(1)
    deliveries.refuse(PAIRS[:1], [7], lambda _: MessageSizeTooLargeError("too large"))
    assert deliveries.outage is None
    assert deliveries.take_refused()[0].is_certain


def test_the_first_outage_is_kept_and_ends_admission() -> None:
    deliveries = Deliveries()
    first = KafkaTimeoutError("first")
    flight(deliveries).failed(lambda _: first)
    deliveries.give(1)
    deliveries.refuse(PAIRS[:1], [9], lambda _: KafkaTimeoutError("second"))
    assert deliveries.outage is first
    assert not deliveries.admit(1)
    deliveries.give(2)
    deliveries.refuse_unsent(PAIRS, [10, 11])
    assert [(r.reason, r.is_certain) for r in deliveries.take_refused()[-2:]] == [
        ("not sent: Kafka takes no events", True)
    ] * 2
    assert deliveries.outage is first


def test_a_split_batch_is_settled_event_by_event() -> None:
    deliveries = Deliveries()
    on_its_way = flight(deliveries)
    on_its_way.settle_one(1, None)
    assert deliveries.counts == Counts(2, 1, 0)
    assert deliveries.waiting_bytes == 9, "the room is taken until the last of them"
    on_its_way.settle_one(0, MessageSizeTooLargeError("too large"))
    assert deliveries.counts == Counts(2, 1, 1)
    assert deliveries.waiting_bytes == 0
    assert [r.key for r in deliveries.take_refused()] == [b"k1"]


def test_admission_waits_for_room() -> None:
    deliveries = Deliveries(most_waiting_bytes=10)
    first = flight(deliveries)
    admitted: list[bool] = []
    waiting = in_background(lambda: admitted.append(deliveries.admit(9)))
    time.sleep(0.05)
    assert admitted == []
    first.arrived()
    waiting.join(5)
    assert admitted == [True]
    assert deliveries.waiting_bytes == 9


def test_what_is_larger_than_all_room_goes_alone() -> None:
    deliveries = Deliveries(most_waiting_bytes=10)
    assert deliveries.admit(1000)
    assert deliveries.waiting_bytes == 1000


def test_an_outage_ends_the_wait_for_room() -> None:
    deliveries = Deliveries(most_waiting_bytes=10)
    first = flight(deliveries)
    admitted: list[bool] = []
    waiting = in_background(lambda: admitted.append(deliveries.admit(9)))
    first.failed(lambda _: KafkaTimeoutError("gone"))
    waiting.join(5)
    assert admitted == [False]


def test_stopping_ends_the_wait_for_room_but_uses_what_room_there_is() -> None:
    deliveries = Deliveries(most_waiting_bytes=10)
    flight(deliveries)
    deliveries.is_stopping = True
    assert deliveries.admit(1)
    started = time.monotonic()
    assert not deliveries.admit(9)
    assert time.monotonic() - started < 2
    deliveries.give(2)
    deliveries.refuse_unsent(PAIRS, [0, 1])
    assert deliveries.take_refused()[0].reason == "not sent: the publisher was stopped"


def test_waiting_ends_when_the_last_fate_is_known() -> None:
    deliveries = Deliveries()
    on_its_way = flight(deliveries)
    settled = in_background(lambda: (time.sleep(0.05), on_its_way.arrived()))
    assert deliveries.wait(5)
    settled.join()


@pytest.mark.parametrize("error", [NotSent("stopped"), KafkaTimeoutError(), ValueError("odd")])
def test_reasons_are_never_empty(error: Exception) -> None:
    deliveries = Deliveries()
    deliveries.give(1)
    deliveries.refuse(PAIRS[:1], [0], lambda _: error)
    assert deliveries.take_refused()[0].reason


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["arrived", "failed", "parts"])), max_size=30))
def test_the_books_balance(story: list[tuple[int, str]]) -> None:
    deliveries = Deliveries()
    flights = [(flight(deliveries, [(b"k", b"v")] * count), how) for count, how in story]
    for on_its_way, how in flights:
        if how == "arrived":
            on_its_way.arrived()
        elif how == "failed":
            on_its_way.failed(lambda _: MessageSizeTooLargeError())
        else:
            for place in range(len(on_its_way.pairs)):
                on_its_way.settle_one(place, MessageSizeTooLargeError() if place % 2 else None)
    counts = deliveries.counts
    assert counts.given == sum(count for count, _ in story)
    assert (counts.waiting, deliveries.waiting_bytes) == (0, 0)
    assert len(deliveries.take_refused()) == counts.refused
