"""`gridrates gateway` as a process of its own, for tests: started, asked, and what is on its topic."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gridrates.settings import Settings
from producers.gateway.clients import digest_of
from producers.gateway.messages import STRUCTURED
from tests.integration.producers.topics import pairs_of, records

ROOT = Path(__file__).parents[1]
CLIENTS = f"""
[[client]]
name = "app"
token_sha256 = "{digest_of("app-token")}"
sources = ["310101/*"]
types = ["gridrates.case.*"]
events_per_second = 1000000

[[client]]
name = "slow"
token_sha256 = "{digest_of("slow-token")}"
sources = ["*"]
events_per_second = 5
"""


@dataclass
class Server:
    """A gateway that runs."""

    process: subprocess.Popen[str]
    url: str
    settings: Settings

    def post(
        self, content: Any, *, token: str = "app-token", media: str = STRUCTURED, **headers: str
    ) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        given = {"content-type": media, "authorization": f"Bearer {token}"} | headers
        return httpx.post(f"{self.url}/events", content=body, headers=given, timeout=60)

    def ids(self) -> list[str]:
        """The ids of what is on the topic."""
        found = pairs_of(records(self.settings, self.settings.topic))
        return [json.loads(value)["id"] for _, value in found]


def event(number: int | str, **changes: Any) -> dict[str, Any]:
    """An event that the client `app` may send."""
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "310101/app",
        "type": "gridrates.case.filed.v1",
        "subject": f"case-{number}",
        "time": "2026-05-01T08:00:00+08:00",
        "data": {"description": "垃圾"},
    } | changes


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a gateway with these settings; it does not wait long for Kafka."""
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "GRIDRATES_HOME": str(settings.home),
        "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka_bootstrap_servers),
        "GRIDRATES_TOPIC": settings.topic,
        "GRIDRATES_KAFKA_TIMEOUT_SECONDS": "2",
    }


@contextmanager
def running(settings: Settings, folder: Path, **variables: str) -> Iterator[Server]:
    """A gateway on a free port, until the block is left. `variables` are added to its environment."""
    clients = folder / "clients.toml"
    clients.write_text(CLIENTS)
    arguments = ["gateway", "--clients", str(clients), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from gridrates.cli import main; main()", *arguments],
        env=environment(settings) | variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    url = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert url, said + process.stderr.read()
    # What it says later must not fill the pipe.
    reader = threading.Thread(target=process.stderr.read)
    reader.start()
    try:
        yield Server(process, url.group(), settings)
    finally:
        process.terminate()
        process.wait(30)
        reader.join()
        process.stderr.close()
