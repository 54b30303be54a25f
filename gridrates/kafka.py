"""Kafka clients, made in one place so that addresses, security and time-outs are the same everywhere.

The broker is the one in the settings, else the local one that `gridrates dev up` noted in
`<home>/kafka/broker.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource
from kafka.errors import (
    BrokerResponseError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from gridrates.errors import ServiceUnavailable
from gridrates.kafka_security import denial, refusal, security_options
from gridrates.settings import Settings

DEFAULT_LARGEST_MESSAGE = 1_048_588

C = TypeVar("C")


def landing_group(topic: str) -> str:
    """The consumer group that is told how far `topic` has been landed: a hint, never the truth."""
    return f"gridrates-lander-{topic}"


def broker_file(settings: Settings) -> Path:
    """Where `gridrates dev up` notes the local broker's address and process."""
    return settings.home_dir / "kafka" / "broker.json"


def bootstrap_servers(settings: Settings) -> str:
    """The broker's address. Raises ServiceUnavailable when none is configured and none was started."""
    if settings.kafka_bootstrap_servers:
        return settings.kafka_bootstrap_servers
    try:
        return str(json.loads(broker_file(settings).read_text())["bootstrap_servers"])
    except (OSError, ValueError, KeyError) as error:
        raise ServiceUnavailable(
            f"No Kafka broker is known: none is configured and none was started under {settings.home_dir}.",
            remedy="Start one with `gridrates dev up`, or set GRIDRATES_KAFKA_BOOTSTRAP_SERVERS.",
        ) from error


def client_options(settings: Settings) -> dict[str, Any]:
    """Options every client shares."""
    milliseconds = int(settings.kafka_timeout_seconds * 1000)
    options: dict[str, Any] = {
        "bootstrap_servers": bootstrap_servers(settings).split(","),
        "request_timeout_ms": milliseconds,
        "bootstrap_timeout_ms": milliseconds,
        # The default waits up to half a minute after a broker is back.
        "reconnect_backoff_max_ms": 1000,
    }
    return options | security_options(settings)


def unreachable(settings: Settings, error: Exception) -> ServiceUnavailable:
    """The error to raise when the broker does not answer, or does not let us in."""
    if denied := denial(error):
        return denied
    if refused := refusal(settings, bootstrap_servers(settings), error):
        return refused
    # kafka-python's own errors begin with their name.
    name = type(error).__name__
    said = f"{name}: {str(error).removeprefix(f'{name}: ')}".removesuffix(".")
    return ServiceUnavailable(
        f"Kafka at {bootstrap_servers(settings)} does not answer ({said}).",
        remedy="Check `gridrates dev status`, or the address in GRIDRATES_KAFKA_BOOTSTRAP_SERVERS.",
    )


def connect(kind: Callable[..., C], **options: Any) -> C:
    """Make a client of kafka-python's. Raises KafkaError, and then leaves no thread behind.

    Left to itself, a client that cannot reach a broker raises and forgets the thread it had started.
    """
    started: list[Any] = []

    def network(**configuration: Any) -> Any:
        started.append(KafkaConsumer.DEFAULT_CONFIG["kafka_client"](**configuration))
        return started[-1]

    try:
        return kind(kafka_client=network, **options)
    except KafkaError:
        for each in started:
            each.close()
        raise


def _connect(settings: Settings, kind: Callable[..., C], **options: Any) -> C:
    try:
        return connect(kind, **(client_options(settings) | options))
    except KafkaError as error:
        raise unreachable(settings, error) from error


def describe_topic(client: KafkaAdminClient, topic: str) -> dict[str, Any]:
    """What the broker says of a topic, `error_code` too. Raises KafkaError, also for one we may not see."""
    (described,) = client.describe_topics([topic])
    if described["error_code"] == TopicAuthorizationFailedError.errno:
        raise TopicAuthorizationFailedError(topic)
    return dict(described)


def topic_identity(settings: Settings, topic: str) -> str:
    """What tells a topic from another of its name: Kafka's own id, else where it is.

    Raises ServiceUnavailable.
    """
    client = admin(settings)
    try:
        described = describe_topic(client, topic)
    except KafkaError as error:
        raise unreachable(settings, error) from error
    finally:
        client.close()
    return str(described["topic_id"] or f"{bootstrap_servers(settings)}/{topic}")


def admin(settings: Settings) -> KafkaAdminClient:
    """An admin client. Raises ServiceUnavailable."""
    return _connect(settings, KafkaAdminClient)


def consumer(settings: Settings, **options: Any) -> KafkaConsumer:
    """A consumer that commits nothing by itself and creates no topic. Raises ServiceUnavailable."""
    defaults: dict[str, Any] = {
        "enable_auto_commit": False,
        "allow_auto_create_topics": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
    }
    return _connect(settings, KafkaConsumer, **(defaults | options))


def producer(settings: Settings, **options: Any) -> KafkaProducer:
    """An idempotent producer that waits for all replicas. Raises ServiceUnavailable."""
    defaults: dict[str, Any] = {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "lz4",
        "linger_ms": 20,
        "batch_size": 256 * 1024,
    }
    return _connect(settings, KafkaProducer, **(defaults | options))


def ensure_topic(settings: Settings, topic: str, *, compacted: bool = False) -> None:
    """Create `topic` if it is missing; leave an existing one as it is. Raises ServiceUnavailable.

    Looks first, so that who may not create topics can still use one that is there.
    """
    options = {
        "num_partitions": settings.topic_partitions,
        "replication_factor": settings.replication_factor,
        "configs": {"cleanup.policy": "compact"} if compacted else {},
    }
    client = admin(settings)
    try:
        if describe_topic(client, topic)["error_code"]:
            (made,) = client.create_topics({topic: options}, raise_errors=False)["topics"]
            # Somebody else may have been quicker.
            if made["error_code"] not in (0, TopicAlreadyExistsError.errno):
                raise ServiceUnavailable(
                    f"Kafka did not create the topic {topic}: {made['error_message']}".rstrip(".") + ".",
                    remedy="Create it by hand, or mend `topic`, `topic_partitions` or `replication_factor`.",
                )
            client.wait_for_topics([topic])
    except KafkaError as error:
        raise unreachable(settings, error) from error
    finally:
        client.close()


def largest_message(settings: Settings, topic: str) -> int:
    """The bytes of the largest record batch that `topic` takes. Raises ServiceUnavailable.

    Kafka's default when we are not allowed to ask.
    """
    name = "max.message.bytes"
    client = admin(settings)
    try:
        found = client.describe_configs([ConfigResource("TOPIC", topic, [name])], config_filter="all")
        return int(found["topic"][topic][name]["value"])
    except (BrokerResponseError, KeyError):
        return DEFAULT_LARGEST_MESSAGE
    except KafkaError as error:
        raise unreachable(settings, error) from error
    finally:
        client.close()
