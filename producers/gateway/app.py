"""The gateway as an ASGI application: `POST /events` takes CloudEvents, and says 202 once Kafka has them.

Reads and writes nothing but Kafka. Guarantees that an event answered with 202 is on the topic, acknowledged
by all replicas. Any other answer is `application/problem+json` and says what to do; after a 503 the events
may be there or not, and sending them again is harmless, because an event is known by its source and id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from producers.deliveries import Refused
from producers.gateway.clients import Client, Clients
from producers.gateway.courier import Busy, Courier
from producers.gateway.description import openapi, page
from producers.gateway.messages import InvalidRequest, Received, UnsupportedMedia, read

if TYPE_CHECKING:
    from starlette.types import ExceptionHandler

MOST_BODY_BYTES = 8 * 1024 * 1024
MOST_BODY_SECONDS = 30.0
PROBLEM = "application/problem+json"


@dataclass
class Problem(Exception):
    """An answer that is not 202: what went wrong, and what to do."""

    status: int
    title: str
    detail: str
    faults: Sequence[Mapping[str, Any]] = ()
    retry_after: int | None = None

    def response(self) -> Response:
        """As `application/problem+json`."""
        body: dict[str, Any] = {"title": self.title, "status": self.status, "detail": self.detail}
        headers = {"retry-after": str(self.retry_after)} if self.retry_after is not None else {}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        content = body | ({"faults": list(self.faults)} if self.faults else {})
        return JSONResponse(content, self.status, headers, media_type=PROBLEM)


class Gateway:
    """The handlers of the routes."""

    def __init__(self, courier: Courier, clients: Clients) -> None:
        self._courier = courier
        self._clients = clients

    async def take_events(self, request: Request) -> Response:
        """`POST /events`."""
        client = self._client(request)
        received = _events(request, await _body(request))
        _permit(client, received)
        wait = self._clients.allowance(client).take(len(received))
        if wait:
            raise Problem(429, "Too many events", f"{client.name} sends too fast.", retry_after=wait)
        refused = await self._deliver(received)
        if refused:
            raise _refusal(refused)
        return JSONResponse({"accepted": len(received)}, 202)

    async def health(self, _request: Request) -> Response:
        """`GET /health`: 200 while Kafka takes events, else 503."""
        ready = self._courier.is_connected
        return JSONResponse({"kafka": "connected" if ready else "away"}, 200 if ready else 503)

    def _client(self, request: Request) -> Client:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        client = self._clients.by_token(token.strip()) if scheme.lower() == "bearer" else None
        if client is None:
            raise Problem(401, "Not authorised", "Send the header Authorization: Bearer with your token.")
        return client

    async def _deliver(self, received: Sequence[Received]) -> list[Refused]:
        pairs = [(one.event.subject.encode(), one.text) for one in received]
        try:
            return await self._courier.deliver(pairs)
        except Busy as busy:
            raise Problem(503, "Try again", f"{busy}.", retry_after=busy.seconds) from busy


async def _body(request: Request) -> bytes:
    """The body, as long as it is not too large and does not take too long."""
    chunks, size = [], 0
    try:
        async with asyncio.timeout(MOST_BODY_SECONDS):
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > MOST_BODY_BYTES:
                    raise Problem(413, "Too large", f"A request may have {MOST_BODY_BYTES:,} bytes.")
    except TimeoutError as error:
        raise Problem(408, "Too slow", f"The body did not come within {MOST_BODY_SECONDS:g} s.") from error
    except ClientDisconnect as error:
        raise Problem(400, "Broken off", "The request ended before its body did.") from error
    return b"".join(chunks)


def _events(request: Request, body: bytes) -> list[Received]:
    try:
        return read(request.headers.items(), body)
    except UnsupportedMedia as error:
        raise Problem(415, "Unknown content type", str(error)) from error
    except InvalidRequest as error:
        faults = [
            {"event": placed.event, "field": placed.fault.field, "message": placed.fault.message}
            for placed in error.faults
        ]
        raise Problem(422, "Not events of the contract", "Nothing was taken.", faults) from error


def _permit(client: Client, received: Sequence[Received]) -> None:
    faults = [
        {
            "event": place,
            "field": "source",
            "message": f"{client.name} may not send {event.type} of {event.source}",
        }
        for place, event in enumerate(one.event for one in received)
        if not client.may_send(event)
    ]
    if faults:
        raise Problem(403, "Not allowed", "Nothing was taken.", faults)


def _refusal(refused: Sequence[Refused]) -> Problem:
    """What to answer when Kafka did not acknowledge all events."""
    faults = [{"event": one.origin, "field": "", "message": one.reason} for one in refused]
    if all(one.is_of_the_event for one in refused):
        return Problem(413, "Kafka refuses these events", "All others were taken.", faults)
    return Problem(503, "Try again", "Kafka did not acknowledge these events.", faults, retry_after=5)


async def _say_problem(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.response()


async def _say_no_route(_request: Request, error: Exception) -> Response:
    """There is no such page, or not for this method."""
    assert isinstance(error, HTTPException)
    detail = "Send POST /events; all else is at / and /openapi.json."
    response = Problem(error.status_code, error.detail, detail).response()
    response.headers.update(error.headers or {})
    return response


def make_app(courier: Courier, clients: Clients) -> Starlette:
    """The application. Starting it connects to Kafka; stopping it delivers what was taken."""
    gateway, described = Gateway(courier, clients), openapi()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(courier.close)

    async def show_openapi(_request: Request) -> Response:
        return JSONResponse(described)

    async def show_page(_request: Request) -> Response:
        return HTMLResponse(page(described))

    handlers: dict[Any, ExceptionHandler] = {Problem: _say_problem, HTTPException: _say_no_route}
    routes = [
        Route("/events", gateway.take_events, methods=["POST"]),
        Route("/health", gateway.health),
        Route("/openapi.json", show_openapi),
        Route("/", show_page),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    # A sender that posts to /events/ is told so; it may not follow where it is redirected.
    app.router.redirect_slashes = False
    return app
