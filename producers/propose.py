"""Writes the mapping and the smallest profile that an inspected export can start with.

Pure, but for `write_profile`, which makes one new folder. Guarantees that what it proposes is a valid
mapping and a valid profile wherever the export has a case id and a time.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from contracts.landing_rules import TYPES
from gridrates.errors import InputError, ResourceError
from producers.csv_export.workbook import ENCODING
from producers.inspect import Column, Inspection
from producers.mapping import DEFAULT_FORMATS, VERBS

if TYPE_CHECKING:
    from jinja2 import Environment

# The fields of each event, by role; an event whose time is not there is not proposed.
_EVENTS: dict[str, tuple[str, ...]] = {
    "reported": ("category_code", "grid_code", "channel", "longitude", "latitude"),
    "filed": ("unit_code", "deadline_at"),
    "dispatched": ("unit_code",),
    "signed": (),
    "closed": (),
    "visited": ("satisfaction",),
}
_MEANINGS = {
    "very_satisfied": ("非常满意", "很满意", "very satisfied"),
    "satisfied": ("满意", "satisfied", "比较满意"),
    "basically_satisfied": ("基本满意", "一般", "neutral", "basically satisfied"),
    "dissatisfied": ("不满意", "dissatisfied", "不太满意"),
    "very_dissatisfied": ("非常不满意", "很不满意", "very dissatisfied"),
}
_PLAIN = re.compile(r"[A-Za-z_一-鿿][\w一-鿿 ]*[\w一-鿿]|[A-Za-z_一-鿿]")


@dataclass(frozen=True)
class ProposedEvent:
    """An event, the column of its time, and its fields with theirs."""

    verb: str
    column: Column
    is_conditional: bool
    fields: tuple[tuple[str, Column], ...]


def propose_mapping(inspection: Inspection, profile: str, source: str, time_zone: str) -> str:
    """The text of a mapping.yaml. Raises InputError when no column is a time, or there is no such zone."""
    if time_zone not in available_timezones():
        raise InputError(f"There is no time zone {time_zone!r}.", remedy="Name one such as Asia/Shanghai.")
    events = _events(inspection)
    words = inspection.roles["satisfaction"].words if "satisfaction" in inspection.roles else {}
    meanings = {word: meaning for word in words if (meaning := _meaning(word))}
    used = {column.name for event in events for _, column in event.fields}
    used |= {event.column.name for event in events} | {
        inspection.roles[r].name for r in ("id",) if r in inspection.roles
    }
    times = [c for c in inspection.columns if c.name in used and c.formats]
    formats = list(dict.fromkeys(f for column in times for f in column.formats))
    encoding = inspection.layout.encoding
    return (
        _environment()
        .get_template("mapping.yaml.j2")
        .render(
            file=inspection.path.name,
            rows=inspection.rows,
            profile=profile,
            source=source,
            roles=inspection.roles,
            encoding=None if encoding.startswith(("utf-8", ENCODING)) else encoding,
            empty=sorted(
                {word for column in inspection.columns if column.name in used for word in column.nothing}
            ),
            sheet=inspection.layout.sheet,
            time_zone=time_zone,
            time_formats=[] if set(formats) <= set(DEFAULT_FORMATS) else formats,
            ambiguous=[column.name for column in times if column.is_ambiguous],
            events=events,
            meanings=meanings,
            unknown_words=[_oneline(word) for word in words if word not in meanings][:8],
            others=[column for column in inspection.columns if column.name not in used],
        )
        + "\n"
    )


def write_profile(folder: Path, inspection: Inspection, time_zone: str) -> list[Path]:
    """Make a profile's folder: settings, mapping, and the registers of the codes seen so far.

    Raises InputError when the folder is there already, ResourceError when it cannot be made.
    """
    mapping = propose_mapping(inspection, str(folder), _source(folder), time_zone)
    files = {"mapping.yaml": mapping, "profile.yaml": _profile(folder.name, inspection, time_zone)}
    try:
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        registers = [_register(folder, *register) for register in _registers(inspection)]
    except FileExistsError as error:
        raise InputError(f"{folder} is there already.", remedy="Name a folder that is not.") from error
    except OSError as error:
        raise ResourceError(
            f"{folder} cannot be written: {error.strerror}.", remedy="Name another folder."
        ) from error
    return [*(folder / name for name in files), *registers]


def _events(inspection: Inspection) -> list[ProposedEvent]:
    roles = inspection.roles
    if "reported" not in roles:
        raise InputError(
            f"No column of {inspection.path} is a time in a known format.",
            remedy="Write the mapping by hand: docs/csv-import.md shows how.",
        )
    opened = roles["reported"]
    found = []
    for verb, names in _EVENTS.items():
        column = roles.get("filed", opened) if verb == "filed" else roles.get(verb)
        fields = tuple((name, roles[name]) for name in names if name in roles)
        lacks = set(TYPES[VERBS[verb]].required) - {name for name, _ in fields}
        if column is not None and not lacks:
            found.append(ProposedEvent(verb, column, column.filled < inspection.rows, fields))
    return found


def _meaning(word: str) -> str | None:
    return next((m for m, words in _MEANINGS.items() if word.lower() in words), None)


def _source(folder: Path) -> str:
    return re.sub(r"[^\w.-]+", "-", folder.name).strip("-") or "export"


def _profile(name: str, inspection: Inspection, time_zone: str) -> str:
    channel = inspection.roles.get("channel")
    words = sorted(channel.words) if channel is not None else []
    lines = [
        f"# Proposed from {inspection.path.name}: the names and the calendar are for you to mend.",
        f"name_zh: {_quoted(name)}",
        f"name_en: {_quoted(name)}",
        f"time_zone: {time_zone}",
        "on_time_basis: closing",
        *(["channels:"] if words else []),
        *(f"  {_quoted(word)}: {{zh: {_quoted(word)}, en: {_quoted(word)}}}" for word in words),
    ]
    return "\n".join(lines) + "\n"


def _registers(inspection: Inspection) -> list[tuple[str, list[list[str]]]]:
    """The registers that the codes seen make up: file name and rows, the header first."""
    seen = {role: sorted(column.words) for role, column in inspection.roles.items()}
    grids = [
        ["all", "", "city", "", "all"],
        *([code, "all", "grid", code, code] for code in seen.get("grid_code", [])),
    ]
    units = [[code, code, code] for code in seen.get("unit_code", [])]
    categories = [["export", code, code, code] for code in seen.get("category_code", [])]
    return [
        ("grids.csv", [["grid_code", "parent_code", "level", "name_zh", "name_en"], *grids]),
        ("units.csv", [["unit_code", "name_zh", "name_en"], *units]),
        ("categories.csv", [["category_system", "category_code", "name_zh", "name_en"], *categories]),
    ]


def _register(folder: Path, name: str, rows: Sequence[Sequence[str]]) -> Path:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return folder / name


def _oneline(text: str) -> str:
    return " ".join(text.split())


def _scalar(text: str) -> str:
    """A text for a mapping, where every scalar is text: plain where that is safe, else quoted."""
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("producers", "."), undefined=StrictUndefined)
    environment.filters |= {"scalar": _scalar, "oneline": _oneline}
    return environment
