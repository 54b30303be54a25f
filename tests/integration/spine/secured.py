"""A broker with a port for every way to be right or wrong, for tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kafka.admin import UserScramCredentialUpsertion

from deploy import local_kafka
from deploy.files import write_json
from deploy.network import choose_port
from gridrates.kafka import admin
from gridrates.settings import Settings
from tests.integration.spine.certificates import Authority

USER, PASSWORD = "street", "open sesame"
LISTENERS = ("LOGIN", "CLIENTS", "EXPIRED", "OTHER")


class Secured:
    """A broker that asks for passwords on one port and for certificates on another. All users have one
    password; who comes by the port PLAINTEXT is not asked.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "authority")
        self.ports = {name: choose_port(None, None, "") for name in ("PLAINTEXT", "CONTROLLER", *LISTENERS)}
        stranger = Authority(folder, "stranger")
        self.files = {
            "client": self.authority.issue("client"),
            "stranger": stranger.file,
            "strange": stranger.issue("strange"),
            "locked": self.authority.issue("locked", password="secret"),
        }
        (folder / "kafka").mkdir()
        node = {"port": self.ports["PLAINTEXT"], "controller_port": self.ports["CONTROLLER"]}
        write_json(folder / "kafka" / "node.json", node)

    def start(self, *users: str, properties: Mapping[str, str] | None = None) -> None:
        """Start it, and let in `users`. `properties` are the broker's, besides those of the ports."""
        local_kafka.start(self.folder, properties=self._properties() | dict(properties or {}))
        with admin(Settings(kafka_bootstrap_servers=self.address("PLAINTEXT"))) as client:
            for user in users:
                for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):  # a user once a request
                    upsertion = UserScramCredentialUpsertion(user, mechanism, PASSWORD)
                    client.alter_user_scram_credentials([upsertion])

    def address(self, name: str) -> str:
        """Where a port is."""
        return f"127.0.0.1:{self.ports[name]}"

    @contextmanager
    def paused(self) -> Iterator[None]:
        """For the length of a block the broker takes connections and says nothing."""
        broker = local_kafka.find(self.folder)
        assert broker is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(broker.pid, signal.SIGCONT)

    def _properties(self) -> dict[str, str]:
        certificates = {
            "LOGIN": self.authority.issue("login"),
            "CLIENTS": self.authority.issue("clients"),
            "EXPIRED": self.authority.issue("expired", valid_days=-1),
            "OTHER": self.authority.issue("other", host="other.example"),
        }
        protocols = {"CONTROLLER": "PLAINTEXT", "PLAINTEXT": "PLAINTEXT", "LOGIN": "SASL_SSL"}
        protocols |= dict.fromkeys(("CLIENTS", "EXPIRED", "OTHER"), "SSL")
        listeners = {name: f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()}
        found = {
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(v for n, v in listeners.items() if n != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in protocols.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.file),
            "listener.name.clients.ssl.client.auth": "required",
        }
        for mechanism in ("scram-sha-256", "scram-sha-512"):
            name = f"listener.name.login.{mechanism}.sasl.jaas.config"
            found[name] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        for listener, file in certificates.items():
            found[f"listener.name.{listener.lower()}.ssl.keystore.type"] = "PEM"
            found[f"listener.name.{listener.lower()}.ssl.keystore.location"] = str(file)
        return found
