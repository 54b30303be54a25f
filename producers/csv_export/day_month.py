"""Watches whether any row of an import tells the day from the month, where its times could be read both ways.

Pure, but for the mapper it asks. Guarantees that every chunk is counted until one tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from producers.csv_export.mapper import Mapper, Picked
from producers.csv_export.plan import EitherOrder


class DayMonth:
    """Looks at the chunks of an import, and says afterwards what none of them told."""

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        self._times = mapper.plan.either_order
        self._counts = [(0, 0, 0) for _ in self._times]

    @property
    def _waiting(self) -> list[tuple[EitherOrder, int, int]]:
        """The times of which none is told by itself, nor by another one in the same order; with how many were
        read, and how many could be in the other order alone.
        """
        counted = list(zip(self._times, self._counts, strict=True))
        told = {is_day_first(time.formats) for time, (_, telling, _) in counted if telling}
        return [
            (time, read, other)
            for time, (read, _, other) in counted
            if is_day_first(time.formats) not in told
        ]

    def look_at(self, picked: Picked) -> None:
        """Count the rows of a chunk, unless all is told already."""
        if self._waiting:
            found = self._mapper.day_month(picked)
            self._counts = [
                (a + x, b + y, c + z) for (a, b, c), (x, y, z) in zip(self._counts, found, strict=True)
            ]

    def notes(self, *, is_known: bool) -> Iterator[str]:
        """What a person should look at. Where it `is_known` that the mapping is right, only what speaks
        against it.
        """
        if both := [time for time in self._times if is_day_first(time.formats) is None]:
            yield (
                f"The formats of {_named(both)} have day and month in both orders: a date that fits both is "
                "read as the first one says."
            )
        unclear = [(time, other) for time, read, other in self._waiting if read]
        others = sum(other for _, other in unclear)
        if not unclear or (is_known and not others):
            return
        times = [time for time, _ in unclear]
        formats = dict.fromkeys(name for time in times for name in time.formats)
        yield (
            f"Day and month could stand in either order in {_named(times)}: no value tells. They are read as "
            f"{' or '.join(formats)}; mend `time_formats` if that is wrong."
            + (f" It probably is: {others:,} other values fit only the other order." if others else "")
        )


def is_day_first(formats: tuple[str, ...]) -> bool | None:
    """Whether all of some formats have the day before the month; None where only some have."""
    orders = {name.index("%d") < name.index("%m") for name in formats}
    return orders.pop() if len(orders) == 1 else None


def _named(times: list[EitherOrder]) -> str:
    return ", ".join(dict.fromkeys(name for time in times for name in time.value.columns))
