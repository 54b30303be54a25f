"""Settings: who wins, and what is said when they are wrong."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from gridrates.errors import InputError
from gridrates.settings import CONFIG_VARIABLE, Settings, load_settings

VARIABLE = "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS"


@pytest.fixture
def file() -> Path:
    """The settings file in force; empty."""
    return Path(os.environ[CONFIG_VARIABLE])


def test_arguments_win_over_the_environment_and_that_over_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().topic == "case-events"
    file.write_text('topic = "of-the-file"\nprofile = "of-the-file"\nduckdb_threads = 3\n')
    monkeypatch.setenv("GRIDRATES_TOPIC", "of-the-environment")
    monkeypatch.setenv("GRIDRATES_PROFILE", "of-the-environment")
    settings = load_settings(profile="of-an-argument", home=None)
    assert (settings.profile, settings.topic, settings.duckdb_threads) == (
        "of-an-argument",
        "of-the-environment",
        3,
    )
    assert settings.home == Path(".gridrates")


def test_without_a_name_the_file_is_the_one_of_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE)
    monkeypatch.chdir(tmp_path)
    assert load_settings().topic == "case-events"
    (tmp_path / "gridrates.toml").write_text('topic = "here"\n')
    assert load_settings().topic == "here"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text('kafka_bootstrap_servers = "of-the-file:9092"\n')
    monkeypatch.setenv(VARIABLE, "")
    assert load_settings().kafka_bootstrap_servers == "of-the-file:9092"


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("127.0.0.1:9092", "127.0.0.1:9092"),
        ("kafka-1.example:9092, kafka-2.example:9093", "kafka-1.example:9092,kafka-2.example:9093"),
        ("[::1]:9092", "[::1]:9092"),
    ],
)
def test_addresses(text: str, servers: str) -> None:
    assert Settings(kafka_bootstrap_servers=text).kafka_bootstrap_servers == servers


@pytest.mark.parametrize(
    "text", ["kafka", "kafka:port", ":9092", "kafka:9092,", "http://kafka:9092", "a b:1"]
)
def test_what_is_no_address_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(InputError, match=r"kafka_bootstrap_servers.* is not host:port"):
        load_settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'topik = "x"\nduckdb_threads = 0\n', ["topik", "duckdb_threads"]),
        (b"topic: case-events\n", ["cannot be read", "line 1"]),
        (b'topic = "\xb0\xd9\xb9\xd9"\n', ["cannot be read", "utf-8"]),
    ],
)
def test_what_is_wrong_with_the_file_is_said(file: Path, content: bytes, said: list[str]) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_settings()
    assert caught.value.remedy
    for words in said:
        assert words in caught.value.message
    assert caught.value.message.count("\n") == 0


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_file_that_is_named_must_be_there(file: Path, is_folder: bool) -> None:
    file.unlink()
    if is_folder:
        file.mkdir()
    with pytest.raises(InputError, match=f"no settings file .*, which {CONFIG_VARIABLE} names"):
        load_settings()


def test_secrets_come_from_the_environment_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDRATES_KAFKA_PASSWORD", "hunter2")
    assert "hunter2" not in repr(load_settings())
    file.write_text('kafka_password = "hunter2"\n')
    with pytest.raises(InputError, match="kafka_password: only the environment may") as caught:
        load_settings()
    assert "GRIDRATES_KAFKA_PASSWORD" in caught.value.remedy


@pytest.mark.parametrize("size", ["4GB", "512 MiB", "1.5g", " 2tb "])
def test_a_size_of_memory_is_taken_as_duckdb_takes_it(size: str) -> None:
    with duckdb.connect(config={"memory_limit": load_settings(duckdb_memory_limit=size).duckdb_memory_limit}):
        pass


@pytest.mark.parametrize("size", ["x", "4", "80%", "GB", "4 gigs", "-1"])
def test_what_is_no_size_of_memory_is_refused_whoever_wants_it(size: str) -> None:
    with pytest.raises(InputError, match="is not a size such as 4GB"):
        load_settings(duckdb_memory_limit=size)
