"""Brokers that a test may kill: one by itself, or three that keep three copies of everything."""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kafka.errors import KafkaError

from deploy import local_kafka
from deploy.files import write_json
from gridrates.errors import ServiceUnavailable
from gridrates.kafka import admin
from gridrates.settings import Settings
from tests.integration.warehouse.topics import wait_for

HOST = "127.0.0.1"


class Brokers:
    """Brokers by number, from 1 on, each with a home of its own below `folder`. A context manager."""

    def __init__(self, folder: Path, count: int = 1) -> None:
        self._homes = {number: folder / f"broker-{number}" for number in range(1, count + 1)}
        self._ports = {number: (free_port(), free_port()) for number in self._homes}
        self._running: dict[int, local_kafka.Broker] = {}

    def __enter__(self) -> Brokers:
        for home in self._homes.values():
            (home / "kafka").mkdir(parents=True)
            write_json(home / "kafka" / "node.json", {"cluster_id": "Z3JpZHJhdGVzLXRlc3RzMQ"})
        try:
            # A quorum answers only when most of it is there: so all at once.
            with ThreadPoolExecutor(len(self._homes)) as pool:
                list(pool.map(self.start, self._homes))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for home in self._homes.values():
            local_kafka.stop(home)

    @property
    def bootstrap_servers(self) -> str:
        """All addresses."""
        return ",".join(f"{HOST}:{port}" for port, _ in self._ports.values())

    def start(self, number: int) -> None:
        """Start a broker, or start it again on its ports."""
        port, controller_port = self._ports[number]
        copies = str(len(self._homes))
        properties = {
            "node.id": str(number),
            "controller.quorum.voters": ",".join(f"{n}@{HOST}:{c}" for n, (_, c) in self._ports.items()),
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "min.insync.replicas": str(min(2, len(self._homes))),
            # A broker that died is noticed in seconds.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
        }
        self._running[number] = local_kafka.start(self._homes[number], port=port, properties=properties)

    def kill(self, number: int) -> None:
        """Kill a broker, as by `kill -9`."""
        process = self._running.pop(number)
        os.kill(process.pid, signal.SIGKILL)
        wait_for(lambda: not process.daemon.is_alive)


def leader_of(settings: Settings, partition: int) -> int:
    """The number of the broker that leads a partition; -1 while none does."""
    return int(partitions(settings).get(partition, {"leader_id": -1})["leader_id"])


def in_sync(settings: Settings) -> int:
    """Of the partition that has fewest, how many copies are in sync."""
    return min((len(each["isr_nodes"]) for each in partitions(settings).values()), default=0)


def partitions(settings: Settings) -> dict[int, Any]:
    """What the cluster says of the topic's partitions; nothing while it does not answer."""
    try:
        with admin(settings) as client:
            (topic,) = client.describe_topics([settings.topic])
    except (KafkaError, ServiceUnavailable):
        return {}
    return {each["partition_index"]: each for each in topic["partitions"]}


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
