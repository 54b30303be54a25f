"""Finds an Open311 endpoint and reads its services and requests.

The specification (GeoReport v2) lets a question about requests span 90 days and answers it with the first
1,000; most servers also know `page` and `page_size`, and cut earlier. Guarantees that each request of a
span comes once however the server pages: where pages do not work, spans are halved until that finds no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, urljoin

from gridrates.errors import InputError, ServiceUnavailable
from producers.open311.answers import REQUEST_ID, Record, flat, objects, text
from producers.open311.client import Client, Declined

Format: TypeAlias = Literal["json", "xml"]

LONGEST_SPAN = timedelta(days=89)
# Ends belong to a span or not, as servers like: so spans overlap.
_OVERLAP = timedelta(seconds=1)
SHORTEST_SPAN = timedelta(minutes=1)
# No server is known to cut off fewer.
FEWEST_CUT_OFF = 50
IDS_TOGETHER = 50
_NO_FORMAT = (400, 404, 406, 415)


@dataclass(frozen=True)
class Endpoint:
    """Where a server answers, and how."""

    url: str
    format: Format


def find_endpoint(
    client: Client, url: str, *, kind: str = "production", wanted: Format | None = None
) -> Endpoint:
    """The endpoint at `url`, or the one that the discovery document there names.

    Raises InputError when there is none of this `kind`, and what `Client.get` raises.
    """
    if url.partition("?")[0].endswith(("/discovery.json", "/discovery.xml")):
        return _discovered(url, client.get(url), kind, wanted)
    base = url.rstrip("/")
    for name in (wanted,) if wanted else ("json", "xml"):
        try:
            client.get(f"{base}/services.{name}")
        except (Declined, ServiceUnavailable) as error:
            if wanted or name == "xml" or getattr(error, "status", 404) not in _NO_FORMAT:
                raise
        else:
            return Endpoint(base, name)
    raise AssertionError("the last format answers or raises")


def _discovered(url: str, content: Any, kind: str, wanted: Format | None) -> Endpoint:
    found = _endpoints(content)
    usable = [
        each
        for each in found
        if "georeport_v2" in text(each.get("specification")).lower()
        and text(each.get("type")).lower() == kind
        and text(each.get("url"))
    ]
    if not usable:
        have = (
            ", ".join(f"{text(e.get('specification'))} ({text(e.get('type'))})" for e in found) or "nothing"
        )
        raise InputError(
            f"{url} names no endpoint of GeoReport v2 for {kind}: it has {have}.",
            remedy="Choose with --endpoint-type, or give the address of the endpoint itself.",
        )
    best = usable[0]
    has_json = "json" in str(best.get("formats", "")).lower()
    return Endpoint(urljoin(url, text(best["url"])).rstrip("/"), wanted or ("json" if has_json else "xml"))


def _endpoints(content: Any) -> list[dict[str, Any]]:
    """The endpoints of a discovery document: a list, or an element for each in one around them."""
    if isinstance(content, dict):
        content = content.get("discovery", content)
    inner = content.get("endpoints", []) if isinstance(content, dict) else []
    if isinstance(inner, dict) and "endpoint" in inner:
        inner = inner["endpoint"]
    return [each for each in (inner if isinstance(inner, list) else [inner]) if isinstance(each, dict)]


class Server:
    """An endpoint, asked through a client.

    `pending` are the requests seen that have no id yet; `doubtful` the spans too short to be halved of which
    the server may have kept something back.
    """

    def __init__(self, client: Client, endpoint: Endpoint, *, page_size: int = 500) -> None:
        self._client = client
        self._endpoint = endpoint
        self._page_size = page_size
        self._has_pages = False
        self.pending: set[str] = set()
        self.doubtful: list[datetime] = []

    def services(self) -> list[Record]:
        """The services offered, each as one row."""
        return [flat(found) for found in objects(self._get("services")) if "service_code" in found]

    def definition(self, code: str) -> list[dict[str, Any]]:
        """The further questions that a service asks, as the server describes them."""
        (found,) = objects(self._get(f"services/{quote(code, safe='')}")) or [{}]
        asked = found.get("attributes") or []
        asked = asked.get("attribute", asked) if isinstance(asked, dict) else asked
        return [each for each in (asked if isinstance(asked, list) else [asked]) if isinstance(each, dict)]

    def requests(self, start: datetime, end: datetime) -> Iterator[list[Record]]:
        """The requests made from `start` to `end`, in portions, each once."""
        seen: set[str] = set()
        while start < end:
            until = min(start + LONGEST_SPAN, end)
            yield from self._span(start - _OVERLAP, until, seen)
            start = until

    def by_ids(self, ids: Sequence[str]) -> Iterator[list[Record]]:
        """The requests of these ids, as far as the server still has them."""
        seen: set[str] = set()
        for first in range(0, len(ids), IDS_TOGETHER):
            asked = ids[first : first + IDS_TOGETHER]
            for portion in self._asked(seen, service_request_id=",".join(asked)):
                yield [record for record in portion if record[REQUEST_ID] in asked]

    def _asked(self, seen: set[str], **given: str) -> Iterator[list[Record]]:
        """All pages of an answer; one that brings nothing new is the last."""
        found: set[str] = set()
        number = 1
        while True:
            page = self._page(number, **given)
            keys = set(map(_key, page))
            if keys <= found:
                break
            self._has_pages |= number > 1
            found |= keys
            yield self._fresh(page, seen)
            number += 1

    def _span(self, start: datetime, end: datetime, seen: set[str]) -> Iterator[list[Record]]:
        dates = _dates(start, end)
        first = self._page(1, **dates)
        found = set(map(_key, first))
        yield self._fresh(first, seen)
        number = 2
        while found:
            page = self._page(number, **dates)
            keys = set(map(_key, page))
            if keys <= found:
                if page and number == 2 and not self._has_pages:
                    yield from self._halves(start, end, found, seen)
                return
            self._has_pages = True
            found |= keys
            yield self._fresh(page, seen)
            number += 1

    def _halves(
        self, start: datetime, end: datetime, found: set[str], seen: set[str]
    ) -> Iterator[list[Record]]:
        """A server without pages cuts an answer off silently: its halves tell whether it did."""
        if len(found) < FEWEST_CUT_OFF:
            return
        if end - start < SHORTEST_SPAN:
            self.doubtful.append(start)
            return
        middle = start + (end - start) / 2
        halves = [(start, middle), (middle - _OVERLAP, end)]
        pages = [self._page(1, **_dates(*half)) for half in halves]
        yield from (self._fresh(page, seen) for page in pages)
        left, right = ({_key(each) for each in page} for page in pages)
        if left and right and left | right <= found:
            return
        for half, keys in zip(halves, (left, right), strict=True):
            yield from self._halves(*half, keys, seen)

    def _page(self, number: int, **given: str) -> list[dict[str, Any]]:
        answer = self._get(
            "requests", **given, page=str(number), page_size=str(self._page_size), extensions="true"
        )
        return objects(answer)

    def _fresh(self, page: Sequence[dict[str, Any]], seen: set[str]) -> list[Record]:
        records = []
        for found in page:
            key = _key(found)
            if text(found.get(REQUEST_ID)) and key not in seen:
                records.append(flat(found))
            elif not text(found.get(REQUEST_ID)):
                self.pending.add(key)
            seen.add(key)
        return records

    def _get(self, path: str, **given: str) -> Any:
        return self._client.get(f"{self._endpoint.url}/{path}.{self._endpoint.format}", **given)


def _key(found: dict[str, Any]) -> str:
    """What tells a request from others: its id; its token, while it has none; else all of it."""
    return text(found.get(REQUEST_ID)) or text(found.get("token")) or repr(found)


def _dates(start: datetime, end: datetime) -> dict[str, str]:
    first, last = (at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (start, end))
    return {"start_date": first, "end_date": last}
