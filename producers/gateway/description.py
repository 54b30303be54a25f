"""What the gateway is, for machines (OpenAPI 3.1) and for people (one page without scripts). Pure."""

from __future__ import annotations

import html
from typing import Any

from contracts.events import DATA_TYPES
from contracts.schema import event_schema
from producers.gateway.messages import BATCH, BINARY, STRUCTURED

_ANSWERS = {
    "202": "Taken: Kafka has acknowledged every event of the request.",
    "401": "No token, or one that is not known.",
    "403": "The client may not send events of this source or type. Nothing was taken.",
    "408": "The body did not come in time. Nothing was taken.",
    "413": "The request is too large; or Kafka refuses the events listed, and the others were taken.",
    "415": "The content type is none of those below.",
    "422": "Not events of the contract: each fault by event and field. Nothing was taken.",
    "429": "Too many events: send again after Retry-After seconds.",
    "503": "Kafka does not take events now: send again after Retry-After seconds. Doing so is harmless.",
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "event": {"type": "integer", "description": "place in the request, from 0"},
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gridrates gateway",
            "version": "1.0.0",
            "description": "CloudEvents over HTTP: what happened to cases, on its way to Kafka.",
        },
        "paths": {
            "/events": {"post": _take_events()},
            "/health": {
                "get": {
                    "summary": "Whether Kafka takes events.",
                    "responses": {"200": {"description": "It does."}, "503": {"description": "It does not."}},
                }
            },
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM_SCHEMA}
            | {name: _embedded(name, event_schema(name)) for name in DATA_TYPES},
        },
    }


def _take_events() -> dict[str, Any]:
    event = {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in DATA_TYPES]}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses: dict[str, Any] = {
        status: {"description": text} | ({} if status == "202" else {"content": problem})
        for status, text in _ANSWERS.items()
    }
    return {
        "summary": "Send one event, or a batch that is taken as a whole or not at all.",
        "security": [{"token": []}],
        "requestBody": {
            "required": True,
            "content": {
                STRUCTURED: {"schema": event},
                BATCH: {"schema": {"type": "array", "items": event}},
                BINARY: {
                    "schema": {"description": "The data; the attributes are ce- headers.", "type": "object"}
                },
            },
        },
        "responses": responses,
    }


def _embedded(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as a part of the document: its definitions are found relative to its own id."""
    return schema | {"$id": f"urn:gridrates:{name}"}


def page(described: dict[str, Any]) -> str:
    """The page: how to send, what comes back, which types there are."""
    answers = "".join(f"<tr><th>{status}<td>{html.escape(text)}" for status, text in _ANSWERS.items())
    types = "".join(
        f"<tr><th>{name}<td lang=zh>{data.zh}<td>{html.escape(str(data.__doc__))}"
        for name, data in DATA_TYPES.items()
    )
    info = described["info"]
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>{info["title"]}</title>
<style>body{{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
th{{text-align:left;font-weight:400;font-family:monospace;padding-right:1rem;vertical-align:top}}</style>
<h1>{info["title"]}</h1><p>{info["description"]}
<p>Send <code>POST /events</code> with <code>Authorization: Bearer …</code> and one of the content types
<code>{STRUCTURED}</code>, <code>{BATCH}</code>, or <code>{BINARY}</code> with the attributes in
<code>ce-</code> headers. All of it for machines: <a href=openapi.json>openapi.json</a>.
<h2>Answers</h2><table>{answers}</table><h2>Types 事件类型</h2><table>{types}</table></html>"""
