"""Lets the stages of a pipeline work at the same time, each in a thread of its own.

Threads suffice: decompression, DuckDB and numpy let go of the interpreter while they work.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class _End:
    """The last thing a stage hands over: what it died of, if it did."""

    error: BaseException | None = None


class Stages:
    """Threads that work ahead of each other. Leaving the block ends them all, whatever they are at."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def ahead(self, items: Iterator[T], *, name: str) -> Iterator[T]:
        """Iterate over `items` in a thread, at most one item ahead of who takes them.

        The thread begins an item when the one before has been taken, and keeps none that was: items are
        large. What the thread dies of is raised where the next item is asked for.
        """
        ready: queue.Queue[T | _End] = queue.Queue(maxsize=1)
        thread = threading.Thread(target=self._work, args=(items, ready), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return self._results(ready)

    def _results(self, ready: queue.Queue[T | _End]) -> Iterator[T]:
        while not self._stop.is_set():
            try:
                item = ready.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            ready.task_done()
            if not isinstance(item, _End):
                yield item
                del item
            elif item.error is None:
                return
            else:
                raise item.error

    def _work(self, items: Iterator[T], ready: queue.Queue[T | _End]) -> None:
        try:
            for item in items:
                self._hand_over(item, ready)
                del item
                self._wait_until_taken(ready)
                if self._stop.is_set():
                    return
            self._hand_over(_End(), ready)
        except BaseException as error:  # it belongs to whoever asks for the next item
            self._hand_over(_End(error), ready)

    def _hand_over(self, item: T | _End, ready: queue.Queue[T | _End]) -> None:
        while not self._stop.is_set():
            try:
                ready.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return

    def _wait_until_taken(self, ready: queue.Queue[T | _End]) -> None:
        with ready.all_tasks_done:
            while ready.unfinished_tasks and not self._stop.is_set():
                ready.all_tasks_done.wait(_LOOK_SECONDS)
