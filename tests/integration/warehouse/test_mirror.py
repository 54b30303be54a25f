"""Rejects on the dead-letter topic: all of them, once, with everything that is known of them."""

from __future__ import annotations

import pytest

from gridrates.errors import ServiceUnavailable
from gridrates.kafka import admin, ensure_topic
from gridrates.settings import Settings
from tests.integration.warehouse.topics import changed, counts, publish, query, records, run, send, wait_for
from tests.landing import payload, payloads
from warehouse import mirror as module
from warehouse.live import open_live
from warehouse.mirror import mirror

BAD = (b"[]", b"\xff" * 20, b"{}", payload(time="x"))


def ids(settings: Settings) -> list[int]:
    found = [dict(r.headers)["gridrates-reject-id"] for r in records(settings, settings.dead_letter_topic)]
    return sorted(map(int, found))


def mirror_again(settings: Settings) -> int:
    with open_live(settings, command="test") as connection:
        return mirror(connection, settings)


def test_a_reject_is_mirrored_with_all_that_is_known_of_it(kafka_settings: Settings) -> None:
    send(kafka_settings, payload(), b"\x00\xff", partition=2, headers=[("trace", b"1"), ("raw", b"\xfe")])
    assert run(kafka_settings).mirrored == 1
    (record,) = records(kafka_settings, kafka_settings.dead_letter_topic)
    assert (record.key, record.value) == (b"C-1", b"\x00\xff")
    headers = dict(record.headers)
    assert (headers.pop("trace"), headers.pop("raw")) == (b"1", b"\xfe")
    assert len(headers.pop("gridrates-mirror-id")) == 32
    assert headers.pop("gridrates-rejected-at").startswith(b"20")
    assert headers == {
        "gridrates-reject-id": b"1",
        "gridrates-reason-code": b"not_utf8",
        "gridrates-reason-text": b"Byte 1 is not UTF-8 (invalid start byte).",
        "gridrates-topic": kafka_settings.topic.encode(),
        "gridrates-partition": b"2",
        "gridrates-offset": b"1",
    }


def test_every_reject_is_mirrored_once(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PORTION", 3)
    publish(kafka_settings, [*BAD * 2, *payloads(5)])
    assert run(kafka_settings).mirrored == 8
    assert run(kafka_settings).mirrored == 0
    publish(kafka_settings, BAD)
    assert run(kafka_settings).mirrored == 4
    assert ids(kafka_settings) == list(range(1, 13))


def test_without_rejects_there_is_no_dead_letter_topic(kafka_settings: Settings) -> None:
    publish(kafka_settings, payloads(3))
    assert run(kafka_settings).mirrored == 0
    with admin(kafka_settings) as client:
        assert client.describe_topics([kafka_settings.dead_letter_topic])[0]["error_code"] != 0


def test_what_was_sent_and_not_noted_is_not_sent_again(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a death between the two."""
    publish(kafka_settings, BAD)
    real = module._Mirror._remember

    def die(self: module._Mirror, last_reject_id: int) -> None:
        if last_reject_id:
            raise RuntimeError("on purpose")
        real(self, last_reject_id)

    with monkeypatch.context() as patch:
        patch.setattr(module._Mirror, "_remember", die)
        with pytest.raises(RuntimeError, match="on purpose"):
            run(kafka_settings)
    assert ids(kafka_settings) == [1, 2, 3, 4]
    publish(kafka_settings, BAD[:1])
    assert run(kafka_settings).mirrored == 1
    assert ids(kafka_settings) == [1, 2, 3, 4, 5]


def test_what_a_dead_process_had_begun_to_send_is_not_there(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(kafka_settings, BAD)

    def die(self: module._Mirror, writer, rows, largest) -> None:  # type: ignore[no-untyped-def]
        writer.begin_transaction()
        writer.send(kafka_settings.dead_letter_topic, b"half", key=b"half")
        writer.flush()
        raise RuntimeError("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(module._Mirror, "_send", die)
        with pytest.raises(RuntimeError, match="on purpose"):
            run(kafka_settings)
    assert run(kafka_settings).mirrored == 4
    assert ids(kafka_settings) == [1, 2, 3, 4]


def test_two_warehouses_share_a_dead_letter_topic(kafka_settings: Settings) -> None:
    publish(kafka_settings, BAD)
    run(kafka_settings)
    other = changed(kafka_settings, home=kafka_settings.home.with_name("other"))
    assert run(other).mirrored == 4
    assert ids(kafka_settings) == [1, 1, 2, 2, 3, 3, 4, 4]
    owners = {dict(r.headers)["gridrates-mirror-id"] for r in records(other, other.dead_letter_topic)}
    assert len(owners) == 2


def test_a_record_without_key_and_value_is_mirrored(kafka_settings: Settings) -> None:
    send(kafka_settings, b"", key=None)
    send(kafka_settings, None)
    assert run(kafka_settings).mirrored == 2
    found = [(r.key, r.value) for r in records(kafka_settings, kafka_settings.dead_letter_topic)]
    assert sorted(found, key=str) == [(None, b""), (b"C-1", None)]


def test_a_payload_that_the_topic_does_not_take_stays_in_the_warehouse(kafka_settings: Settings) -> None:
    ensure_topic(kafka_settings, kafka_settings.dead_letter_topic)
    large = b"[" + b"1," * 600_000 + b"1]"
    with admin(kafka_settings) as client:
        from kafka.admin import ConfigResource

        config = ConfigResource("TOPIC", kafka_settings.dead_letter_topic, {"max.message.bytes": "100000"})
        client.alter_configs([config])
    send(kafka_settings, large[:500_000], compression_type=None)
    assert run(kafka_settings).mirrored == 1
    (record,) = records(kafka_settings, kafka_settings.dead_letter_topic)
    assert record.value == b""
    assert dict(record.headers)["gridrates-payload-bytes"] == b"500000"
    assert query(kafka_settings, "SELECT octet_length(payload) FROM raw_rejected_event") == [(500_000,)]


def test_that_it_cannot_be_mirrored_does_not_stop_the_landing(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publish(kafka_settings, [*BAD, *payloads(2)])

    def refuse(*_: object) -> None:
        raise ServiceUnavailable("the dead-letter topic is away")

    with monkeypatch.context() as patch:
        patch.setattr(module, "ensure_topic", refuse)
        summary = run(kafka_settings)
    assert counts(summary) == (2, 0, 4)
    assert summary.mirrored == 0
    assert "the dead-letter topic is away" in caplog.text
    assert run(kafka_settings).mirrored == 4, "made good as soon as it can be"


def test_a_dead_letter_topic_that_was_made_anew_gets_what_comes_after(kafka_settings: Settings) -> None:
    publish(kafka_settings, BAD)
    run(kafka_settings)
    with admin(kafka_settings) as client:
        client.delete_topics([kafka_settings.dead_letter_topic])
        wait_for(lambda: client.describe_topics([kafka_settings.dead_letter_topic])[0]["error_code"] != 0)
    publish(kafka_settings, BAD)
    wait_for(lambda: run(kafka_settings).mirrored + mirror_again(kafka_settings) >= 4)
    assert ids(kafka_settings) == [5, 6, 7, 8]
