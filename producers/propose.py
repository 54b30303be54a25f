"""Writes the mapping and the smallest profile that an inspected export can start with.

Pure, but for `write_profile`, which makes one new folder. Guarantees that what it proposes is a valid
mapping and a valid profile wherever the export has a case id and a time.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from contracts.landing_rules import ENVELOPE, TYPES
from gridrates.errors import InputError, ResourceError
from producers.csv_export.reading import DELIMITERS, GUESSED, HEADER_ROWS
from producers.csv_export.workbook import ENCODING
from producers.inspect import Column, Inspection
from producers.mapping import DEFAULT_FORMATS, VERBS
from producers.time_formats import find_clock, has_clock, is_day_first, is_month_first, short_years_first

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
_CODES = ("id", "category_code", "grid_code", "channel", "unit_code")
_MEANINGS = {
    "very_satisfied": ("非常满意", "很满意", "very satisfied"),
    "satisfied": ("满意", "satisfied", "比较满意"),
    "basically_satisfied": ("基本满意", "一般", "neutral", "basically satisfied"),
    "dissatisfied": ("不满意", "dissatisfied", "不太满意"),
    "very_dissatisfied": ("非常不满意", "很不满意", "very dissatisfied"),
}
# What a date and the time of day beside it are called.
_DATE_NAME = re.compile("日期|datum|date|fecha|data", re.IGNORECASE)
_CLOCK_NAME = re.compile("时间|uhrzeit|zeit|time|heure|hora", re.IGNORECASE)
# A cell no longer than this is shown as a time that was not understood.
LONGEST_TIME = 40
# Words of a status that say that a case is closed, and how many of them are shown.
_CLOSED = re.compile(r"clos|complet|resol|done|finish|termin|erledigt|办结|结案|完成|完结", re.IGNORECASE)
FEW_CLOSED = 5
# Words of a status that say that a case came to nothing.
_VOID = re.compile(
    r"cancel|void|duplicat|withdrawn|invalid|storniert|anulad|annul|作废|撤销|取消|重复|无效|不予受理",
    re.IGNORECASE,
)
_LIKE_A_DATE = re.compile("[0-9]{1,4}([-/.年])[0-9]{1,2}([-/.月])[0-9]{1,4}")
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
    meanings = _meanings(inspection)
    used = _used(inspection, events)
    times = [c for c in inspection.columns if c.name in used and c.formats]
    formats = short_years_first(dict.fromkeys(f for column in times for f in column.formats))
    is_each_its_own = is_day_first(formats) and is_month_first(formats)
    encoding, delimiter = inspection.layout.encoding, inspection.layout.delimiter
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
            delimiter=delimiter if delimiter and delimiter not in DELIMITERS else None,
            empty=sorted(
                {word for column in inspection.columns if column.name in used for word in column.nothing}
            ),
            sheet=inspection.layout.sheet,
            time_zone=time_zone,
            time_formats=[] if is_each_its_own or set(formats) <= set(DEFAULT_FORMATS) else formats,
            is_each_its_own=is_each_its_own,
            notes=notes(inspection),
            events=events,
            meanings=meanings,
            unknown_words=[_oneline(word) for word in words if word not in meanings][:8],
            others=[column for column in inspection.columns if column.name not in used],
        )
        + "\n"
    )


def notes(inspection: Inspection) -> list[str]:
    """What a person has to decide or to look at, a sentence or two each. Raises InputError as above."""
    return [*_notes_on_cases(inspection), *_notes_on_times(inspection)]


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


def _notes_on_cases(inspection: Inspection) -> Iterator[str]:
    roles, layout = inspection.roles, inspection.layout
    for column in inspection.columns:
        if column.is_rounded:
            yield f"{column.name} holds numbers that a spreadsheet has rounded: export it again, as text."
    if "id" not in roles:
        yield "No column was found that names the case: say in mapping.yaml which one is the `id`."
    elif not roles["id"].is_unique:
        yield (
            f"{roles['id'].name} is not different in every row. Where a case has several rows, name as `row` "
            "what tells them apart."
        )
    elif roles["id"].is_running:
        yield (
            f"{roles['id'].name} counts from 1 on. If it counts the rows of this file, it names no case: the "
            "next export would give its numbers to other cases."
        )
    for column in (roles[role] for role in _CODES if role in roles):
        if count := sum(n for word, n in column.words.items() if not _is_code(word)):
            yield (
                f"{count:,} cells of {column.name} hold quotes, braces, brackets or control characters, "
                "which no code has: their rows are rejected unless a `pattern` or a `map` gives other words."
            )
    if layout.alike:
        all_sheets = ", ".join(map(_scalar, (layout.sheet or "", *layout.alike)))
        yield (
            f"The sheets {', '.join(layout.alike)} have the same columns; {layout.sheet} is the one looked "
            f"at. To read them all, write `sheet: [{all_sheets}]`."
        )


def _notes_on_times(inspection: Inspection) -> Iterator[str]:
    roles, events = inspection.roles, _events(inspection)
    used = [column for column in inspection.columns if column.name in _used(inspection, events)]
    unused = [c.name for c in inspection.columns if c.formats and c not in used and not c.is_touched]
    if unclear := [column for column in used if column.is_ambiguous]:
        formats = dict.fromkeys(name for column in unclear for name in column.formats)
        yield (
            f"Day and month could stand in either order in {', '.join(c.name for c in unclear)}: no value "
            f"tells. They are read as {' or '.join(formats)}; mend `time_formats` if that is wrong."
        )
    if "closed" not in roles:
        yield "No column was taken for the time of closing: no case will count as closed." + _way_to_close(
            inspection
        )
    else:
        yield from _notes_on_void_cases(inspection)
    yield from _notes_on_limits(inspection)
    if "satisfaction" in roles and not _meanings(inspection):
        yield f"{roles['satisfaction'].name} is not used: none of its words is understood."
    elif "satisfaction" in roles and "visited" not in roles:
        yield (
            f"{roles['satisfaction'].name} is not used: no column says when the citizen was asked. Another "
            "time may stand for it, as `visited`."
        )
    if unused:
        yield f"Times that no event uses: {', '.join(unused)}."
    for column in used:
        if column.formats and not has_clock(column.formats):
            yield _note_on_a_date(column, inspection)


def _notes_on_void_cases(inspection: Inspection) -> Iterator[str]:
    """A closing time is there also for what was cancelled."""
    status, closed = inspection.roles.get("status"), inspection.roles["closed"]
    words = [word for word in status.words if _VOID.search(word)] if status is not None else []
    if status is not None and words:
        name, at = _scalar(status.name), _scalar(closed.name)
        listed = ", ".join(map(_scalar, words[:FEW_CLOSED]))
        yield (
            f"{status.name} has words for cases that came to nothing; with a {closed.name} they count as "
            f"closed. If they are in no rate, write `voided: {{at: {at}, when: {{{name}: [{listed}]}}, "
            f"reason: {name}}}` and, of `closed`, `when: {{{at}: present, {name}: {{not: [{listed}]}}}}`."
        )


def _notes_on_limits(inspection: Inspection) -> Iterator[str]:
    """A case without a limit is due when it is closed, and so never late."""
    due_once_closed = "is due only once it is closed, and then on time, unless limits.csv has a limit for it."
    deadline = inspection.roles.get("deadline_at")
    if deadline is None:
        yield (
            f"No column was taken for the limit. A case without one {due_once_closed} Without any limit "
            "every closure rate is 100 %."
        )
    elif blank := inspection.rows - deadline.filled:
        yield (
            f"{deadline.name} is blank in {blank:,} of {inspection.rows:,} rows. A case without a limit "
            f"{due_once_closed}"
        )


def _way_to_close(inspection: Inspection) -> str:
    """A status and the time of the last change may stand for a closing; a person knows whether they do."""
    status = inspection.roles.get("status")
    touched = next((column for column in inspection.columns if column.is_touched and column.formats), None)
    words = [word for word in status.words if _CLOSED.search(word)] if status is not None else []
    if status is None or touched is None or not words:
        return ""
    when = f"when: {{{_scalar(status.name)}: [{', '.join(map(_scalar, words[:FEW_CLOSED]))}]}}"
    return (
        f" If {touched.name} tells when a case got its {status.name}, write "
        f"`closed: {{at: {_scalar(touched.name)}, {when}}}`."
    )


def _note_on_a_date(date: Column, inspection: Inspection) -> str:
    """A time of day may stand in a column of its own, called like that of the date."""
    lacks = f"{date.name} has no time of day"
    name = _DATE_NAME.sub("*", date.name)
    for column in inspection.columns:
        clock = find_clock(column.words)
        if clock and _CLOCK_NAME.sub("*", column.name) == name:
            return f"{lacks}; {column.name} is one. Write {_joined(date, f'{{{column.name}}}', clock)}."
    if date == inspection.roles.get("deadline_at"):
        whole_day = _joined(date, "23:59:59", "%H:%M:%S")
        return f"{lacks}: what is done on that very day is late. If it is not, write {whole_day}."
    return f"{lacks}: its midnight counts, also before what else happened on that day."


def _joined(date: Column, clock: str, clock_format: str) -> str:
    """How a mapping says that a date and a time of day are one."""
    template = _quoted(f"{{{date.name}}} {clock}")
    return (
        f"{{template: {template}}}, with {_quoted(f'{date.formats[0]} {clock_format}')} among `time_formats`"
    )


def _is_code(word: str) -> bool:
    return re.fullmatch(ENVELOPE["subject"].kind.pattern or "", word) is not None


def _used(inspection: Inspection, events: Sequence[ProposedEvent]) -> set[str]:
    """The names of the columns that the proposal reads."""
    columns = [column for event in events for _, column in event.fields]
    columns += [event.column for event in events]
    columns += [column for role, column in inspection.roles.items() if role == "id"]
    return {column.name for column in columns}


def _events(inspection: Inspection) -> list[ProposedEvent]:
    roles = inspection.roles
    if "reported" not in roles:
        raise _has_no_time(inspection)
    opened = roles["reported"]
    unclear = () if _meanings(inspection) else ("satisfaction",)
    found = []
    for verb, names in _EVENTS.items():
        column = roles.get("filed", opened) if verb == "filed" else roles.get(verb)
        fields = tuple((name, roles[name]) for name in names if name in roles and name not in unclear)
        lacks = set(TYPES[VERBS[verb]].required) - {name for name, _ in fields}
        if column is not None and not lacks:
            found.append(ProposedEvent(verb, column, column.filled < inspection.rows, fields))
    return found


def _has_no_time(inspection: Inspection) -> InputError:
    if not inspection.rows:
        return InputError(
            f"{inspection.path} has a header and no rows below it.",
            remedy="Export it again, with some cases.",
        )
    shown = [
        f"{column.name} is {word!r}"
        for column in inspection.columns
        if not column.may_be_personal
        for word in islice(column.words, 1)
        if len(word) <= LONGEST_TIME and (column.is_called_time or _LIKE_A_DATE.match(word))
    ]
    encoding = inspection.layout.encoding
    other = (
        f" It was read as {encoding}: if that is wrong, name another --encoding."
        if encoding in GUESSED
        else ""
    )
    found = f": {', '.join(shown[:3])}" if shown else f"; it has {', '.join(inspection.layout.names)}"
    if len(inspection.layout.names) == 1:
        return InputError(
            f"{inspection.path} has one column, {inspection.layout.names[0]!r}.",
            remedy="If there are others in it, say what parts them (--delimiter); the header must be among "
            f"the first {HEADER_ROWS} rows.",
        )
    return InputError(
        f"No column of {inspection.path} is a time in a known format{found}.",
        remedy="Write the mapping by hand, with its `time_formats`: docs/csv-import.md shows how." + other,
    )


def _meanings(inspection: Inspection) -> dict[str, str]:
    """The words of satisfaction that are understood."""
    words = inspection.roles["satisfaction"].words if "satisfaction" in inspection.roles else {}
    return {word: meaning for word in words if (meaning := _meaning(word))}


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
    codes = seen.get("grid_code", [])
    root = next(name for name in map("all{}".format, chain([""], count(2))) if name not in codes)
    grids = [[root, "", "city", "", "all"], *([code, root, "grid", code, code] for code in codes)]
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
