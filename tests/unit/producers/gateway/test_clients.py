"""Who may send what, and how much."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.events import check
from gridrates.errors import InputError
from producers.gateway.clients import EXAMPLE, Allowance, Client, digest_of, load_clients, new_token

DIGEST = digest_of("secret")
CLIENT = f'[[client]]\nname = "a"\ntoken_sha256 = "{DIGEST}"\nsources = ["310101/*"]\n'


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def event(source: str, event_type: str = "gridrates.case.filed.v1") -> object:
    return check(
        {"specversion": "1.0", "id": "1", "source": source, "type": event_type, "subject": "c"}
        | {"time": "2026-05-01T08:00:00Z", "data": {"activity_kind": "patrol"}}
    )


def test_a_client_is_found_by_its_token(tmp_path: Path) -> None:
    clients = load_clients(written(tmp_path / "c.toml", CLIENT))
    found = clients.by_token("secret")
    assert found is not None and found.name == "a"
    for wrong in ("", "Secret", "secret ", DIGEST, "秘密", "\udcff"):
        assert clients.by_token(wrong) is None


def test_the_example_is_a_good_file(tmp_path: Path) -> None:
    token, digest = new_token()
    clients = load_clients(written(tmp_path / "c.toml", EXAMPLE.format(name='"街道"', digest=digest)))
    found = clients.by_token(token)
    assert found is not None and found.name == "街道" and found.events_per_second == 200


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token()[0] for _ in range(100)}
    assert len(tokens) == 100 and min(map(len, tokens)) >= 40


@pytest.mark.parametrize(
    ("source", "event_type", "may"),
    [
        ("310101/app", "gridrates.case.filed.v1", True),
        ("310101/", "gridrates.case.closed.v1", True),
        ("310102/app", "gridrates.case.filed.v1", False),
        ("310101", "gridrates.case.filed.v1", False),
        ("x310101/app", "gridrates.case.filed.v1", False),
        ("310101/app", "gridrates.activity.recorded.v1", False),
    ],
)
def test_sources_and_types_are_patterns(source: str, event_type: str, may: bool) -> None:
    client = Client(name="a", token_sha256=DIGEST, sources=["310101/*"], types=["gridrates.case.*"])
    assert client.may_send(event(source, event_type)) is may  # type: ignore[arg-type]


def test_patterns_know_case() -> None:
    client = Client(name="a", token_sha256=DIGEST, sources=["App"])
    assert client.may_send(event("App")) and not client.may_send(event("app"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "client: Field required"),
        ("client = []", "client: List should have at least 1 item"),
        ("[[client]]\nname = 'a'", "client.0.token_sha256: Field required; client.0.sources: Field required"),
        (CLIENT.replace(DIGEST, "secret"), "client.0.token_sha256: String should match pattern"),
        (CLIENT + "token = 'secret'", "client.0.token: Extra inputs are not permitted"),
        (CLIENT + "events_per_second = 0", "client.0.events_per_second: Input should be greater than 0"),
        (CLIENT + CLIENT, "two clients have the same name"),
        (CLIENT + CLIENT.replace('"a"', '"b"'), "two clients have the same token_sha256"),
        ("[[client]", "is not TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_clients(written(tmp_path / "c.toml", text))
    assert message in caught.value.message and "c.toml" in caught.value.message


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gridrates gateway token"):
        load_clients(tmp_path / "none.toml")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_allowance_fills_at_its_rate() -> None:
    clock = Clock()
    allowance = Allowance(10, clock)
    assert [allowance.take(10) for _ in range(3)] == [0, 0, 1], "two seconds' worth at once"
    clock.now += 1
    assert allowance.take(10) == 0
    assert allowance.take(1) == 1
    clock.now += 1000
    assert [allowance.take(10) for _ in range(3)] == [0, 0, 1], "it holds no more than two seconds' worth"


def test_a_large_request_is_let_in_and_paid_for() -> None:
    clock = Clock()
    allowance = Allowance(10, clock)
    assert allowance.take(70) == 0
    assert allowance.take(1) == 5
    clock.now += 4
    assert allowance.take(1) == 1
    clock.now += 1.1
    assert allowance.take(1) == 0
