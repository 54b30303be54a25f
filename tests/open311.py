"""An Open311 server for tests, on 127.0.0.1: the specification's answers, and the oddities of real ones."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

Request = dict[str, Any]
# What a server answers instead: status, headers and body; None lets it answer as usual.
Odd = Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes] | None]

PAGE = Path(__file__).parents[1] / "docs" / "open311.md"
# The mapping of the docs: what is shown there is what is tested.
MAPPING = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


def request(number: int | str, requested: str = "2026-05-04T08:00:00+08:00", **other: Any) -> Request:
    """A request as the specification's examples have it, open and new."""
    return {
        "service_request_id": f"R-{number}",
        "status": "open",
        "status_notes": None,
        "service_name": "Sidewalk and Curb Issues",
        "service_code": "006",
        "description": None,
        "agency_responsible": None,
        "service_notice": None,
        "requested_datetime": requested,
        "updated_datetime": requested,
        "expected_datetime": None,
        "address": "8TH AVE and JUDAH ST",
        "address_id": 545483,
        "zipcode": 94122,
        "lat": 37.762221815,
        "long": -122.4651145,
        "media_url": None,
    } | other


SERVICES = [
    {"service_code": "001", "service_name": "Cans left out", "metadata": True, "group": "sanitation"},
    {"service_code": "006", "service_name": "Sidewalk", "metadata": False, "group": "street"},
]
DEFINITION = {
    "service_code": "001",
    "attributes": [
        {"variable": True, "code": "WHISPAWN", "datatype": "string", "description": "What is the ticket?"}
    ],
}


def xml(root: str, item: str, found: list[Request]) -> bytes:
    """The same as XML."""
    inner = "".join(f"<{item}>{_elements(each)}</{item}>" for each in found)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root}>{inner}</{root}>'.encode()


def _elements(found: Request) -> str:
    parts = []
    for name, value in found.items():
        if isinstance(value, list):
            shown = "".join(f"<item>{_elements(each)}</item>" for each in value)
        elif isinstance(value, dict):
            shown = _elements(value)
        else:
            shown = (
                "" if value is None else escape(str(value).lower() if value in (True, False) else str(value))
            )
        parts.append(f"<{name}>{shown}</{name}>")
    return "".join(parts)


@dataclass
class Town:
    """What the server holds and how it behaves; `asked` are the questions it got: path and parameters."""

    requests: list[Request] = field(default_factory=list)
    limit: int = 1000
    knows_pages: bool = True
    repeats_last_page: bool = False
    page_overlap: int = 0
    odd: Odd = lambda _path, _given: None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def put(self, **changes: Any) -> None:
        """Change the request that has this `service_request_id`, or add it."""
        for held in self.requests:
            if held["service_request_id"] == changes["service_request_id"]:
                held.update(changes)
                return
        self.requests.append(changes)

    def found(self, given: dict[str, str]) -> list[Request]:
        """The requests a question asks for: by id, else by when they were made; newest first."""
        if ids := given.get("service_request_id"):
            return [each for each in self.requests if str(each["service_request_id"]) in ids.split(",")]
        start, end = (datetime.fromisoformat(given[name]) for name in ("start_date", "end_date"))
        assert end - start <= timedelta(days=90), "a span of more than the specification allows"
        some = [each for each in self.requests if start <= _made(each) <= end]
        return sorted(some, key=_made, reverse=True)

    def page(self, given: dict[str, str]) -> list[Request]:
        """A page of them, the way this server has them."""
        found = self.found(given)
        if not self.knows_pages:
            return found[: self.limit]
        size = min(int(given.get("page_size", 50)), self.limit)
        first = max((int(given.get("page", 1)) - 1) * size - self.page_overlap, 0)
        page = found[first : first + size]
        if not page and found and self.repeats_last_page:
            return found[(len(found) - 1) // size * size :]
        return page

    def answer(self, path: str, given: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if odd := self.odd(path, given):
            return odd
        name, _, kind = path.removeprefix("/v2/").rpartition(".")
        if name == "requests":
            return _in(kind, "service_requests", "request", self.page(given))
        if name == "services":
            return _in(kind, "services", "service", SERVICES)
        if name == "services/001":
            return 200, {"content-type": "application/json"}, json.dumps(DEFINITION).encode()
        return 404, {"content-type": "application/json"}, b'[{"code":404,"description":"no such thing"}]'


def _made(found: Request) -> datetime:
    at = datetime.fromisoformat(found["requested_datetime"])
    return at if at.tzinfo else datetime.fromisoformat(found["requested_datetime"] + "+08:00")


def _in(kind: str, root: str, item: str, found: list[Request]) -> tuple[int, dict[str, str], bytes]:
    if kind == "xml":
        return 200, {"content-type": "text/xml; charset=utf-8"}, xml(root, item, found)
    return 200, {"content-type": "application/json; charset=utf-8"}, json.dumps(found).encode()


@contextmanager
def serving(town: Town) -> Iterator[Town]:
    """The server, at `town.url`, until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            given = {name: values[0] for name, values in parse_qs(parts.query).items()}
            town.asked.append((parts.path, given))
            status, headers, body = town.answer(parts.path, given)
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    town.url = f"http://127.0.0.1:{server.server_address[1]}/v2"
    try:
        yield town
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
