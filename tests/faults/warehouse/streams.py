"""A producer that runs while landings die, and what must be in the warehouse when all is over."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import Any

from gridrates.settings import Settings
from producers.publisher import Publisher
from tests.landing import payload
from warehouse.landing import land
from warehouse.live import open_live

MALFORMED = (b"[]", b"{", b"\xff\xfe" * 9, b'{"specversion": "1.0"}', payload(time="some day"))


class Stream:
    """Produces events in a thread until it is stopped: new ones, repeated ones, conflicting ones, malformed.

    All records of an id have the same key, so that their order on the topic is the order of sending.
    """

    def __init__(self, settings: Settings, *, pause: float = 0.1, portion: int = 30) -> None:
        self.sent: list[tuple[str | None, str]] = []
        self.failure: BaseException | None = None
        self._settings = settings
        self._pause = pause
        self._portion = portion
        self._chance = random.Random(11)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="stream")

    def __enter__(self) -> Stream:
        self._thread.start()
        while not self.sent and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop, once everything is acknowledged."""
        self._stop.set()
        self._thread.join()
        if self.failure:
            raise self.failure

    def expected(self) -> dict[str, int]:
        """What a dictionary says of the records sent: rows, duplicates, conflicts and other rejects."""
        firsts: dict[str, str] = {}
        counts: Counter[str] = Counter(landed=0, duplicates=0, conflicts=0, malformed=0)
        for event_id, unit in self.sent:
            if event_id is None:
                counts["malformed"] += 1
            elif event_id not in firsts:
                firsts[event_id] = unit
                counts["landed"] += 1
            else:
                counts["duplicates" if firsts[event_id] == unit else "conflicts"] += 1
        return dict(counts)

    def _work(self) -> None:
        try:
            with Publisher(self._settings, self._settings.topic) as publisher:
                while not self._stop.is_set():
                    publisher.publish([self._next() for _ in range(self._portion)])
                    publisher.flush()
                    time.sleep(self._pause)
        except BaseException as error:
            self.failure = error

    def _next(self) -> tuple[bytes, bytes]:
        draw = self._chance.random()
        if draw < 0.03:
            self.sent.append((None, ""))
            return b"malformed", self._chance.choice(MALFORMED)
        event_id, unit = f"e-{len(self.sent)}", "U1"
        known = [self.sent[self._chance.randrange(len(self.sent))]] if self.sent and draw < 0.15 else []
        if known and known[0][0]:
            event_id, unit = known[0][0], "U2" if draw < 0.05 else known[0][1]
        self.sent.append((event_id, unit))
        return event_id.encode(), payload(
            id=event_id, subject=event_id, time=_time(event_id), data={"unit_code": unit}
        )


def _time(event_id: str) -> str:
    minutes, seconds = divmod(int(event_id.removeprefix("e-")), 60)
    return f"2026-05-{1 + minutes // 1440 % 28:02}T{minutes // 60 % 24:02}:{minutes % 60:02}:{seconds:02}Z"


def land_the_rest(settings: Settings) -> None:
    """Land until nothing is left."""
    with open_live(settings, command="test") as connection:
        while land(connection, settings).read:
            pass


def assert_exact(settings: Settings, stream: Stream) -> None:
    """Nothing lost, nothing twice, and the books agree with the tables."""
    with open_live(settings, command="test") as connection:

        def one(text: str) -> Any:
            row = connection.execute(text).fetchone()
            assert row is not None
            return row[0] if len(row) == 1 else row

        expected = stream.expected()
        books = one(
            "SELECT sum(read_count), sum(landed_count), sum(duplicate_count), sum(conflict_count), "
            "sum(rejected_count) FROM raw_landing_batch"
        )
        assert books == (
            len(stream.sent),
            expected["landed"],
            expected["duplicates"],
            expected["conflicts"],
            expected["conflicts"] + expected["malformed"],
        )
        assert one("SELECT count(*), count(DISTINCT (source, event_id)) FROM raw_event") == (
            expected["landed"],
            expected["landed"],
        )
        assert (
            one("SELECT count(DISTINCT (kafka_partition, kafka_offset)) FROM raw_event") == expected["landed"]
        )
        assert one(
            "SELECT count(*) FILTER (reason_code = 'id_conflict'), count(*) FROM raw_rejected_event"
        ) == (
            expected["conflicts"],
            expected["conflicts"] + expected["malformed"],
        )
        assert one("SELECT count(*) FROM raw_rejected_event") == one(
            "SELECT count(DISTINCT (kafka_partition, kafka_offset)) FROM raw_rejected_event"
        )
        assert one("SELECT sum(next_offset) FROM raw_landing_offset") == len(stream.sent)
        gaps = one(
            "SELECT count(*) FROM (SELECT from_offset - coalesce(lag(to_offset) OVER ("
            "PARTITION BY kafka_partition ORDER BY batch_id), 0) AS gap FROM raw_landing_batch) "
            "WHERE gap <> 0"
        )
        assert gaps == 0
        assert one("SELECT count(*) FROM raw_event WHERE unit_code <> 'U1'") == 0, (
            "the first of each id stays"
        )
