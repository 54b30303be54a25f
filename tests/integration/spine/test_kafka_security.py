"""A real broker lets in who proves it, by password or certificate; and what is said when they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import UserScramCredentialUpsertion

from deploy import local_kafka
from deploy.files import write_json
from deploy.network import choose_port
from gridrates.kafka import admin
from gridrates.lag import read_partitions
from gridrates.settings import Settings
from tests.integration.cli.commandline import CommandLine
from tests.integration.spine.certificates import Authority
from tests.integration.warehouse.topics import publish, run
from tests.landing import payloads

pytestmark = pytest.mark.full
USER, PASSWORD = "street", "open sesame"
LISTENERS = ("LOGIN", "CLIENTS", "EXPIRED", "OTHER")


class Secured:
    """A broker with a port for every way to be right or wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder, "authority")
        self.ports = {name: choose_port(None, None, "") for name in ("PLAINTEXT", "CONTROLLER", *LISTENERS)}
        self.client = self.authority.issue("client")
        (folder / "kafka").mkdir()
        node = {"port": self.ports["PLAINTEXT"], "controller_port": self.ports["CONTROLLER"]}
        write_json(folder / "kafka" / "node.json", node)

    def start(self) -> None:
        local_kafka.start(self.folder, properties=self._properties())
        mechanisms = ("SCRAM-SHA-256", "SCRAM-SHA-512")
        with admin(Settings(kafka_bootstrap_servers=self.address("PLAINTEXT"))) as client:
            for mechanism in mechanisms:  # the broker takes a user once a request
                upsertion = UserScramCredentialUpsertion(USER, mechanism, PASSWORD)
                client.alter_user_scram_credentials([upsertion])

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

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


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"))
    made.start()
    yield made
    local_kafka.stop(made.folder)


@pytest.fixture
def reaching(secured: Secured, settings: Settings, tmp_path: Path) -> Callable[..., Settings]:
    """Settings for one of the ports, with the right authority unless another is named."""

    def made(port: str, **more: Any) -> Settings:
        changes = {
            "kafka_bootstrap_servers": secured.address(port),
            "kafka_ca_file": secured.authority.file,
            "kafka_timeout_seconds": 4,
            "topic": f"case-events-{tmp_path.name}",
            **more,
        }
        return Settings(**(settings.model_dump(include={"home"}) | changes))

    return made


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_lets_in_producers_and_landing_and_who_watches(
    reaching: Callable[..., Settings], mechanism: str
) -> None:
    login = {
        "kafka_username": USER,
        "kafka_password": PASSWORD,
        "kafka_sasl_mechanism": mechanism,
        "kafka_timeout_seconds": 20,
    }
    all_of_it(reaching("LOGIN", **login))


def test_a_certificate_lets_in(secured: Secured, reaching: Callable[..., Settings]) -> None:
    all_of_it(reaching("CLIENTS", kafka_certificate_file=secured.client, kafka_timeout_seconds=20))


def all_of_it(settings: Settings) -> None:
    publish(settings, payloads(20))
    # The first landing also makes the broker set up its groups, which takes it a while.
    assert run(settings).landed == 20
    assert read_partitions(settings)


def test_what_is_wrong_is_said_in_one_paragraph_with_its_remedy(
    secured: Secured, reaching: Callable[..., Settings], tmp_path: Path
) -> None:
    stranger = Authority(secured.folder, "stranger")
    user = {"kafka_username": USER}
    locked = secured.authority.issue("locked", password="secret")
    strange = reaching("CLIENTS", kafka_certificate_file=stranger.issue("strange"))
    wrong: list[tuple[Settings, str, int, str, str]] = [
        (reaching("LOGIN", **user), "wrong", 3, USER, "GRIDRATES_KAFKA_PASSWORD"),
        (reaching("LOGIN", **user, kafka_ca_file=stranger.file), PASSWORD, 3, "certificate", "kafka_ca_file"),
        (reaching("EXPIRED"), "", 3, "expired", "Renew"),
        (reaching("OTHER"), "", 3, "127.0.0.1", "kafka_bootstrap_servers"),
        (reaching("CLIENTS"), "", 3, "certificate", "kafka_certificate_file"),
        (strange, "", 3, "certificate", "kafka_certificate_file"),
        (reaching("PLAINTEXT"), "", 3, "No secured connection", "no TLS"),
        (reaching("LOGIN", **user), "", 2, "no password", "GRIDRATES_KAFKA_PASSWORD"),
        (reaching("LOGIN", kafka_ca_file=Path("none.pem")), "", 2, "none.pem", "kafka_ca_file"),
        (reaching("CLIENTS", kafka_certificate_file=Path(__file__)), "", 2, "not PEM", "openssl"),
        (reaching("CLIENTS", kafka_certificate_file=locked), "", 2, "cannot be used", "KEY_PASSWORD"),
    ]
    for settings, password, code, said, remedy in wrong:
        ended = CommandLine(tmp_path, settings)("land", GRIDRATES_KAFKA_PASSWORD=password)
        ended.refused(code, said, remedy)
