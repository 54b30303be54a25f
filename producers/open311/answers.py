"""Reads what an Open311 server answers: JSON or XML, whichever it is, into records of text.

Pure. Every scalar becomes the text it is written as, so that `006` and `638344` stay what they are; null,
an absent value and an empty element are the empty text. Guarantees that no entity of an XML document is
expanded, and that what is neither JSON nor XML is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias
from xml.etree import ElementTree

Record: TypeAlias = dict[str, str]

REQUEST_ID = "service_request_id"
# What servers wrap their records in, and each of them; the specification's own names first.
_WRAPPERS = (
    "service_requests", "request", "services", "service", "service_definition", "discovery",
    "requests", "service_request",
)  # fmt: skip
_DEEPEST = 40
# Text within quotes, or a number that JSON does not know: the specification's own examples have them.
_LEADING_ZERO = re.compile(r'"(?:\\.|[^"\\])*"|(?<![\w.+-])0[0-9]+(?![\w.])')


class Unreadable(ValueError):
    """An answer that is neither JSON nor XML."""


def decode(body: bytes) -> Any:
    """The answer as objects, lists and texts; of XML, the root element is the one key of an object.

    Its content decides what it is, not the content type, which servers get wrong. Raises Unreadable.
    """
    text = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"<":
        return _xml(text)
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _xml(text)
    try:
        return _json(text.decode())
    except (ValueError, RecursionError) as error:
        raise Unreadable(_start_of(body)) from error


def _json(text: str) -> Any:
    options: dict[str, Any] = {"parse_int": str, "parse_float": str, "parse_constant": str}
    try:
        return json.loads(text, **options)
    except json.JSONDecodeError:
        quoted = _LEADING_ZERO.sub(lambda m: m[0] if m[0].startswith('"') else f'"{m[0]}"', text)
        return json.loads(quoted, **options)


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Refuses a document type: entities are declared there, and no Open311 server needs any."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002
        raise Unreadable("an XML document with a document type, which may not be one")


def _xml(text: bytes) -> Any:
    parser = ElementTree.XMLParser(target=_WithoutDoctype())
    try:
        parser.feed(text)
        root = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise error if isinstance(error, Unreadable) else Unreadable(_start_of(text)) from error
    return {_tag(root): _content(root, 0)}


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _content(element: ElementTree.Element, depth: int) -> Any:
    """Children by name, those of one name as a list; the text of an element without any."""
    if depth > _DEEPEST:
        raise Unreadable("an XML document that is nested too deeply")
    if not len(element):
        return (element.text or "").strip()
    content: dict[str, Any] = {}
    for child in element:
        content.setdefault(_tag(child), []).append(_content(child, depth + 1))
    return {name: found[0] if len(found) == 1 else found for name, found in content.items()}


def _start_of(body: bytes) -> str:
    start = " ".join(body[:200].decode(errors="replace").split())
    return f"{start[:80]!r}" if start else "nothing"


def objects(content: Any) -> list[dict[str, Any]]:
    """The objects of an answer, whether it is a list, one object, or either of them in wrappers."""
    if isinstance(content, list):
        return [found for item in content for found in objects(item)]
    if not isinstance(content, dict):
        return []
    inner = [content[name] for name in _WRAPPERS if isinstance(content.get(name), dict | list)]
    # A wrapper that is empty stays a text when it was XML, and is no object either.
    if inner or set(content) <= set(_WRAPPERS):
        return [found for item in inner for found in objects(item)]
    return [content]


def complaints(content: Any) -> list[str]:
    """What a server says went wrong: `code: description` of each error of an answer; none in a good one."""
    if isinstance(content, dict) and "errors" in content:
        content = content["errors"]
    if isinstance(content, dict) and "error" in content:
        content = content["error"]
    items = content if isinstance(content, list) else [content]
    errors = [i for i in items if isinstance(i, dict) and "code" in i and "description" in i]
    if len(errors) != len(items) or any(REQUEST_ID in e or "service_code" in e for e in errors):
        return []
    return [f"{e['code']}: {e['description']}" for e in errors]


def flat(found: dict[str, Any]) -> Record:
    """A request as one row: `lat`, `extended_attributes.channel`, `attributes.<code>` and, of its history,
    the latest of each kind as `notes.<type>.datetime`.
    """
    record: Record = {}
    for name, value in found.items():
        if name == "attributes":
            record |= _attributes(_listed(value))
        elif name == "notes":
            record |= _notes(_listed(value))
        else:
            record |= dict(_scalars(name, value, 0))
    return record


def _listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; in XML it is an element whose children all have one name."""
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _attributes(found: Sequence[dict[str, Any]]) -> Record:
    named = ((text(item.get("code")) or text(item.get("name")), item.get("value")) for item in found)
    return {f"attributes.{code}": text(value) for code, value in named if code}


def _notes(found: Sequence[dict[str, Any]]) -> Record:
    record: Record = {}
    for note in sorted(found, key=lambda note: text(note.get("datetime"))):
        for name, value in note.items():
            if name != "type":
                record |= dict(_scalars(f"notes.{text(note.get('type')) or 'other'}.{name}", value, 0))
    return record


def _scalars(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth < _DEEPEST:
        for inner, content in value.items():
            yield from _scalars(f"{name}.{inner}", content, depth + 1)
    else:
        yield name, text(value)


def text(value: Any) -> str:
    """A scalar as text; of a list, its scalars parted by commas."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(filter(None, map(text, value)))
    return str(value).strip() if value is not None and not isinstance(value, dict) else ""
