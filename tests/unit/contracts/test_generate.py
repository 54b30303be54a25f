"""The files made from the contract: current, and what they claim to be."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from contracts import generate
from contracts.events import DATA_TYPES, parse
from contracts.landing_rules import TYPES


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(generate.ASYNCAPI.read_text(encoding="utf-8"))
    return loaded


def resolved(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def test_the_files_are_current() -> None:
    """When this fails: python -m contracts.generate."""
    assert list(generate.outdated()) == []


def test_the_command_says_what_is_not_current_and_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "SCHEMAS", tmp_path / "schemas")
    monkeypatch.setattr(generate, "ASYNCAPI", tmp_path / "asyncapi.yaml")
    monkeypatch.setattr(generate, "PAGE", tmp_path / "contract.md")
    assert len(list(generate.outdated())) == len(DATA_TYPES) + 2
    generate.write()
    assert list(generate.outdated()) == []
    (tmp_path / "contract.md").write_text("# something else")
    left_over = tmp_path / "schemas" / "gridrates.case.gone.v1.schema.json"
    left_over.write_text("{}")
    assert list(generate.outdated()) == [tmp_path / "contract.md", left_over]
    generate.write()
    assert list(generate.outdated()) == []
    assert not left_over.exists()


def test_the_check_changes_nothing_and_fails_when_it_should() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "contracts.generate", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_examples_are_events_and_each_type_has_one() -> None:
    shown = generate.examples()
    assert {parse(json.dumps(event)).type for event in shown} == set(DATA_TYPES)
    assert len({(event["source"], event["id"]) for event in shown}) == len(shown)
    for event in shown:
        known = TYPES[event["type"]].fields
        assert set(event["data"]) <= set(known), event["id"]
        schema = json.loads((generate.SCHEMAS / f"{event['type']}.schema.json").read_text())
        Draft202012Validator(schema).validate(event)


def test_the_examples_tell_the_life_of_a_case() -> None:
    shown = generate.examples()
    life = [event for event in shown if event["subject"] == shown[0]["subject"]]
    assert life == sorted(life, key=lambda event: event["time"])
    assert len(life) == 17


def test_asyncapi_has_the_parts_of_version_3(document: dict[str, Any]) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert {"info", "channels", "operations", "components"} <= set(document)
    assert {"title", "version"} <= set(document["info"])
    assert {channel["address"] for channel in document["channels"].values()} == {
        "case-events",
        "case-events.dlq",
        "daily-rates",
    }
    for channel in document["channels"].values():
        assert channel["messages"], channel["address"]
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")


def test_asyncapi_references_lead_somewhere(document: dict[str, Any]) -> None:
    found = references(document)
    assert len(found) > 2 * len(DATA_TYPES)
    for reference in found:
        if reference.startswith("#"):
            assert resolved(document, reference)
        else:
            assert (generate.ASYNCAPI.parent / reference).is_file(), reference


def test_asyncapi_has_a_message_for_every_type(document: dict[str, Any]) -> None:
    messages = document["channels"]["caseEvents"]["messages"]
    payloads = {
        resolved(document, message["$ref"])["payload"]["schema"]["$ref"] for message in messages.values()
    }
    assert payloads == {f"./schemas/{name}.schema.json" for name in DATA_TYPES}
    assert "caseSelfDisposed" in messages and "projectStageChanged" in messages


def test_asyncapi_examples_fit_their_schema(document: dict[str, Any]) -> None:
    for message in document["components"]["messages"].values():
        for example in message.get("examples", []):
            assert message["payload"]["schema"]["$ref"].split("/")[-1].startswith(example["payload"]["type"])


def test_the_compacted_channel_says_so(document: dict[str, Any]) -> None:
    bindings = document["channels"]["dailyRates"]["bindings"]["kafka"]
    assert bindings["topicConfiguration"]["cleanup.policy"] == ["compact"]


def test_the_page_has_every_type_field_and_word() -> None:
    page = generate.PAGE.read_text(encoding="utf-8")
    for name, rule in TYPES.items():
        part = page.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert rule.zh in part and "```json" in part
        for field in rule.fields.values():
            assert f"| `{field.name}` |" in page, field.name
            for word in field.words:
                assert f"`{word}`" in part, word
        for required in rule.required:
            assert f"| `{required}` |" in part, required


def test_tables_of_the_page_are_tables() -> None:
    lines = generate.PAGE.read_text(encoding="utf-8").splitlines()
    for before, line in pairwise(lines):
        if line.startswith("| ") and before.startswith("| "):
            assert line.count(" | ") == before.count(" | "), line
