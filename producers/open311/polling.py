"""Polls an Open311 server: its requests become the rows of an export, and the export is imported.

Reads the server and the cursor; writes the events to the topic, rejected requests to a file, and the cursor
once every event is acknowledged. Guarantees that a poll that did not come to its end is made good by the next
one, and that polling again, or from the beginning, gives the same events: mapping, ids, corrections and
rejects are those of `producers.csv_export`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gridrates.kafka import ensure_topic, topic_identity
from gridrates.settings import Settings
from producers.csv_export.importing import ImportSummary, import_exports
from producers.csv_export.sending import Sent, send_exports
from producers.mapping import Mapping
from producers.open311.answers import REQUEST_ID, Record
from producers.open311.client import Client
from producers.open311.cursor import Cursor, load, locked, name_of, save
from producers.open311.server import Endpoint, Format, Server, find_endpoint
from producers.stopping import StopSwitch

FIRST_DAYS = 90


@dataclass(frozen=True)
class Asked:
    """What to poll, and how."""

    url: str
    jurisdiction: str | None = None
    format: Format | None = None
    endpoint_type: str = "production"
    since: datetime | None = None
    is_full: bool = False
    revisit: timedelta = timedelta(days=30)
    page_size: int = 500
    pause: float = 0.2
    timeout: float = 60


@dataclass
class Poll:
    """What a poll found: requests read, those still without an id, those the server has no longer.

    `unknown` are the fields of the mapping that no request had; `sent` is None when nothing was to be sent.
    """

    endpoint: str = ""
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    requests: int = 0
    pending: int = 0
    missing: list[str] = field(default_factory=list)
    doubtful: list[datetime] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    questions: int = 0
    summary: ImportSummary = field(default_factory=ImportSummary)
    sent: Sent | None = None
    signal_number: int | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("endpoint", "begun_at", "since", "requests", "pending", "missing", "doubtful", "unknown")
        own = {name: getattr(self, name) for name in names}
        return own | {"questions": self.questions} | (self.sent or self.summary).as_json()


def poll(
    settings: Settings,
    mapping: Mapping,
    asked: Asked,
    *,
    rejects_dir: Path | None = None,
    is_dry: bool = False,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Poll:
    """Read what is new or may have changed, and send its events; only count, when `is_dry`.

    `on_progress` is told how many requests have been read. Raises InputError when the server declines or the
    mapping does not fit, ServiceUnavailable when the server or Kafka is away; what fails on the way to Kafka
    is in the result.
    """
    with _client(settings, asked) as client:
        return _Poller(settings, mapping, asked, client).run(rejects_dir, is_dry, on_progress)


def offered(settings: Settings, asked: Asked) -> list[dict[str, Any]]:
    """The services of a server, each with the `attributes` it asks for. Raises as `poll` does."""
    with _client(settings, asked) as client:
        server = Server(client, _endpoint(client, asked))
        return [
            service | {"attributes": server.definition(service["service_code"])}
            if service.get("metadata") == "true"
            else dict(service)
            for service in server.services()
        ]


def _client(settings: Settings, asked: Asked) -> Client:
    key = settings.open311_api_key
    return Client(
        jurisdiction=asked.jurisdiction,
        api_key=key.get_secret_value() if key is not None else None,
        pause=asked.pause,
        timeout=asked.timeout,
    )


def _endpoint(client: Client, asked: Asked) -> Endpoint:
    return find_endpoint(client, asked.url, kind=asked.endpoint_type, wanted=asked.format)


class _Poller:
    """One poll."""

    def __init__(self, settings: Settings, mapping: Mapping, asked: Asked, client: Client) -> None:
        self.settings = settings
        self.mapping = mapping
        self.asked = asked
        self.client = client
        self.poll = Poll()
        self.open: dict[str, datetime] = {}
        self.names: set[str] = set()

    def run(self, rejects_dir: Path | None, is_dry: bool, on_progress: Callable[[int], object]) -> Poll:
        where = "" if is_dry else self.topic()
        name = name_of(self.asked.url, self.asked.jurisdiction or "", self.mapping.source, where)
        folder = self.settings.home_dir / "open311"
        path = folder / f"{name}.json"
        with locked(path):
            kept = load(path)
            rows = folder / f"{name}-{self.poll.begun_at:%Y%m%dT%H%M%S}.csv"
            try:
                self.download(rows, kept, on_progress)
                if self.poll.signal_number is None:
                    self.hand_on(rows, f"open311-{name}", rejects_dir or folder, is_dry)
            finally:
                rows.unlink(missing_ok=True)
            if self.is_whole():
                since = min(kept.since, self.poll.since) if kept is not None else self.poll.since
                save(path, Cursor(since, self.poll.begun_at, self.open))
        return self.poll

    def topic(self) -> str:
        """What tells the topic from others; it is made if it is missing, for only then it has an identity."""
        ensure_topic(self.settings, self.settings.topic)
        return topic_identity(self.settings, self.settings.topic)

    def is_whole(self) -> bool:
        """Whether everything read is acknowledged."""
        sent = self.poll.sent
        return sent is not None and sent.failure is None and sent.signal_number is None and not sent.refused

    def download(self, rows: Path, kept: Cursor | None, on_progress: Callable[[int], object]) -> None:
        """Write the requests read as an export that has the columns of the mapping."""
        endpoint = _endpoint(self.client, self.asked)
        self.poll.endpoint = endpoint.url
        server = Server(self.client, endpoint, page_size=self.asked.page_size)
        services = {service["service_code"]: service for service in server.services()}
        columns = self.mapping.columns
        with rows.open("w", encoding="utf-8", newline="") as file, StopSwitch() as switch:
            writer = csv.writer(file)
            writer.writerow(columns)
            for portion in switch.until_stopped(self.portions(server, kept)):
                for request in portion:
                    row = request | _of_service(services.get(request.get("service_code", ""), {}))
                    self.note(row)
                    writer.writerow([row.get(name, "").replace("\0", "\ufffd") for name in columns])
                on_progress(self.poll.requests)
        self.poll.signal_number = switch.signal_number
        self.poll.pending, self.poll.doubtful = len(server.pending), server.doubtful
        self.poll.questions = self.client.questions
        self.poll.unknown = [name for name in columns if self.poll.requests and name not in self.names]

    def portions(self, server: Server, kept: Cursor | None) -> Iterator[list[Record]]:
        """First the requests of the span to be read, then the older ones that were open."""
        start = self.poll.since = self.start(kept)
        yield from server.requests(start, self.poll.begun_at)
        older = {name: at for name, at in (kept.open if kept else {}).items() if name not in self.open}
        older = {name: at for name, at in older.items() if at < start}
        self.open |= older
        found: set[str] = set()
        for portion in server.by_ids(sorted(older)):
            found |= {request[REQUEST_ID] for request in portion}
            yield portion
        self.poll.missing = sorted(older.keys() - found)

    def start(self, kept: Cursor | None) -> datetime:
        now = self.poll.begun_at
        if kept is None or self.asked.is_full:
            first = kept.since if kept is not None else now - timedelta(days=FIRST_DAYS)
            return min(self.asked.since or first, now)
        revisited = max(min(kept.read_until, now) - self.asked.revisit, kept.since)
        return min(revisited, self.asked.since) if self.asked.since else revisited

    def note(self, row: Record) -> None:
        self.poll.requests += 1
        self.names |= row.keys()
        name = row[REQUEST_ID]
        if row.get("status", "").lower() == "closed":
            self.open.pop(name, None)
        else:
            self.open[name] = _moment(row.get("requested_datetime", ""), self.mapping, self.poll.begun_at)

    def hand_on(self, rows: Path, kind: str, rejects_dir: Path, is_dry: bool) -> None:
        """Import the export. No request at all is no export, and all right."""
        if not self.poll.requests:
            self.poll.sent = None if is_dry else Sent(ImportSummary(), 0, [])
        elif is_dry:
            import_exports([rows], self.mapping, summary=self.poll.summary)
        else:
            self.poll.sent = send_exports(
                self.settings, [rows], self.mapping, rejects_dir=rejects_dir, kind=kind
            )
            self.poll.summary = self.poll.sent.summary


def _of_service(service: Record) -> Record:
    return {f"service.{name}": value for name, value in service.items()}


def _moment(text: str, mapping: Mapping, otherwise: datetime) -> datetime:
    """When a request was made; one that cannot be read is as new as can be, and looked at again."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(mapping.time_zone))
    return min(at, otherwise)


def texts_of(moments: Sequence[datetime]) -> str:
    """Moments as one reads them, the first few."""
    shown = ", ".join(f"{at:%Y-%m-%d %H:%M}" for at in moments[:3])
    return shown + (" …" if len(moments) > 3 else "")
