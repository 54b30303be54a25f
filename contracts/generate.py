"""Writes the documents made from the contract: `python -m contracts.generate`.

Reads the models, `asyncapi_base.yaml` and `examples.jsonl`; writes `schemas/*.schema.json`, `asyncapi.yaml`
and `docs/contract.md`. Guarantees the same text for the same contract, so that a test can tell whether the
files are current. With `--check` nothing is written; exit code 1 and the names of the files that are not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from contracts.documentation import contract_page
from contracts.events import DATA_TYPES
from contracts.schema import event_schema

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
BASE = HERE / "asyncapi_base.yaml"
ASYNCAPI = HERE / "asyncapi.yaml"
EXAMPLES = HERE / "examples.jsonl"
PAGE = HERE.parent / "docs" / "contract.md"
_KEY = {"key": {"type": "string", "description": "the event's subject"}, "bindingVersion": "0.5.0"}
_NOTE = "# Made by `python -m contracts.generate`; change asyncapi_base.yaml or the models instead.\n"


def examples() -> list[dict[str, Any]]:
    """The example events: one case from report to visit, and one event of every other type."""
    return [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]


def documents() -> dict[Path, str]:
    """Every file made from the contract, and its text."""
    shown = examples()
    pages = {SCHEMAS / f"{name}.schema.json": _json_text(event_schema(name)) for name in DATA_TYPES}
    return pages | {ASYNCAPI: _NOTE + _yaml_text(asyncapi(shown)), PAGE: contract_page(shown)}


def asyncapi(shown: list[dict[str, Any]]) -> dict[str, Any]:
    """The AsyncAPI 3 document: the hand-written base, and a message per event type."""
    document: dict[str, Any] = yaml.safe_load(BASE.read_text(encoding="utf-8"))
    for event_type, data in DATA_TYPES.items():
        name = _message_name(event_type)
        document["components"]["messages"][name] = {
            "name": name,
            "title": data.zh,
            "summary": data.__doc__,
            "contentType": "application/cloudevents+json",
            "bindings": {"kafka": _KEY},
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": f"./{SCHEMAS.name}/{event_type}.schema.json"},
            },
            "examples": [{"payload": event} for event in shown if event["type"] == event_type],
        }
        document["channels"]["caseEvents"]["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    return document


def _message_name(event_type: str) -> str:
    """`gridrates.case.self_disposed.v1` as `caseSelfDisposed`."""
    first, *others = "_".join(event_type.split(".")[1:-1]).split("_")
    return first + "".join(word.capitalize() for word in others)


def _json_text(content: Any) -> str:
    # ASCII, because patterns hold invisible characters.
    return json.dumps(content, indent=2) + "\n"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _yaml_text(content: Any) -> str:
    text: str = yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    return text


def outdated() -> Iterator[Path]:
    """The files that are not what the contract says now, or should not be there."""
    wanted = documents()
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path
    yield from sorted(set(SCHEMAS.glob("*.json")) - set(wanted))


def write() -> None:
    """Bring every file up to date."""
    wanted = documents()
    SCHEMAS.mkdir(exist_ok=True)
    for path in outdated():
        if path in wanted:
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()


if __name__ == "__main__":
    if "--check" in sys.argv:
        stale = list(outdated())
        print(*stale, sep="\n", file=sys.stderr)
        sys.exit(bool(stale))
    write()
