"""How a refused payload is mended: by an encoding, a SQL expression, or a file a person has edited.

Reads dead letters and the edited file; writes the file to edit. Guarantees that an expression sees nothing
but the letters: it runs in a DuckDB of its own that reaches neither files nor network.
"""

from __future__ import annotations

import codecs
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from contracts.events import first_wins
from gridrates.errors import InputError
from warehouse.relations import registered
from warehouse.verdict import decode

if TYPE_CHECKING:
    import pyarrow as pa

# What an expression may fail of on one letter and not on another.
_OF_ONE_LETTER = (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException)


@dataclass(frozen=True)
class DeadLetter:
    """A refused record with everything that is known of it.

    `status` is open, replayed or discarded; `headers` the text that `raw_rejected_event` keeps.
    """

    reject_id: int
    status: str
    reason_code: str
    reason_text: str
    source: str | None
    event_id: str | None
    key: bytes | None
    payload: bytes | None
    headers: str | None
    topic: str
    partition: int
    offset: int
    rejected_at: datetime


@dataclass(frozen=True)
class Unmended:
    """Why there is no payload to try."""

    text: str


Mended = bytes | Unmended | None


class Mending(Protocol):
    """Gives each letter's payload anew; `words` is kept in the audit row."""

    @property
    def words(self) -> str | None:
        """What is done, in words."""

    def mended(self, letters: Sequence[DeadLetter]) -> list[Mended]:
        """The new payloads, in the order of the letters."""


class AsItIs:
    """No mending: for what was refused by an older program or a narrower setting."""

    words = None

    def mended(self, letters: Sequence[DeadLetter]) -> list[Mended]:
        """The payloads as they were."""
        return [letter.payload for letter in letters]


class ByExpression:
    """A SQL expression of DuckDB over the columns `payload` (the text, null where it is none), `key`,
    `reason_code`, `reason_text`, `source`, `event_id` and `reject_id`.

    `encoding` is how the bytes are read first: UTF-8 unless named. Raises InputError for an expression that
    cannot be understood and an encoding nobody knows.
    """

    def __init__(self, expression: str = "payload", *, encoding: str = "utf-8") -> None:
        self._encoding = _known(encoding)
        self._expression = expression
        self._evaluate([])

    @property
    def words(self) -> str:
        """The expression, and the encoding if it is not UTF-8."""
        named = "" if self._encoding == "utf-8" else f" of the payload read as {self._encoding}"
        return f"{self._expression}{named}"

    def mended(self, letters: Sequence[DeadLetter]) -> list[Mended]:
        """What the expression gives; letter by letter when it fails on one of them."""
        try:
            return self._evaluate(letters)
        except _OF_ONE_LETTER:
            return [self._evaluate_one(letter) for letter in letters]

    def _evaluate_one(self, letter: DeadLetter) -> Mended:
        try:
            return self._evaluate([letter])[0]
        except _OF_ONE_LETTER as error:
            return Unmended(f"The expression fails: {_first_line(error)}")

    def _evaluate(self, letters: Sequence[DeadLetter]) -> list[Mended]:
        with registered(self._connection, letters=self._table(letters)):
            try:
                chosen = duckdb.SQLExpression(self._expression).cast("VARCHAR")
                rows = self._connection.table("letters").select(chosen).fetchall()
            except _OF_ONE_LETTER:
                raise
            except duckdb.Error as error:
                raise InputError(
                    f"The expression {self._expression!r} cannot be understood: {_first_line(error)}",
                    remedy='Write SQL such as json_merge_patch(payload, \'{"type": "…"}\'); the columns are '
                    "payload, key, reason_code, reason_text, source, event_id, reject_id.",
                ) from error
        return [Unmended("The expression gives null.") if text is None else text.encode() for (text,) in rows]

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        closed: dict[str, Any] = {
            "enable_external_access": "false",
            "lock_configuration": "true",
            "threads": "1",
        }
        return duckdb.connect(config=closed)

    def _table(self, letters: Sequence[DeadLetter]) -> pa.Table:
        import pyarrow as pa

        texts = ("payload", "key", "reason_code", "reason_text", "source", "event_id")
        schema = pa.schema([("reject_id", pa.int64()), *((name, pa.string()) for name in texts)])
        return pa.Table.from_pylist([self._row(letter) for letter in letters], schema=schema)

    def _row(self, letter: DeadLetter) -> dict[str, Any]:
        return {
            "reject_id": letter.reject_id,
            "payload": _text(letter.payload, self._encoding),
            "key": _text(letter.key, "utf-8"),
            "reason_code": letter.reason_code,
            "reason_text": letter.reason_text,
            "source": letter.source,
            "event_id": letter.event_id,
        }


