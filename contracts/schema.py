"""The contract as JSON Schema: one schema per event type, of the whole CloudEvents event.

Made from the pydantic models. A schema accepts every event that the models accept; the few rules that JSON
Schema cannot say (that a day exists, bounds of numbers written as text, the digits of a whole number) stand
in words in the description of the kind concerned.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import TypeAdapter

from contracts import fields
from contracts.events import DATA_TYPES, TYPED_EVENTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ALIASES = (
    "Code", "Codes", "Text", "KeyedHash", "Moment", "Flag", "Count", "ConditionNo", "SequenceNo",
    "Longitude", "Latitude", "Points", "Quantity",
)  # fmt: skip


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _without_names(node: Any) -> Any:
    """Leave out what pydantic adds and nobody needs: titles, and null as a default."""
    if isinstance(node, list):
        return [_without_names(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_names(value) for key, value in node.items() if not _is_noise(key, value)}


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


KINDS: dict[str, Any] = {
    _snake(name): _without_names(TypeAdapter(getattr(fields, name)).json_schema()) for name in _ALIASES
}


def _bare(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in ("description", "default")}


def _refer(node: Any, used: set[str]) -> Any:
    """Write `$ref` for every kind, and note which are used."""
    if isinstance(node, list):
        return [_refer(item, used) for item in node]
    if not isinstance(node, dict):
        return node
    kind = next((name for name, schema in KINDS.items() if _bare(schema) == _bare(node)), None)
    if kind is None:
        return {key: _refer(value, used) for key, value in node.items()}
    used.add(kind)
    said = {key: value for key, value in node.items() if key not in KINDS[kind]}
    told = node.get("description") not in (None, KINDS[kind].get("description"))
    return {"$ref": f"#/$defs/{kind}"} | said | ({"description": node["description"]} if told else {})


def _definitions(used: set[str]) -> dict[str, Any]:
    """The kinds used, and the kinds these use in turn."""
    inner = set[str]()
    found = {name: {key: _refer(value, inner) for key, value in KINDS[name].items()} for name in sorted(used)}
    return found if inner <= used else _definitions(used | inner)


def event_schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema of an event of this type. Raises KeyError for an unknown type."""
    model, data = TYPED_EVENTS[event_type], DATA_TYPES[event_type]
    made = _without_names(model.model_json_schema(mode="validation"))
    properties: dict[str, Any] = made["properties"] | {"data": made["$defs"][data.__name__]}
    used = set[str]()
    properties = {name: _refer(node, used) for name, node in properties.items()}
    return {
        "$schema": DIALECT,
        "$id": f"{event_type}.schema.json",
        "title": event_type,
        "description": f"{data.zh} {data.__doc__} A CloudEvents 1.0 event in structured JSON.",
        "type": "object",
        "required": made["required"],
        "properties": properties,
        "additionalProperties": True,
        "$defs": _definitions(used),
    }
