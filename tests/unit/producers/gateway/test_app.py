"""The application's answers when Kafka is slow, away or refuses: with a courier that does as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from producers.deliveries import Refused
from producers.gateway import app as gateway_app
from producers.gateway.app import make_app
from producers.gateway.clients import Client, Clients, digest_of
from producers.gateway.courier import Busy
from producers.gateway.messages import BATCH, STRUCTURED
from producers.record_batches import Pair

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "s",
    "type": "gridrates.case.filed.v1",
    "subject": "c",
    "time": "2026-05-01T08:00:00Z",
    "data": {},
}


class Courier:
    """Delivers by a function of the test."""

    is_connected = True

    def __init__(self, answer: Callable[[Sequence[Pair]], list[Refused]]) -> None:
        self.answer = answer
        self.delivered: list[Pair] = []
        self.is_closed = False

    async def deliver(self, pairs: Sequence[Pair]) -> list[Refused]:
        self.delivered += pairs
        return self.answer(pairs)

    def close(self) -> None:
        self.is_closed = True


def app_of(courier: Courier) -> Starlette:
    clients = Clients([Client(name="a", token_sha256=digest_of("token"), sources=["*"])])
    return make_app(courier, clients)  # type: ignore[arg-type]


def ask(courier: Courier, method: str, path: str, content: Any = None, **headers: str) -> httpx.Response:
    """One request, answered by the application in this process."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app_of(courier), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, content=content, headers=headers)

    return asyncio.run(request())


def post(courier: Courier, content: Any, **headers: str) -> httpx.Response:
    text = content if isinstance(content, str) else json.dumps(content)
    given = {"authorization": "bearer token", "content-type": STRUCTURED}
    return ask(courier, "POST", "/events", text, **(given | headers))


def refused(origin: int, *, of_the_event: bool) -> Refused:
    return Refused(origin, b"c", b"{}", "because", is_certain=of_the_event, is_of_the_event=of_the_event)


def test_202_comes_after_the_delivery() -> None:
    courier = Courier(lambda _pairs: [])
    answer = post(courier, EVENT)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    ((key, value),) = courier.delivered
    assert key == b"c" and json.loads(value) == EVENT


def test_nothing_wrong_reaches_the_courier() -> None:
    courier = Courier(lambda _pairs: [])
    wrong: list[tuple[Any, dict[str, str]]] = [
        (EVENT, {"authorization": ""}),
        (EVENT | {"id": ""}, {}),
        ("{", {}),
        ([EVENT, 5], {"content-type": BATCH}),
        (EVENT, {"content-type": "text/csv"}),
    ]
    for content, headers in wrong:
        assert 400 <= post(courier, content, **headers).status_code < 500
    assert courier.delivered == []


def test_an_empty_batch_is_taken() -> None:
    answer = post(Courier(lambda _pairs: []), [], **{"content-type": BATCH})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0})


def busy(_pairs: Sequence[Pair]) -> list[Refused]:
    raise Busy("Kafka did not acknowledge in time", 7)


@pytest.mark.parametrize(
    ("answer", "status", "retry_after"),
    [
        (busy, 503, "7"),
        (lambda _pairs: [refused(0, of_the_event=False)], 503, "5"),
        (lambda _pairs: [refused(0, of_the_event=True)], 413, None),
        (lambda _pairs: [refused(0, of_the_event=True), refused(1, of_the_event=False)], 503, "5"),
    ],
)
def test_what_kafka_did_not_take(
    answer: Callable[[Sequence[Pair]], list[Refused]], status: int, retry_after: str | None
) -> None:
    told = post(Courier(answer), EVENT)
    assert told.status_code == status
    assert told.headers.get("retry-after") == retry_after
    assert told.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = told.json()
    assert problem["status"] == status
    if answer is not busy:
        assert problem["faults"][0] == {"event": 0, "field": "", "message": "because"}


def test_where_there_is_nothing_it_says_where_to_send() -> None:
    courier = Courier(lambda _pairs: [])
    for method, path, status in (("GET", "/events", 405), ("POST", "/", 405), ("GET", "/other", 404)):
        answer = ask(courier, method, path)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("allow" in answer.headers) == (status == 405)
        assert "POST /events" in answer.json()["detail"]


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_app, "MOST_BODY_SECONDS", 0.05)

    async def dribble() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    headers = {"authorization": "Bearer token", "content-type": STRUCTURED}
    answer = ask(Courier(lambda _pairs: []), "POST", "/events", dribble(), **headers)
    assert (answer.status_code, answer.json()["title"]) == (408, "Too slow")


def test_health_follows_the_courier() -> None:
    courier = Courier(lambda _pairs: [])
    assert (ask(courier, "GET", "/health").status_code, courier.is_connected) == (200, True)
    courier.is_connected = False
    answer = ask(courier, "GET", "/health")
    assert (answer.status_code, answer.json()) == (503, {"kafka": "away"})


def test_stopping_closes_the_courier() -> None:
    courier = Courier(lambda _pairs: [])
    app = app_of(courier)

    async def live() -> None:
        async with app.router.lifespan_context(app):
            assert not courier.is_closed

    asyncio.run(live())
    assert courier.is_closed


def test_a_defect_of_ours_is_a_plain_500() -> None:
    def broken(_pairs: Sequence[Pair]) -> list[Refused]:
        raise ZeroDivisionError

    answer = post(Courier(broken), EVENT)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
