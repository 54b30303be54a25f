"""Asks an Open311 server, politely: one question at a time, with a pause between two.

A server that is busy, broken or slow is asked again, later each time, or when it says so (`Retry-After`).
Reads from the server only; nothing is sent to it but GET requests. Guarantees that an answer takes no more
than `LARGEST_ANSWER` of memory and that a question ends.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import httpx2

from gridrates.errors import InputError, ServiceUnavailable
from producers.open311.answers import Unreadable, complaints, decode

ATTEMPTS = 6
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
# A server that wants more patience than this is taken for one that is away.
MOST_PATIENCE = 600.0
LARGEST_ANSWER = 64 * 1024 * 1024
LONGEST_ANSWER_SECONDS = 300.0
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


class Declined(InputError):
    """The server answers that the question is wrong."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, remedy=_REMEDIES.get(status, "Check the address and the options."))
        self.status = status


_REMEDIES = {
    400: "Check --jurisdiction: a server of several cities needs it.",
    401: "Set GRIDRATES_OPEN311_API_KEY to the key that the server's owner gave you.",
    403: "Set GRIDRATES_OPEN311_API_KEY to the key that the server's owner gave you.",
    404: "Check the address, which ends before /requests.json, and --jurisdiction.",
}


class _Again(Exception):
    """To be asked again, after `wait` seconds if the server says so."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Client:
    """One connection to a server; a context manager."""

    def __init__(
        self, *, jurisdiction: str | None = None, api_key: str | None = None, pause: float = 0.2,
        timeout: float = 60,
    ) -> None:  # fmt: skip
        self._own = {"jurisdiction_id": jurisdiction, "api_key": api_key}
        self._pause = pause
        self._ready_at = 0.0
        self.questions = 0
        self._http = httpx2.Client(
            timeout=timeout, follow_redirects=True, max_redirects=5,
            headers={"user-agent": "gridrates (Open311 poller)"},
        )  # fmt: skip

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, url: str, **given: str) -> Any:
        """What the server answers, decoded.

        Raises Declined when the question is wrong, and ServiceUnavailable when no answer is to be had.
        """
        asked = {name: value for name, value in (self._own | given).items() if value}
        why, wait = "", 0.0
        for attempt in range(ATTEMPTS):
            time.sleep(wait)
            try:
                return self._ask(url, asked)
            except _Again as again:
                why = str(again)
                wait = again.wait if again.wait is not None else _wait(attempt)
            if wait > MOST_PATIENCE or attempt == ATTEMPTS - 1:
                break
        raise ServiceUnavailable(
            f"{url} gave no answer that can be used: {why}.",
            remedy="Try again later: the next poll goes on where the last one ended.",
        )

    def _ask(self, url: str, asked: dict[str, str]) -> Any:
        time.sleep(max(0.0, self._ready_at - time.monotonic()))
        self.questions += 1
        try:
            status, headers, body = self._read(url, asked)
        except httpx2.InvalidURL as error:
            raise InputError(f"{url} is no address: {error}.", remedy="Check it.") from error
        except httpx2.UnsupportedProtocol as error:
            raise InputError(f"{url} is no address.", remedy="It begins with https://.") from error
        except httpx2.HTTPError as error:
            raise _Again(f"{type(error).__name__} {error}".strip()) from error
        finally:
            self._ready_at = time.monotonic() + self._pause
        return _judged(url, status, headers, body)

    def _read(self, url: str, asked: dict[str, str]) -> tuple[int, httpx2.Headers, bytes]:
        until = time.monotonic() + LONGEST_ANSWER_SECONDS
        body = bytearray()
        with self._http.stream("GET", url, params=asked) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise ServiceUnavailable(
                        f"{url} answers with more than {LARGEST_ANSWER:,} bytes.", remedy="Lower --page-size."
                    )
                if time.monotonic() > until:
                    raise _Again(f"it took more than {LONGEST_ANSWER_SECONDS:.0f} s")
            return answer.status_code, answer.headers, bytes(body)


def _judged(url: str, status: int, headers: httpx2.Headers, body: bytes) -> Any:
    try:
        content = decode(body)
    except Unreadable as error:
        content, said = None, str(error)
    else:
        said = "; ".join(complaints(content))
    if status in _AGAIN:
        raise _Again(f"status {status} {said}".strip(), _retry_after(headers))
    if status >= 400 or (content is not None and said):
        raise Declined(f"{url} answers {status}: {said or 'no reason given'}.", status)
    if content is None:
        raise _Again(f"the answer is neither JSON nor XML: {said}")
    return content


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds from a number or a date; None when the server does not say, or not so that it can be read."""
    said = headers.get("retry-after", "").strip()
    if said.isdecimal() and said.isascii():
        return float(said[:9])
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _wait(attempt: int) -> float:
    """Twice as long each time, and never the same for two who were turned away together."""
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * random.uniform(0.5, 1))
