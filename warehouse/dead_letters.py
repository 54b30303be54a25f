"""Dead letters: what was refused, looked at, mended and sent again, or put aside.

Reads and writes `raw_rejected_event` (a letter's status) and `raw_dead_letter_action` (who did what, when,
how it was mended, what was sent). A replay goes portion by portion:

1. Mend the payloads (`warehouse.mending`).
2. Rehearse the landing with them: what it would refuse, also as a conflict with what has been landed, is not
   sent and stays open, with the reason.
3. Send the others to the topic, under their subject as key, and wait until they are acknowledged.
4. Note the actions and set the letters to `replayed`, in one transaction.

A death between 3 and 4 leaves letters open that were sent. Replaying them again is harmless: an event
carries its id, and the landing drops what it has landed before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

import duckdb

from gridrates import __version__
from gridrates.errors import InputError
from gridrates.settings import Settings
from warehouse.batch import Batch
from warehouse.chunks import Header, of_records
from warehouse.duplicates import History
from warehouse.mending import AsItIs, DeadLetter, Mending, Unmended
from warehouse.offsets import who
from warehouse.parse import Parsed, Parser
from warehouse.relations import registered, transaction
from warehouse.statements import statement
from warehouse.verdict import REASONS, Refused

Status = Literal["open", "replayed", "discarded"]
STATUSES: tuple[Status, ...] = get_args(Status)
Pair = tuple[bytes, bytes]
Send = Callable[[Sequence[Pair]], Mapping[int, str]]

EXAMPLES = 20
_PORTION = 2_000
_PORTION_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Which:
    """Which letters: those with these ids (all when there are none), this reason and this status.

    Raises InputError for a reason or a status there is not.
    """

    ids: tuple[int, ...] = ()
    reason: str | None = None
    status: str | None = "open"

    def __post_init__(self) -> None:
        for word, value, known in (
            ("reason", self.reason, REASONS),
            ("status", self.status, STATUSES),
        ):
            if value is not None and value not in known:
                raise InputError(f"There is no {word} {value!r}.", remedy=f"One of: {', '.join(known)}.")


@dataclass(frozen=True)
class Action:
    """What somebody did with a letter."""

    action: str
    mending: str | None
    note: str | None
    payload: bytes | None
    acted_at: datetime
    acted_by: str
    program_version: str


@dataclass(frozen=True)
class Still:
    """A letter that stays open, and why."""

    reject_id: int
    code: str
    text: str


@dataclass
class Replay:
    """What a replay did: letters sent, letters that stay open by reason, and the first of these."""

    sent: int = 0
    still_open: Counter[str] = field(default_factory=Counter)
    examples: list[Still] = field(default_factory=list)

    def keep(self, still: Still) -> None:
        """Count one that stays open."""
        self.still_open[still.code] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(still)


def letters(connection: duckdb.DuckDBPyConnection, which: Which) -> Iterator[DeadLetter]:
    """The letters, in the order they were refused. Raises InputError for an id there is not."""
    for portion in portions(connection, which):
        yield from portion


def portions(connection: duckdb.DuckDBPyConnection, which: Which) -> Iterator[list[DeadLetter]]:
    """The same in lists of a bounded size."""
    _require(connection, which)
    after = 0
    while found := _portion(connection, which, after):
        yield found
        after = found[-1].reject_id


def counts(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    """How many letters there are by (status, reason code)."""
    rows = connection.execute(statement("count_dead_letters")).fetchall()
    return {(status, reason): count for status, reason, count in rows}


def actions(connection: duckdb.DuckDBPyConnection, reject_id: int) -> list[Action]:
    """What was done with a letter, in order."""
    rows = connection.execute(statement("select_dead_letter_actions"), {"reject_id": reject_id}).fetchall()
    return [Action(*row) for row in rows]


def discard(connection: duckdb.DuckDBPyConnection, which: Which, *, note: str) -> int:
    """Put open letters aside for good; `note` says why. They stay in the file. Returns how many."""
    count = 0
    for portion in portions(connection, which):
        _note(connection, "discarded", [(each.reject_id, None) for each in portion], None, note)
        count += len(portion)
    return count


def replay(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    which: Which,
    *,
    send: Send | None,
    mending: Mending | None = None,
    note: str | None = None,
) -> Replay:
    """Mend open letters, try them, and send those that are good now; the others stay open.

    `send` puts (key, value) pairs on the topic, waits for their acknowledgement, and returns why not for
    those that were refused, by their place. Without it nothing is sent or noted: a trial.
    """
    with _Rehearsal(connection, settings) as rehearsal:
        replaying = _Replaying(connection, rehearsal, mending or AsItIs(), send, note)
        for portion in portions(connection, which):
            replaying.replay(portion)
    return replaying.done


@dataclass
class _Replaying:
    connection: duckdb.DuckDBPyConnection
    rehearsal: _Rehearsal
    mending: Mending
    send: Send | None
    note: str | None
    done: Replay = field(default_factory=Replay)

    def replay(self, portion: Sequence[DeadLetter]) -> None:
        """Mend, try, send and note one portion."""
        good = self._good(self._mended(portion))
        refused = self.send([pair for _, pair in good]) if self.send and good else {}
        for place, text in refused.items():
            self.done.keep(Still(good[place][0], "not_sent", text))
        sent = [(reject_id, pair[1]) for n, (reject_id, pair) in enumerate(good) if n not in refused]
        if self.send and sent:
            _note(self.connection, "replayed", sent, self.mending.words, self.note)
        self.done.sent += len(sent)

    def _mended(self, portion: Sequence[DeadLetter]) -> Iterator[tuple[int, bytes | None]]:
        """The letters that have a payload to try."""
        for letter, payload in zip(portion, self.mending.mended(portion), strict=True):
            if isinstance(payload, Unmended):
                self.done.keep(Still(letter.reject_id, "not_mended", payload.text))
            else:
                yield letter.reject_id, payload

    def _good(self, mended: Iterator[tuple[int, bytes | None]]) -> list[tuple[int, Pair]]:
        """The letters that would be landed now, with key and value."""
        tried, good = list(mended), []
        verdicts = self.rehearsal.judge([payload for _, payload in tried])
        for (reject_id, payload), verdict in zip(tried, verdicts, strict=True):
            if isinstance(verdict, Refused):
                self.done.keep(Still(reject_id, verdict.code, verdict.text))
            else:
                good.append((reject_id, (verdict, payload or b"")))
        return good


@dataclass(frozen=True)
class _Record:
    """A payload as the landing takes it."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: int = -1
    headers: tuple[Header, ...] = ()


