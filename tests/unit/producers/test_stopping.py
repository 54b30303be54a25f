"""A signal ends a long run at a safe place; the old handlers come back."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from producers.stopping import StopSwitch


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_items_after_the_one_at_hand(number: int) -> None:
    done = []
    with StopSwitch() as switch:
        for item in switch.until_stopped(iter(range(10))):
            if item == 3:
                send(number)
            done.append(item)
    assert done == [0, 1, 2, 3]
    assert switch.is_on and switch.signal_number == number


def test_without_a_signal_all_items_come() -> None:
    with StopSwitch() as switch:
        assert list(switch.until_stopped(iter("abc"))) == ["a", "b", "c"]
    assert not switch.is_on


def test_a_wait_for_input_is_interrupted() -> None:
    reading, writing = os.pipe()

    def from_pipe() -> Iterator[bytes]:
        yield b"first"
        yield os.read(reading, 1)

    with StopSwitch() as switch:
        killer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
        killer.start()
        assert list(switch.until_stopped(from_pipe())) == [b"first"]
        killer.join()
    os.close(reading)
    os.close(writing)
    assert switch.is_on


def test_the_handler_tells_whom_it_concerns() -> None:
    told = []
    with StopSwitch(lambda: told.append("stop")):
        send(signal.SIGTERM)
    assert told == ["stop"]


def test_the_second_signal_interrupts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), StopSwitch():
        send(signal.SIGINT)
        send(signal.SIGINT)


def test_old_handlers_come_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with StopSwitch():
        assert signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in before} == before


def test_errors_of_the_items_pass_through() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with StopSwitch() as switch, pytest.raises(ValueError, match="broken"):
        list(switch.until_stopped(broken()))
