"""Stages that work ahead: same items, same order, errors where they belong, no thread left behind."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from warehouse.stages import Stages


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def endless() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def test_gives_the_same_items_in_the_same_order() -> None:
    with Stages() as stages:
        squares = stages.ahead((n * n for n in range(100)), name="squares")
        assert list(stages.ahead(map(str, squares), name="texts")) == [str(n * n) for n in range(100)]


def test_works_ahead_but_not_far() -> None:
    made: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Stages() as stages:
        items = stages.ahead(counted(), name="counted")
        assert next(items) == 0
        give_up = time.monotonic() + 5
        while len(made) < 2 and time.monotonic() < give_up:
            time.sleep(0.01)
        time.sleep(0.2)
        assert len(made) == 2, "one in hand, one ready"


def test_keeps_nothing_that_was_taken() -> None:
    class Item:
        pass

    with Stages() as stages:
        items = stages.ahead((Item() for _ in range(2)), name="items")
        item = next(items)
        taken = weakref.ref(item)
        del item
        next(items)
        assert taken() is None


def test_stages_work_at_the_same_time() -> None:
    def slow(number: int) -> int:
        time.sleep(0.05)
        return number

    began = time.perf_counter()
    with Stages() as stages:
        first = stages.ahead(map(slow, range(10)), name="first")
        for number in stages.ahead(map(slow, first), name="second"):
            slow(number)
    assert time.perf_counter() - began < 0.05 * 30 * 0.7


@pytest.mark.parametrize("stage", [0, 1])
def test_an_error_is_raised_where_the_next_item_is_asked_for(stage: int) -> None:
    def failing(items: Iterator[int]) -> Iterator[int]:
        for item in items:
            if item == 3:
                raise LookupError("on purpose")
            yield item

    seen = []
    with pytest.raises(LookupError, match="on purpose"), Stages() as stages:
        items = stages.ahead(failing(endless()) if stage == 0 else endless(), name="first")
        for item in stages.ahead(failing(items) if stage == 1 else items, name="second"):
            seen.append(item)
    assert seen == [0, 1, 2]


def test_leaving_the_block_ends_stages_that_wait_for_each_other() -> None:
    with pytest.raises(LookupError, match="on purpose"), Stages() as stages:
        items = stages.ahead(map(str, stages.ahead(endless(), name="first")), name="second")
        assert next(items) == "0"
        raise LookupError("on purpose")


def test_leaving_the_block_ends_a_stage_that_waits_for_input() -> None:
    gate = threading.Event()

    def blocked() -> Iterator[int]:
        yield 1
        gate.wait(1)

    began = time.perf_counter()
    with Stages() as stages:
        assert next(stages.ahead(map(str, stages.ahead(blocked(), name="first")), name="second")) == "1"
    assert time.perf_counter() - began < 5
