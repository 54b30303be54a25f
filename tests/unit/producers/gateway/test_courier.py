"""The courier's thread: it connects anew whatever is wrong meanwhile, and says when it is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

from gridrates.errors import InputError, ServiceUnavailable
from gridrates.settings import Settings
from producers.deliveries import Refused
from producers.gateway import courier as module
from producers.gateway.courier import Busy, Courier


class Publisher:
    """Does in turn what `openings` and `sendings` say: raises an error, or works."""

    openings: ClassVar[list[Exception | None]] = []
    sendings: ClassVar[list[Exception | None]] = []

    def __init__(self, _settings: Settings, _topic: str) -> None: ...

    def open(self) -> None:
        _next(self.openings)

    def publish(self, _pairs: Sequence[Any], *, origins: Sequence[int]) -> None:
        assert len(origins) == 1
        _next(self.sendings)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def refused(self) -> list[Refused]:
        return []


def _next(steps: list[Exception | None]) -> None:
    step = steps.pop(0) if steps else None
    if step is not None:
        raise step


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Courier]:
    monkeypatch.setattr(module, "Publisher", Publisher)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)

    def start(openings: list[Exception | None], sendings: list[Exception | None]) -> Courier:
        Publisher.openings, Publisher.sendings = [None, *openings], sendings
        courier = Courier(Settings(), patience_seconds=0.5)
        courier.start()
        return courier

    return start


def deliver(courier: Courier) -> list[Refused]:
    return asyncio.run(courier.deliver([(b"C-1", b"{}")]))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


def test_a_certificate_that_is_being_replaced_does_not_end_it(started: Callable[..., Courier]) -> None:
    away = ServiceUnavailable("Kafka is away.")
    courier = started([away, InputError("The certificate is half written.")], [away])
    deliver(courier)
    wait_for(lambda: courier.is_connected)
    assert deliver(courier) == []
    courier.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_that_ends_it_is_not_taken_for_a_connection(started: Callable[..., Courier]) -> None:
    courier = started([], [ZeroDivisionError()])
    with pytest.raises(Busy):
        deliver(courier)
    wait_for(lambda: not courier.is_connected)
    courier.close()
