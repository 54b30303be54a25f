"""A stop on request: SIGTERM or Ctrl-C ends a long run at the next safe place.

Reads and changes the process's signal handlers while the block runs, and puts the old ones back. Guarantees
that the first signal interrupts nothing but a wait for input; the second interrupts whatever runs.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Interrupted(Exception):
    """Leaves a blocking read."""


class StopSwitch:
    """Watches for a signal; a context manager for the main thread. `signal_number` is None until one came.

    `on_stop` is called in the signal handler: it may set a flag, and no more.
    """

    def __init__(self, on_stop: Callable[[], None] = lambda: None) -> None:
        self.signal_number: int | None = None
        self.on_stop = on_stop
        self._is_reading = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSwitch:
        self._before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def is_on(self) -> bool:
        """Whether to stop."""
        return self.signal_number is not None

    def until_stopped(self, items: Iterator[T]) -> Iterator[T]:
        """The items, until a signal comes; also when it comes while the next item is waited for."""
        while not self.is_on:
            try:
                self._is_reading = True
                item = next(items)
                self._is_reading = False
            except (_Interrupted, StopIteration):
                return
            finally:
                self._is_reading = False
            yield item

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.is_on:
            raise KeyboardInterrupt
        self.signal_number = number
        self.on_stop()
        if self._is_reading:
            raise _Interrupted