class ByFile:
    """A file as `export` writes it, edited: one JSON text a line, each with its `reject_id`.

    Only where each letter stands is held in memory. Raises InputError naming the line that is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: Mapping[int, int] = dict(self._read())

    @property
    def words(self) -> str:
        """The file's name."""
        return f"edited file {self._path.name}"

    @property
    def ids(self) -> tuple[int, ...]:
        """The letters in the file."""
        return tuple(self._places)

    def mended(self, letters: Sequence[DeadLetter]) -> list[Mended]:
        """The payloads as they stand in the file."""
        with self._path.open("rb") as file:
            return [self._payload_at(file, letter.reject_id) for letter in letters]

    def _payload_at(self, file: Any, reject_id: int) -> Mended:
        file.seek(self._places[reject_id])
        return _payload_of(json.loads(file.readline(), object_pairs_hook=first_wins))

    def _read(self) -> Iterator[tuple[int, int]]:
        seen: set[int] = set()
        try:
            with self._path.open("rb") as file:
                at = 0
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield self._id_of(line, number, seen), at
                    at += len(line)
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be read: {error.strerror}.",
                remedy="Name a file that `gridrates dead-letters list --export mend.jsonl` has written.",
            ) from error

    def _id_of(self, line: bytes, number: int, seen: set[int]) -> int:
        try:
            entry = json.loads(line, object_pairs_hook=first_wins)
            reject_id = int(entry["reject_id"])
            _payload_of(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self._path}, line {number:,}: no dead letter ({type(error).__name__}: {error}).",
                remedy="Each line is one JSON object with `reject_id` and `event`, `text` or `base64`.",
            ) from error
        if reject_id in seen:
            raise InputError(
                f"{self._path}, line {number:,}: the dead letter {reject_id} is there twice.",
                remedy="Leave one of the two lines.",
            )
        seen.add(reject_id)
        return reject_id


def export(letters: Iterable[DeadLetter], path: Path) -> int:
    """Write letters to a file to edit; return how many. An event that can be read stands there as JSON."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for letter in letters:
            file.write(json.dumps(_entry(letter), ensure_ascii=False) + "\n")
            count += 1
    return count


def _entry(letter: DeadLetter) -> dict[str, Any]:
    return {
        "reject_id": letter.reject_id,
        "reason_code": letter.reason_code,
        "reason_text": letter.reason_text,
        "position": f"{letter.topic}/{letter.partition}/{letter.offset}",
    } | spelled(letter.payload)


def spelled(payload: bytes | None) -> dict[str, Any]:
    """A payload as a person can read and edit it: `event`, else `text`, else `base64`; nothing for none."""
    if payload is None:
        return {}
    text = _text(payload, "utf-8")
    if text is None:
        return {"base64": b64encode(payload).decode()}
    try:
        event = decode(text)
    except (ValueError, RecursionError):
        return {"text": text}
    return {"event": event} if isinstance(event, dict) else {"text": text}


def _payload_of(entry: Mapping[str, Any]) -> Mended:
    if "event" in entry:
        return json.dumps(entry["event"], ensure_ascii=False).encode()
    if "text" in entry:
        return str(entry["text"]).encode()
    if "base64" in entry:
        return b64decode(entry["base64"], validate=True)
    return Unmended("The file gives it no event, text or base64.")


def _first_line(error: duckdb.Error) -> str:
    """What DuckDB says, without the picture of the place."""
    return str(error).partition("\n")[0].removesuffix(".") + "."


def _text(value: bytes | None, encoding: str) -> str | None:
    try:
        return None if value is None else value.decode(encoding)
    except UnicodeDecodeError:
        return None


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise InputError(
            f"Nobody knows the encoding {encoding!r}.", remedy="Name one such as gb18030 or utf-16."
        ) from error
