"""The rights that docs/kafka-security.md lists are enough; without them it is said which one is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from deploy import local_kafka
from gridrates.errors import ServiceUnavailable
from gridrates.kafka import admin, ensure_topic
from gridrates.lag import read_partitions
from gridrates.settings import Settings
from tests.integration.spine.secured import PASSWORD, Secured
from tests.integration.warehouse.topics import publish, run
from tests.landing import payloads

pytestmark = pytest.mark.full
PAGE = Path(__file__).parents[3] / "docs" / "kafka-security.md"
PRODUCER, WAREHOUSE, STRANGER = "street-app", "gridrates", "stranger"
USERS = {"a producer": PRODUCER, "the warehouse": WAREHOUSE}
ENFORCED = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("secured"))
    made.start(PRODUCER, WAREHOUSE, STRANGER, properties=ENFORCED)
    anybody = Settings(kafka_bootstrap_servers=made.address("PLAINTEXT"))
    for topic in (anybody.topic, anybody.dead_letter_topic):
        ensure_topic(anybody, topic)
    with admin(anybody) as client:
        assert not client.create_acls(documented())["failed"]
    yield made
    local_kafka.stop(made.folder)


def publish_one(settings: Settings) -> None:
    publish(settings, payloads(1))


def documented() -> list[ACL]:
    """The rules of the page's table."""
    found, user = [], ""
    for row in re.findall(r"^\| (.*?) *\| (.*?) *\| (.*?) *\|$", PAGE.read_text(), re.MULTILINE):
        who, resource, operations = row
        user = USERS.get(who, user)
        named = re.fullmatch(r"(topic|group|transactional id) `(\S+)`( \(prefix\))?", resource)
        if named:
            kind = ResourceType[named[1].upper().replace(" ", "_")]
            pattern = ACLResourcePatternType.PREFIXED if named[3] else ACLResourcePatternType.LITERAL
            found += [
                ACL(
                    f"User:{user}", "*", ACLOperation[re.sub("(?<=[a-z])(?=[A-Z])", "_", each).upper()],
                    ACLPermissionType.ALLOW, ResourcePattern(kind, named[2], pattern),
                )
                for each in operations.split(", ")
            ]  # fmt: skip
    return found


@pytest.fixture
def as_user(secured: Secured, settings: Settings) -> Callable[[str], Settings]:
    """The settings of a user, with a warehouse of the test's own."""

    def made(user: str) -> Settings:
        return Settings(
            home=settings.home,
            kafka_bootstrap_servers=secured.address("LOGIN"),
            kafka_ca_file=secured.authority.file,
            kafka_username=user,
            kafka_password=PASSWORD,
            kafka_timeout_seconds=20,
        )

    return made


def test_the_documented_rights_are_enough_to_produce_and_to_land(as_user: Callable[[str], Settings]) -> None:
    publish(as_user(PRODUCER), [*payloads(20), b"["])
    warehouse = as_user(WAREHOUSE)
    summary = run(warehouse)
    assert (summary.landed, summary.rejected, summary.mirrored) == (20, 1, 1)
    assert sum(each.landed or 0 for each in read_partitions(warehouse, with_oldest=True)) == 21


@pytest.mark.parametrize(
    ("user", "what", "said"),
    [
        (STRANGER, publish_one, "topic case-events"),
        (STRANGER, run, "topic case-events"),
        (PRODUCER, run, "group gridrates-lander-case-events"),
        (WAREHOUSE, publish_one, "topic case-events"),
    ],
)
def test_a_right_that_is_missing_is_named(
    as_user: Callable[[str], Settings], user: str, what: Callable[[Settings], Any], said: str
) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        what(as_user(user))
    assert said in caught.value.message
    assert "docs/kafka-security.md" in caught.value.remedy
