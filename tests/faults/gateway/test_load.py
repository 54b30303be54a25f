"""Fifty thousand events over HTTP while the broker is killed twice: what was answered with 202 is landed.

Some clients send a request again until it is taken, as they should; one gives up at the first failure. Of the
first ones exactly what they sent must be landed, once; of the other, all that was taken, and perhaps more.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gridrates.settings import Settings
from producers.gateway.messages import BATCH, BINARY, STRUCTURED
from tests.faults.warehouse.clusters import Brokers
from tests.faults.warehouse.streams import land_the_rest
from tests.gateway import Server, event, running
from tests.integration.warehouse.topics import changed, query

pytestmark = pytest.mark.full
BATCHES, EVENTS_OF_A_BATCH = 235, 50
SINGLE = 750
TOTAL = 4 * BATCHES * EVENTS_OF_A_BATCH + 4 * SINGLE
# The broker is away for less than the publisher's patience, then for longer: the courier connects anew.
AWAY_SECONDS = (3.0, 15.0)
PATIENCE = {"GRIDRATES_KAFKA_TIMEOUT_SECONDS": "1"}
AUTHORIZATION = {"authorization": "Bearer app-token"}


class Sender:
    """A client with a connection of its own; `accepted` are the ids that were answered with 202."""

    def __init__(self, server: Server, name: str) -> None:
        self.accepted: list[str] = []
        self.told: Counter[int | str] = Counter()
        self.name = name
        self._url = f"{server.url}/events"
        self._client = httpx.Client(timeout=30, headers=AUTHORIZATION)

    def send_batches(self, count: int, *, gives_up: bool = False) -> None:
        """Send batches one after the other."""
        for batch in range(count):
            ids = [f"{self.name}-{batch}-{number}" for number in range(EVENTS_OF_A_BATCH)]
            body = json.dumps([event(each) for each in ids]).encode()
            self._send(ids, body, {"content-type": BATCH}, gives_up)
        self._client.close()

    def send_single(self, count: int) -> None:
        """Send events one by one, structured and binary in turn."""
        for number in range(count):
            one = f"{self.name}-{number}"
            made = event(one)
            if number % 2:
                self._send([one], json.dumps(made).encode(), {"content-type": STRUCTURED})
                continue
            body = json.dumps(made.pop("data")).encode()
            headers = {f"ce-{name}": value for name, value in made.items()} | {"content-type": BINARY}
            self._send([one], body, headers)
        self._client.close()

    def _send(self, ids: list[str], body: bytes, headers: dict[str, str], gives_up: bool = False) -> None:
        """Send until it is taken, unless this client gives up."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if self._is_taken(body, headers):
                self.accepted += ids
                return
            time.sleep(0.3)
            if gives_up:
                return
        raise AssertionError(f"{self.name} was not heard for two minutes: {self.told}")

    def _is_taken(self, body: bytes, headers: dict[str, str]) -> bool:
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            self.told[type(error).__name__] += 1
            return False
        self.told[answer.status_code] += 1
        assert answer.status_code in (202, 503), answer.text
        assert answer.status_code == 202 or int(answer.headers["retry-after"]) > 0
        return answer.status_code == 202


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Brokers]:
    with Brokers(tmp_path) as one:
        yield one


@pytest.mark.timeout(600)
def test_every_202_is_landed_once_while_the_broker_is_killed_twice(
    brokers: Brokers, settings: Settings, tmp_path: Path
) -> None:
    mine = changed(settings, kafka_bootstrap_servers=brokers.bootstrap_servers)
    with running(mine, tmp_path, **PATIENCE) as server:
        steady = [Sender(server, f"steady-{number}") for number in range(8)]
        hasty = Sender(server, "hasty")
        with ThreadPoolExecutor(9) as pool:
            jobs = [pool.submit(sender.send_batches, BATCHES) for sender in steady[:4]]
            jobs += [pool.submit(sender.send_single, SINGLE) for sender in steady[4:]]
            jobs += [pool.submit(hasty.send_batches, BATCHES, gives_up=True)]
            kill_twice(brokers, steady, jobs)
            for job in jobs:
                job.result()
    accepted = [each for sender in steady for each in sender.accepted]
    assert len(accepted) == len(set(accepted)) == TOTAL == 50_000
    told = sum((sender.told for sender in steady), Counter())
    print(f"answers {dict(told)}, to the hasty one {dict(hasty.told)}")
    assert told[503] > 0, "nobody noticed that the broker was away"
    assert_landed(changed(mine, kafka_timeout_seconds=10), set(accepted), set(hasty.accepted))


def kill_twice(brokers: Brokers, steady: list[Sender], jobs: list[Future[None]]) -> None:
    """Kill the broker in the middle of the work, twice, and start it again."""
    for share, seconds in zip((0.2, 0.6), AWAY_SECONDS, strict=True):
        while sum(len(each.accepted) for each in steady) < share * TOTAL:
            for job in jobs:
                if job.done():
                    job.result()
            time.sleep(0.05)
        brokers.kill(1)
        assert not all(job.done() for job in jobs), "it was over before the broker was killed"
        time.sleep(seconds)
        brokers.start(1)


def assert_landed(settings: Settings, accepted: set[str], of_hasty: set[str]) -> None:
    """Landed is what was accepted, each once; what was sent again is a duplicate, and nothing is refused."""
    land_the_rest(settings)
    landed = [str(found) for (found,) in query(settings, "SELECT event_id FROM raw_event")]
    assert len(landed) == len(set(landed))
    assert {each for each in landed if not each.startswith("hasty")} == accepted
    assert of_hasty <= set(landed)
    books = "sum(read_count) - sum(landed_count) - sum(duplicate_count), sum(rejected_count)"
    assert query(settings, f"SELECT {books} FROM raw_landing_batch") == [(0, 0)]
