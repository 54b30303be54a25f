"""When to wake the landing: decided from two sets of offsets and a clock, without Kafka or Airflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

Offsets = dict[int, int]


@dataclass
class WakeUp:
    """Decides, probe by probe, whether a landing is due.

    `settle_seconds`: how old a lag must be, so that small arrivals are landed together and runs are spaced.
    `refire_seconds`: when to ask again although the landing asked for has not moved anything: it may have
    failed, been paused, or its event been lost.
    """

    settle_seconds: float
    refire_seconds: float
    _behind_since: float | None = field(default=None, init=False)
    _fired_at: float | None = field(default=None, init=False)
    _landed_then: Offsets | None = field(default=None, init=False)

    def due(self, ends: Offsets, landed: Offsets, now: float) -> bool:
        """Whether to wake the landing now.

        `ends` and `landed`: partition → the topic's end and how far landing says it came. `now`: seconds of a
        clock that never jumps. A hint *ahead* of the topic is a reason too (the topic was made anew, or a
        warehouse restored): only landing can judge what to do then.
        """
        if ends == landed:
            self._behind_since = None
            return False
        if self._behind_since is None:
            self._behind_since = now
        if self._is_outstanding(landed, now) or now - self._behind_since < self.settle_seconds:
            return False
        self._fired_at, self._landed_then, self._behind_since = now, landed, None
        return True

    def seconds_to_settle(self, now: float) -> float:
        """How long until the lag there is, is old enough; infinite when there is none or it is overdue."""
        left = inf if self._behind_since is None else self._behind_since + self.settle_seconds - now
        return left if left > 0 else inf

    def _is_outstanding(self, landed: Offsets, now: float) -> bool:
        """Whether a landing was asked for that may still come."""
        return (
            self._fired_at is not None
            and landed == self._landed_then
            and now - self._fired_at < self.refire_seconds
        )