class _Rehearsal:
    """The landing's own judgement, with nothing landed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        self._history = History(connection)
        self._longest = settings.land_max_event_bytes
        self._held = ExitStack()

    def __enter__(self) -> _Rehearsal:
        self._parser = self._held.enter_context(Parser(longest=self._longest))
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def judge(self, payloads: Sequence[bytes | None]) -> list[bytes | Refused]:
        """For each payload the key to send it under, or why it would be refused."""
        if not payloads:
            return []
        chunk = of_records(0, [_Record(place, value) for place, value in enumerate(payloads)])
        batch = Batch.of("", [chunk], from_offsets={0: 0}, to_offsets={0: len(payloads)})
        parsed = self._parser.parse(batch)
        refused = parsed.refused | self._history.repeats(parsed).conflicts
        keys = _subjects(parsed)
        return [refused[row] if row in refused else keys[row] for row in range(len(payloads))]


def _subjects(parsed: Parsed) -> dict[int, bytes]:
    table = parsed.select(parsed.identities.rows, ["subject_id"])
    subjects = zip(table["n"].to_pylist(), table["subject_id"].to_pylist(), strict=True)
    return {row: subject.encode() for row, subject in subjects}


def _portion(connection: duckdb.DuckDBPyConnection, which: Which, after: int) -> list[DeadLetter]:
    asked = {
        "after": after,
        "status": which.status,
        "reason": which.reason,
        "ids": list(which.ids),
        "most": _PORTION,
        "bytes": _PORTION_BYTES,
    }
    return [
        DeadLetter(*row) for row in connection.execute(statement("select_dead_letters"), asked).fetchall()
    ]


def _require(connection: duckdb.DuckDBPyConnection, which: Which) -> None:
    """Refuse ids there are not, or of another status."""
    if not which.ids:
        return
    states = dict(connection.execute(statement("dead_letter_states"), {"ids": list(which.ids)}).fetchall())
    for reject_id in which.ids:
        if reject_id not in states:
            raise InputError(
                f"There is no dead letter {reject_id}.", remedy="See `gridrates dead-letters list`."
            )
        if which.status and states[reject_id] != which.status:
            raise InputError(
                f"The dead letter {reject_id} is {states[reject_id]}, not {which.status}.",
                remedy=f"See what was done with it: `gridrates dead-letters show {reject_id}`.",
            )


def _note(
    connection: duckdb.DuckDBPyConnection,
    status: Status,
    acted: Sequence[tuple[int, bytes | None]],
    mending: str | None,
    note: str | None,
) -> None:
    """The audit rows and the new status, both or neither."""
    import pyarrow as pa

    table = pa.table(
        {
            "reject_id": pa.array([reject_id for reject_id, _ in acted], pa.int64()),
            "payload": pa.array([payload for _, payload in acted], pa.binary()),
        }
    )
    values = {"action": status, "mending": mending, "note": note, "by": who(), "version": __version__}
    with transaction(connection), registered(connection, acted=table):
        connection.execute(statement("insert_dead_letter_actions"), values)
        connection.execute(statement("set_dead_letter_status"), {"status": status})
