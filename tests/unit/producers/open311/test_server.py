"""Against a real server: all is read once, and a server in trouble is asked again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from gridrates.errors import GridratesError, InputError, ServiceUnavailable
from producers.open311 import client as client_module
from producers.open311.client import Client, Declined
from producers.open311.server import Endpoint, Server, find_endpoint
from tests.open311 import Town, request, serving, xml

START = datetime(2026, 1, 1, tzinfo=UTC)
JSON = {"content-type": "application/json"}


@pytest.fixture
def town() -> Iterator[Town]:
    with serving(Town()) as started:
        yield started


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(client_module, "FIRST_WAIT", 0.01)
    with Client(pause=0, timeout=0.5) as one:
        yield one


def fill(town: Town, count: int, every: timedelta = timedelta(hours=3)) -> None:
    town.requests = [request(n, (START + n * every).isoformat()) for n in range(count)]


def read(town: Town, client: Client, end: datetime, *, page_size: int = 500) -> list[str]:
    server = Server(client, Endpoint(town.url, "json"), page_size=page_size)
    return [r["service_request_id"] for portion in server.requests(START, end) for r in portion]


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {"limit": 100},
        {"repeats_last_page": True},
        {"page_overlap": 7},
        {"knows_pages": False},
        {"knows_pages": False, "limit": 60},
    ],
)
@pytest.mark.parametrize("count", [0, 1, 60, 1600])
def test_everything_is_read_once_however_the_server_pages(
    town: Town, client: Client, ways: dict[str, Any], count: int
) -> None:
    fill(town, count)
    for name, value in ways.items():
        setattr(town, name, value)
    found = read(town, client, START + timedelta(days=205), page_size=100)
    assert sorted(found) == sorted(each["service_request_id"] for each in town.requests)


def test_a_burst_within_a_minute_is_told_when_pages_do_not_work(town: Town, client: Client) -> None:
    town.knows_pages, town.limit = False, 60
    fill(town, 100, timedelta(milliseconds=1))
    server = Server(client, Endpoint(town.url, "json"))
    found = [r for portion in server.requests(START, START + timedelta(days=1)) for r in portion]
    assert len(found) == 60
    assert server.doubtful and abs(server.doubtful[0] - START) < timedelta(minutes=1)


def test_what_has_no_id_yet_waits(town: Town, client: Client) -> None:
    fill(town, 3)
    town.requests[1] |= {"service_request_id": None, "token": "t-1"}
    town.requests[2] |= {"service_request_id": "", "token": None}
    server = Server(client, Endpoint(town.url, "json"))
    found = [r for portion in server.requests(START, START + timedelta(days=1)) for r in portion]
    assert [each["service_request_id"] for each in found] == ["R-0"]
    assert len(server.pending) == 2


def test_by_ids_only_those_asked_for(town: Town, client: Client) -> None:
    fill(town, 120)
    server = Server(client, Endpoint(town.url, "json"))
    wanted = [f"R-{n}" for n in range(0, 120, 2)] + ["R-gone"]
    found = [r["service_request_id"] for portion in server.by_ids(wanted) for r in portion]
    assert sorted(found) == sorted(wanted[:-1])


DISCOVERY = {
    "json": b"""{"changeset": "2011-02-03", "endpoints": [
      {"specification": "http://wiki.open311.org/GeoReport_v2", "url": "URL/v1", "type": "test"},
      {"specification": "http://wiki.open311.org/GeoReport_V2", "url": "/v2", "type": "production",
       "formats": ["text/xml", "application/json"]}]}""",
    "xml": b"""<discovery><endpoints><endpoint><specification>http://wiki.open311.org/GeoReport_v2</specification>
      <url>/v2</url><type>production</type><formats><format>text/xml</format></formats></endpoint></endpoints>
      </discovery>""",
}


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_an_endpoint_is_discovered(town: Town, client: Client, kind: str) -> None:
    town.odd = lambda path, _: (200, {}, DISCOVERY[kind]) if path.startswith("/discovery") else None
    address = town.url.replace("/v2", f"/discovery.{kind}")
    assert find_endpoint(client, address) == Endpoint(town.url, kind)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="names no endpoint"):
        find_endpoint(client, address, kind="staging")


def test_without_json_xml_is_asked_for(town: Town, client: Client) -> None:
    town.odd = lambda path, _: (404, {}, b"<html>no</html>") if path.endswith("json") else None
    assert find_endpoint(client, town.url + "/") == Endpoint(town.url, "xml")
    fill(town, 3)
    server = Server(client, Endpoint(town.url, "xml"))
    portions = list(server.requests(START, START + timedelta(days=1)))
    assert sorted(r["service_request_id"] for p in portions for r in p) == ["R-0", "R-1", "R-2"]
    assert [service["group"] for service in server.services()] == ["sanitation", "street"]


def test_services_and_their_questions(town: Town, client: Client) -> None:
    server = Server(client, Endpoint(town.url, "json"))
    assert [service["service_code"] for service in server.services()] == ["001", "006"]
    assert [asked["code"] for asked in server.definition("001")] == ["WHISPAWN"]


@pytest.mark.parametrize(
    "trouble",
    [
        (500, {}, b"<html>oops</html>"),
        (503, {"retry-after": "0"}, b""),
        (429, {"retry-after": "0"}, b'[{"code":429,"description":"slow down"}]'),
        (429, {"retry-after": format_datetime(START, usegmt=True)}, b""),
        (429, {"retry-after": "soon"}, b""),
        (200, {}, b"<html><p>log in"),
        (200, {}, b""),
        (200, {"content-length": "1000"}, b"[]"),
    ],
)
def test_a_server_in_trouble_is_asked_again(town: Town, client: Client, trouble: Any) -> None:
    fill(town, 2)
    troubles = [trouble] * 2
    town.odd = lambda path, _: troubles.pop() if troubles else None
    assert sorted(read(town, client, START + timedelta(days=1))) == ["R-0", "R-1"]
    assert not troubles


def test_retry_after_is_kept(town: Town, client: Client) -> None:
    troubles = [(429, {"retry-after": "1"}, b"")]
    town.odd = lambda path, _: troubles.pop() if troubles else None
    started = time.monotonic()
    read(town, client, START + timedelta(days=1))
    assert time.monotonic() - started >= 1


def test_a_server_that_wants_hours_or_stays_broken_is_away(town: Town, client: Client) -> None:
    town.odd = lambda path, _: (429, {"retry-after": "7200"}, b"")
    with pytest.raises(ServiceUnavailable, match="status 429"):
        client.get(f"{town.url}/services.json")
    assert len(town.asked) == 1
    town.odd = lambda path, _: (502, {}, b"bad gateway")
    with pytest.raises(ServiceUnavailable, match="status 502"):
        client.get(f"{town.url}/services.json")
    assert len(town.asked) == 1 + client_module.ATTEMPTS


FORBIDDEN = xml("errors", "error", [{"code": 403, "description": "Missing api_key"}])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((400, JSON, b'[{"code":400,"description":"jurisdiction_id was not provided"}]'), "was not provided"),
        ((403, JSON, FORBIDDEN), "Missing api_key"),
        ((404, {}, b"nothing here"), "404"),
        ((200, JSON, b'{"errors":[{"code":400,"description":"range too long"}]}'), "range too long"),
    ],
)
def test_a_question_that_is_declined_is_told(town: Town, client: Client, answer: Any, said: str) -> None:
    town.odd = lambda path, _: answer
    with pytest.raises(Declined, match=said) as caught:
        client.get(f"{town.url}/requests.json")
    assert caught.value.remedy and len(town.asked) == 1


@pytest.mark.parametrize("url", ["ftp://x/v2", "nonsense", "http://[", "http://127.0.0.1:1/v2"])
def test_addresses_that_lead_nowhere(client: Client, url: str) -> None:
    with pytest.raises(GridratesError):
        find_endpoint(client, url)


def test_an_endless_answer_ends(town: Town, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LARGEST_ANSWER", 1000)
    town.odd = lambda path, _: (200, {}, b"[" + b" " * 5000 + b"]")
    with pytest.raises(ServiceUnavailable, match="more than 1,000 bytes"):
        client.get(f"{town.url}/requests.json")


def test_it_is_polite(town: Town) -> None:
    with Client(pause=0.1, jurisdiction="city.gov", api_key="k") as client:
        started = time.monotonic()
        for _ in range(4):
            client.get(f"{town.url}/services.json", x="1", empty="")
    assert time.monotonic() - started >= 0.3
    assert town.asked[0][1] == {"jurisdiction_id": "city.gov", "api_key": "k", "x": "1"}
