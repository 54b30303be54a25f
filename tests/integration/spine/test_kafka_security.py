"""A real broker lets in who proves it, by password or certificate; and what is said when they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import local_kafka
from gridrates.lag import read_partitions
from gridrates.settings import Settings
from tests.integration.cli.commandline import CommandLine, Ended
from tests.integration.spine.secured import PASSWORD, USER, Secured
from tests.integration.warehouse.topics import publish, run
from tests.landing import payloads

pytestmark = pytest.mark.full
LOGIN, CERTIFIED = {"kafka_username": USER}, {"kafka_certificate_file": "client"}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"))
    made.start(USER)
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
    all_of_it(reaching("CLIENTS", kafka_certificate_file=secured.files["client"], kafka_timeout_seconds=20))


def all_of_it(settings: Settings) -> None:
    publish(settings, payloads(20))
    # The first landing also makes the broker set up its groups, which takes it a while.
    assert run(settings).landed == 20
    assert read_partitions(settings)


def land(folder: Path, settings: Settings, password: str = "") -> Ended:
    """What `gridrates land` says of a connection that is not made."""
    return CommandLine(folder, settings)("land", GRIDRATES_KAFKA_PASSWORD=password)


@pytest.mark.parametrize(
    ("port", "changes", "password", "said", "remedy"),
    [
        ("LOGIN", LOGIN, "wrong", f"the user {USER} was not let in", "GRIDRATES_KAFKA_PASSWORD"),
        ("LOGIN", {"kafka_username": "nobody"}, PASSWORD, "the user nobody was not let in", "USERNAME"),
        ("LOGIN", LOGIN | {"kafka_ca_file": "stranger"}, PASSWORD, "certificate", "kafka_ca_file"),
        ("LOGIN", {}, "", "ends the connection", "Where the port is for logins"),
        ("CLIENTS", LOGIN | CERTIFIED, PASSWORD, "nobody logs in at this port", "the port for logins"),
        ("CLIENTS", {}, "", "certificate required", "kafka_certificate_file"),
        ("CLIENTS", {"kafka_certificate_file": "strange"}, "", "alert", "kafka_certificate_file"),
        ("EXPIRED", {}, "", "certificate has expired", "Renew"),
        ("OTHER", {}, "", "not valid for '127.0.0.1'", "kafka_bootstrap_servers"),
        ("PLAINTEXT", {}, "", "No secured connection", "The port speaks no TLS"),
    ],
)
def test_what_the_broker_refuses_is_said_with_its_remedy(
    secured: Secured,
    reaching: Callable[..., Settings],
    tmp_path: Path,
    port: str,
    changes: dict[str, str],
    password: str,
    said: str,
    remedy: str,
) -> None:
    named = {key: secured.files.get(value, value) for key, value in changes.items()}
    land(tmp_path, reaching(port, **named), password).refused(3, said, remedy)


@pytest.mark.parametrize(
    ("changes", "said", "remedy"),
    [
        (LOGIN, f"no password for the Kafka user {USER}", "GRIDRATES_KAFKA_PASSWORD"),
        ({"kafka_ca_file": Path("none.pem")}, "none.pem cannot be read", "kafka_ca_file"),
        ({"kafka_certificate_file": Path(__file__)}, "not PEM", "openssl"),
        ({"kafka_certificate_file": "locked"}, "cannot be used", "GRIDRATES_KAFKA_KEY_PASSWORD"),
    ],
)
def test_what_is_missing_here_is_said_before_anybody_is_asked(
    secured: Secured,
    reaching: Callable[..., Settings],
    tmp_path: Path,
    changes: dict[str, Any],
    said: str,
    remedy: str,
) -> None:
    named = {key: secured.files.get(value, value) for key, value in changes.items()}
    land(tmp_path, reaching("CLIENTS", **named)).refused(2, said, remedy)


def test_a_slow_broker_is_not_taken_for_one_that_refuses(
    secured: Secured, reaching: Callable[..., Settings], tmp_path: Path
) -> None:
    with secured.paused():
        ended = land(tmp_path, reaching("LOGIN", **LOGIN), PASSWORD)
    ended.refused(3, "does not answer", "gridrates dev status")
