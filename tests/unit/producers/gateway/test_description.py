"""The gateway described: for machines and for people, and both complete."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from contracts.events import DATA_TYPES
from producers.gateway.description import openapi, page
from producers.gateway.messages import BATCH, BINARY, STRUCTURED

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return openapi()


def test_it_is_openapi(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    post = described["paths"]["/events"]["post"]
    assert set(post["requestBody"]["content"]) == {STRUCTURED, BATCH, BINARY}
    assert {"202", "401", "403", "408", "413", "415", "422", "429", "503"} == set(post["responses"])
    json.dumps(described)


def test_references_lead_somewhere(described: dict[str, Any]) -> None:
    found = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described))
    assert set(found) == {*DATA_TYPES, "Problem"} == set(described["components"]["schemas"])


def test_embedded_schemas_find_their_own_definitions(described: dict[str, Any]) -> None:
    schema = described["components"]["schemas"]["gridrates.case.filed.v1"]
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "gridrates.case.filed.v1",
        "subject": "c",
    }
    Draft202012Validator(schema).validate(event | {"time": "2026-05-01T08:00:00Z", "data": {}})
    with pytest.raises(ValidationError):
        Draft202012Validator(schema).validate(event | {"time": "2026-05-01", "data": {}})


def test_the_page_needs_nothing_from_elsewhere(described: dict[str, Any]) -> None:
    text = page(described)
    assert "<script" not in text and "http" not in text.replace("HTTP", "")
    for name, data in DATA_TYPES.items():
        assert name in text and data.zh in text
    for status in described["paths"]["/events"]["post"]["responses"]:
        assert f"<th>{status}<td>" in text


def test_the_documentation_tells_every_answer(described: dict[str, Any]) -> None:
    page_of_docs = (ROOT / "docs" / "gateway.md").read_text()
    told = {
        status for row in re.findall(r"^\| ([0-9, ]+) \|", page_of_docs, re.M) for status in row.split(", ")
    }
    assert set(described["paths"]["/events"]["post"]["responses"]) <= told
