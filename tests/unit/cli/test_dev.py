"""The settings reach the processes of the local stack whole, and secrets do not travel twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridrates.cli.dev import LOCAL, environment
from gridrates.settings import Settings, load_settings


def received(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Settings:
    """What a process elsewhere makes of the variables."""
    monkeypatch.chdir("/")
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_every_setting_arrives(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings.model_copy(
        update={
            "kafka_bootstrap_servers": "127.0.0.1:1,127.0.0.1:2",
            "topic": "事件",
            "keep_payload": False,
            "topic_partitions": 7,
        }
    )
    expected = chosen.model_copy(update=LOCAL)
    assert received(monkeypatch, chosen).model_dump() == expected.model_dump()


def test_a_choice_wins_over_what_suits_a_local_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(home=tmp_path, wake_settle_seconds=60, lock_timeout_seconds=0)
    arrived = received(monkeypatch, chosen)
    assert (arrived.wake_settle_seconds, arrived.lock_timeout_seconds) == (60, 0)


def test_places_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "我的街道").mkdir()
    (tmp_path / "我的街道" / "profile.yaml").write_text("name_zh: 街道\n")
    sent = environment(Settings(home=Path("here"), profile="我的街道"))
    assert sent["GRIDRATES_HOME"] == str(tmp_path / "here")
    assert sent["GRIDRATES_PROFILE"] == str(tmp_path / "我的街道")


def test_a_shipped_profile_goes_by_its_name(settings: Settings) -> None:
    assert environment(settings)["GRIDRATES_PROFILE"] == "demo-street"


def test_the_password_is_not_copied(settings: Settings) -> None:
    with_password = Settings(home=settings.home, kafka_username="u", kafka_password="secret")
    sent = environment(with_password)
    assert sent["GRIDRATES_KAFKA_USERNAME"] == "u"
    assert not any("secret" in value or "***" in value for value in sent.values())
