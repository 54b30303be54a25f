"""`gridrates gateway` as a process of its own, with clients of several kinds: every 202 is on the topic."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from typer.testing import CliRunner

from deploy import local_kafka
from gridrates.cli import app
from gridrates.settings import Settings
from producers.gateway.clients import digest_of
from producers.gateway.messages import BATCH
from tests.gateway import CLIENTS, Server, environment, event, running
from tests.integration.producers.topics import pairs_of, records


@pytest.fixture
def server(kafka_settings: Settings, tmp_path: Path) -> Iterator[Server]:
    """A gateway of the test's own, with an empty topic."""
    with running(kafka_settings, tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def shared(broker: local_kafka.Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway for tests that put nothing on the topic, or look for their own events only."""
    folder = tmp_path_factory.mktemp("gateway")
    settings = Settings(
        home=folder, kafka_bootstrap_servers=broker.bootstrap_servers, topic=f"gateway-{uuid.uuid4().hex}"
    )
    with running(settings, folder) as started:
        yield started


def of_sdk(number: int) -> CloudEvent:
    attributes = {name: value for name, value in event(number).items() if name not in ("data", "time")}
    return CloudEvent(attributes | {"time": datetime(2026, 5, 1, tzinfo=UTC)}, {"description": "垃圾 %"})


def test_events_of_the_sdk_in_every_mode(shared: Server) -> None:
    messages = [to_binary(of_sdk(1000), JSONFormat()), to_structured(of_sdk(1001), JSONFormat())]
    for number, message in enumerate(messages, 1000):
        headers = message.headers | {"authorization": "Bearer app-token"}
        answer = httpx.post(f"{shared.url}/events", content=message.body, headers=headers)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1}), answer.text
        assert shared.ids().count(str(number)) == 1, "there when the answer comes"
    batch = [json.loads(to_structured(of_sdk(n), JSONFormat()).body) for n in range(1002, 1050)]
    assert shared.post(batch, media=BATCH).json() == {"accepted": 48}
    assert sorted(found for found in shared.ids() if found.startswith("10")) == [
        str(n) for n in range(1000, 1050)
    ]


def test_the_record_is_keyed_by_the_case_and_holds_the_event(shared: Server) -> None:
    shared.post(event(2000, subject="案件-1"))
    found = pairs_of(records(shared.settings, shared.settings.topic))
    ((key, value),) = [pair for pair in found if json.loads(pair[1])["id"] == "2000"]
    assert key == "案件-1".encode()
    assert json.loads(value) == event(2000, subject="案件-1")


def test_sending_again_is_taken_again(shared: Server) -> None:
    """The landing knows an event by its source and id; the gateway need not remember."""
    assert [shared.post(event(3000)).status_code for _ in range(3)] == [202] * 3
    assert shared.ids().count("3000") == 3


@pytest.mark.parametrize(
    ("content", "options", "status", "said"),
    [
        (event("refused"), {"token": "wrong"}, 401, "Not authorised"),
        (event(1), {"authorization": "app-token"}, 401, "Not authorised"),
        (event(1), {"authorization": "Basic YTpi"}, 401, "Not authorised"),
        (event(1, source="310102/app"), {}, 403, "app may not send gridrates.case.filed.v1 of 310102/app"),
        ([event(1), event(2, source="x")], {"media": BATCH}, 403, "may not send"),
        (
            event(1, type="gridrates.project.stage_changed.v1", data={"project_kind": "lift", "stage": "s"}),
            {},
            403,
            "may not send",
        ),
        (b"{", {}, 422, "not JSON"),
        (b"\xff", {}, 422, "not UTF-8"),
        (event(1, data={"latitude": 91}), {}, 422, "data.latitude"),
        (event(1), {"media": "text/plain"}, 415, "Unknown content type"),
        (event(1, data={"x": "y" * 2_000_000}), {}, 413, "MessageSizeTooLargeError"),
        (b" " * 9_000_000, {}, 413, "A request may have"),
    ],
)
def test_what_is_not_taken_says_why(
    shared: Server, content: Any, options: dict[str, str], status: int, said: str
) -> None:
    answer = shared.post(content, **options)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert said in answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert not {"1", "2", "refused"} & set(shared.ids())


def test_of_a_batch_with_an_event_too_large_the_others_are_taken(shared: Server) -> None:
    batch = [event(4000), event(4001, data={"x": "y" * 2_000_000}), event(4002)]
    answer = shared.post(batch, media=BATCH)
    assert answer.status_code == 413
    assert [fault["event"] for fault in answer.json()["faults"]] == [1]
    assert sorted(found for found in shared.ids() if found.startswith("400")) == ["4000", "4002"]


def test_too_many_events_are_held_off(shared: Server) -> None:
    assert (
        shared.post([event(6000 + n) for n in range(40)], media=BATCH, token="slow-token").status_code == 202
    )
    answer = shared.post(event(6099), token="slow-token")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 6
    assert shared.post(event(6100)).status_code == 202, "others are not concerned"
    assert "6099" not in shared.ids()


def test_only_the_routes_there_are(shared: Server) -> None:
    assert httpx.get(f"{shared.url}/events").status_code == 405
    assert httpx.get(f"{shared.url}/other").status_code == 404
    assert httpx.get(f"{shared.url}/health").json() == {"kafka": "connected"}
    assert httpx.get(f"{shared.url}/openapi.json").json()["openapi"] == "3.1.0"
    assert "事件类型" in httpx.get(f"{shared.url}/").text


def test_a_request_broken_off_harms_nobody(shared: Server) -> None:
    host, _, port = shared.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer app-token\r\nContent-Length: 1000\r\n"
            b"Content-Type: application/cloudevents+json\r\n\r\n{"
        )
    assert shared.post(event(5000)).status_code == 202
    assert shared.ids().count("5000") == 1


def test_every_202_is_on_the_topic_while_the_broker_stalls_and_clients_retry(
    server: Server, broker: local_kafka.Broker
) -> None:
    stop = threading.Event()

    def stall() -> None:
        while not stop.is_set():
            os.kill(broker.pid, signal.SIGSTOP)
            time.sleep(3)
            os.kill(broker.pid, signal.SIGCONT)
            stop.wait(1.5)

    accepted: list[str] = []
    told: list[int] = []
    stalls = threading.Thread(target=stall)
    stalls.start()
    try:
        with ThreadPoolExecutor(16) as pool:
            for ids, statuses in pool.map(lambda sender: send_with_retries(server, sender), range(16)):
                accepted += ids
                told += statuses
    finally:
        stop.set()
        stalls.join()
    assert len(accepted) == 16 * 40 * 5
    assert set(accepted) == set(server.ids())
    assert 503 in told, "the stalls were too short to matter"
    assert set(told) <= {202, 503}


def send_with_retries(server: Server, sender: int) -> tuple[list[str], list[int]]:
    """Forty small batches, each sent until it is taken; the ids taken, and every answer."""
    accepted, told = [], []
    headers = {"content-type": BATCH, "authorization": "Bearer app-token"}
    with httpx.Client(timeout=60) as client:
        for batch in range(40):
            events = [event(f"{sender}-{batch}-{n}") for n in range(5)]
            for _ in range(60):
                answer = client.post(f"{server.url}/events", content=json.dumps(events), headers=headers)
                told.append(answer.status_code)
                if answer.status_code == 202:
                    accepted += [one["id"] for one in events]
                    break
                time.sleep(random.uniform(0.1, 0.5))
    return accepted, told


def test_stopping_finishes_what_is_under_way(server: Server) -> None:
    accepted: list[str] = []

    def send(sender: int) -> None:
        for number in range(10_000):
            one = f"{sender}-{number}"
            try:
                if server.post(event(one)).status_code == 202:
                    accepted.append(one)
            except httpx.HTTPError:
                return

    senders = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    until = time.monotonic() + 30
    while len(accepted) < 20 and time.monotonic() < until:
        time.sleep(0.05)
    server.process.send_signal(signal.SIGTERM)
    for sender in senders:
        sender.join()
    assert server.process.wait(30) == 0
    assert len(accepted) >= 20
    assert set(accepted) <= set(server.ids())


def gateway(settings: Settings, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(app, ["gateway", *arguments])


def test_a_token_and_its_entry(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    result = gateway(kafka_settings, "token", '街道 "app"', monkeypatch=monkeypatch)
    assert result.exit_code == 0
    secret = result.stderr.split()[-1]
    assert digest_of(secret) in result.stdout and secret not in result.stdout
    assert 'name = "街道 \\"app\\""' in result.stdout


def test_mistakes_at_the_start_are_told(
    kafka_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = tmp_path / "clients.toml"
    result = gateway(kafka_settings, "--clients", str(clients), monkeypatch=monkeypatch)
    assert result.exit_code == 2 and "gridrates gateway token" in result.stderr
    clients.write_text(CLIENTS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = gateway(kafka_settings, "--clients", str(clients), "--port", port, monkeypatch=monkeypatch)
    assert result.exit_code == 3 and f"cannot listen on 127.0.0.1:{port}" in result.stderr
    away = kafka_settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
    result = gateway(away, "--clients", str(clients), "--port", "0", monkeypatch=monkeypatch)
    assert result.exit_code == 3 and "does not answer" in result.stderr
