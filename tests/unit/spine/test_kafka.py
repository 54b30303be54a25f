"""Kafka clients that cannot reach a broker say so, and leave nothing running."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from kafka.errors import GroupAuthorizationFailedError

from gridrates import kafka
from gridrates.errors import ServiceUnavailable
from gridrates.settings import Settings


@pytest.fixture(params=["nobody listens", "somebody is silent"])
def unreachable(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if request.param == "nobody listens":
            server.close()
        yield settings.model_copy(
            update={"kafka_bootstrap_servers": f"127.0.0.1:{port}", "kafka_timeout_seconds": 0.2}
        )


@pytest.mark.parametrize("make", [kafka.admin, kafka.consumer, kafka.producer])
def test_a_client_without_a_broker_leaves_no_thread(
    unreachable: Settings, make: Callable[[Settings], object]
) -> None:
    before = threading.active_count()
    with pytest.raises(ServiceUnavailable, match=f"{unreachable.kafka_bootstrap_servers} does not answer"):
        make(unreachable)
    assert threading.active_count() == before


def test_without_any_address_the_remedy_names_both_ways(settings: Settings) -> None:
    with pytest.raises(ServiceUnavailable) as raised:
        kafka.bootstrap_servers(settings)
    assert "gridrates dev up" in raised.value.remedy
    assert "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS" in raised.value.remedy


def test_what_is_forbidden_is_named_with_where_the_rights_are_listed(settings: Settings) -> None:
    told = kafka.unreachable(settings, GroupAuthorizationFailedError("gridrates-lander-case-events"))
    assert told.message == "Kafka denies us access to what was asked for: group gridrates-lander-case-events."
    assert "docs/kafka-security.md" in told.remedy
