"""`gridrates dead-letters`: look at what was refused, mend it and send it again, or put it aside."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import InputError, ResourceError

if TYPE_CHECKING:
    from warehouse.dead_letters import Action, Replay, Which
    from warehouse.mending import DeadLetter, Mending

SHOWN_BYTES = 4_000
LIST = "gridrates dead-letters list"
Ids = Annotated[list[int] | None, typer.Argument(metavar="ID...", help="Numbers, as `list` shows them.")]
Reason = Annotated[str | None, typer.Option(help="Those refused for this reason, such as bad_time.")]
All = Annotated[bool, typer.Option("--all", help="All that are open.")]

dead_letters = typer.Typer(no_args_is_help=True, help="Look at refused records, mend them, send them again.")


def register(app: typer.Typer) -> None:
    """Add `gridrates dead-letters`."""
    app.add_typer(dead_letters, name="dead-letters")


@dead_letters.command(
    name="list",
    epilog=common.examples(
        "gridrates dead-letters list",
        "gridrates dead-letters list --reason bad_time --export mend.jsonl",
    ),
)
def list_(
    ctx: typer.Context,
    reason: Reason = None,
    status: Annotated[str, typer.Option(help="open, replayed, discarded or all.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all of them to a file to edit.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """List refused records: number, reason, what exactly is wrong, who it says it is, where it was.

    The file of --export has one JSON text a line. Mend its events, delete the lines you do not want to
    send, and give it to `dead-letters replay --file`.
    """
    from warehouse import dead_letters as room
    from warehouse.live import open_live

    which = room.Which(reason=reason, status=None if status == "all" else status)
    with open_live(common.settings(ctx), command=LIST) as connection:
        counts = room.counts(connection)
        shown = list(islice(room.letters(connection, which), limit))
        written = _export(room.letters(connection, which), export) if export else None
    if as_json:
        common.print_json({"counts": _nested(counts), "letters": [_described(letter) for letter in shown]})
    else:
        _print_list(shown, sum(_matching(counts, which)))
    if export:
        common.say(f"{written:,} letters are in {export}.")


@dead_letters.command(epilog=common.examples("gridrates dead-letters show 12"))
def show(
    ctx: typer.Context,
    reject_id: Annotated[int, typer.Argument(metavar="ID", help="Its number, as `list` shows it.")],
    as_json: common.Json = False,
) -> None:
    """Show one refused record: its bytes, headers and position, and what was done with it."""
    from warehouse import dead_letters as room
    from warehouse.live import open_live

    with open_live(common.settings(ctx), command="gridrates dead-letters show") as connection:
        (letter,) = room.letters(connection, room.Which(ids=(reject_id,), status=None))
        done = room.actions(connection, reject_id)
    if as_json:
        common.print_json(_described(letter) | _content(letter) | {"actions": [_told(each) for each in done]})
    else:
        _print_letter(letter, done)


@dead_letters.command(
    epilog=common.examples(
        "gridrates dead-letters replay 12 13 --dry-run",
        "gridrates dead-letters replay --reason not_utf8 --encoding gb18030",
        "gridrates dead-letters replay --file mend.jsonl --note 'clock mended'",
        'gridrates dead-letters replay --reason bad_time --mend "$(cat mend.sql)"',
    )
)
def replay(
    ctx: typer.Context,
    ids: Ids = None,
    reason: Reason = None,
    everything: All = False,
    mend: Annotated[
        str | None, typer.Option(metavar="SQL", help="Expression that gives the new payload.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="How to read the bytes, such as gb18030.")] = "utf-8",
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Edited file: its letters, with its payloads.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why; kept with who and when.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try; send and note nothing.")] = False,
    as_json: common.Json = False,
) -> None:
    """Mend open dead letters and send them to the topic again; the next landing takes them.

    Only what the landing would accept is sent. The others stay open, and each is told with its reason: then
    the exit code is 2. --mend is an expression in DuckDB's SQL over payload, key, reason_code, reason_text,
    source, event_id and reject_id; for example json_merge_patch(payload, '{"source": "/hotline"}').
    Replaying twice does no harm: an event carries its id.
    """
    from gridrates.replays import replay_dead_letters, try_dead_letters

    mending = _mending(mend, encoding, file)
    which = _which(_ids_of(mending, ids), reason, everything)
    settings = common.settings(ctx)
    if dry_run:
        done = try_dead_letters(settings, which, mending=mending)
    else:
        done = replay_dead_letters(settings, which, mending=mending, note=note)
    _tell_replay(done, dry_run, as_json)


@dead_letters.command(
    epilog=common.examples(
        "gridrates dead-letters discard 12 --note 'a test record'",
        "gridrates dead-letters discard --reason tombstone --note 'source mended'",
    )
)
def discard(
    ctx: typer.Context,
    note: Annotated[str, typer.Option(help="Why; kept with who and when.")],
    ids: Ids = None,
    reason: Reason = None,
    everything: All = False,
    as_json: common.Json = False,
) -> None:
    """Put open dead letters aside for good. Their bytes stay in the live file."""
    from warehouse import dead_letters as room
    from warehouse.live import open_live

    which = _which(tuple(ids or ()), reason, everything)
    with open_live(common.settings(ctx), command="gridrates dead-letters discard") as connection:
        count = room.discard(connection, which, note=note)
    if as_json:
        common.print_json({"discarded": count})
    else:
        common.stdout().print(f"{count:,} discarded")


def _mending(expression: str | None, encoding: str, file: Path | None) -> Mending:
    from warehouse.mending import AsItIs, ByExpression, ByFile

    if file is not None:
        if expression is not None or encoding != "utf-8":
            raise InputError(
                "An edited file has the payloads as they are to be sent.",
                remedy="Use either --file, or --mend and --encoding.",
            )
        return ByFile(file)
    if expression is None and encoding == "utf-8":
        return AsItIs()
    return ByExpression(expression or "payload", encoding=encoding)


def _ids_of(mending: Mending, ids: list[int] | None) -> tuple[int, ...]:
    """The letters of an edited file; those named on the command line must be among them."""
    in_file = getattr(mending, "ids", None)
    if in_file is None:
        return tuple(ids or ())
    if not in_file:
        raise InputError(
            "The edited file holds no letter.", remedy=f"Write one with `{LIST} --export mend.jsonl`."
        )
    if missing := sorted(set(ids or ()) - set(in_file)):
        raise InputError(
            f"The dead letter {missing[0]} is not in the file.", remedy="Add it, or leave it out."
        )
    return tuple(ids or in_file)


def _which(ids: tuple[int, ...], reason: str | None, everything: bool) -> Which:
    """What was chosen: never all by mistake."""
    from warehouse.dead_letters import Which

    if not (ids or reason or everything):
        raise InputError(
            "Say which dead letters: their numbers, a --reason or --all.", remedy=f"See `{LIST}`."
        )
    return Which(ids=ids, reason=reason)


def _export(letters: Any, path: Path) -> int:
    from warehouse.mending import export

    try:
        return export(letters, path)
    except OSError as error:
        raise ResourceError(
            f"{path} cannot be written: {error.strerror}.", remedy="Name another file."
        ) from error


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (status, reason), count in counts.items():
        found.setdefault(status, {})[reason] = count
    return found


def _matching(counts: Mapping[tuple[str, str], int], which: Which) -> list[int]:
    return [
        count
        for (status, reason), count in counts.items()
        if which.status in (None, status) and which.reason in (None, reason)
    ]


def _described(letter: DeadLetter) -> dict[str, Any]:
    """What is known of a letter, but for its content."""
    return {
        name: value for name, value in asdict(letter).items() if name not in ("key", "payload", "headers")
    }


def _content(letter: DeadLetter) -> dict[str, Any]:
    import json

    from warehouse.mending import spelled

    return {
        "key": (letter.key or b"").decode(errors="replace") if letter.key is not None else None,
        "headers": json.loads(letter.headers or "[]"),
        "payload": spelled(letter.payload),
    }


def _told(action: Action) -> dict[str, Any]:
    from warehouse.mending import spelled

    return asdict(action) | {"payload": spelled(action.payload)}


def _print_list(shown: list[DeadLetter], total: int) -> None:
    from rich.table import Column, Table

    # What is cut short finds nothing.
    event, place = (Column(name, overflow="fold") for name in ("事件 event", "位置 position"))
    table = Table("编号 id", "原因 reason", "说明 what is wrong", event, place, box=None)
    for letter in shown:
        who = " ".join(filter(None, (letter.source, letter.event_id))) or "—"
        text = letter.reason_text if len(letter.reason_text) <= 80 else f"{letter.reason_text[:79]}…"
        position = f"{letter.topic}/{letter.partition}/{letter.offset}"
        table.add_row(str(letter.reject_id), letter.reason_code, text, who, position)
    if shown:
        common.stdout().print(table)
    common.say(f"{len(shown):,} of {total:,} dead letters." if total else "No dead letter.")


def _print_letter(letter: DeadLetter, done: list[Action]) -> None:
    say = common.stdout().print
    content = _content(letter)
    say(f"{letter.reject_id}  {letter.status}  {letter.reason_code}: {letter.reason_text}", markup=False)
    say(f"{letter.topic}, partition {letter.partition}, offset {letter.offset}; {letter.rejected_at}")
    say(f"key: {content['key']}   headers: {content['headers']}", markup=False)
    say(_readable(letter.payload), markup=False)
    for action in done:
        say(
            f"{action.action} {action.acted_at:%Y-%m-%d %H:%M} by {action.acted_by}"
            + (f", mended by {action.mending}" if action.mending else "")
            + (f": {action.note}" if action.note else ""),
            markup=False,
        )


def _readable(payload: bytes | None) -> str:
    """A payload for a person's eyes: its text, or its bytes as hexadecimal numbers, cut where it is long."""
    if payload is None:
        return "(no value)"
    cut = "" if len(payload) <= SHOWN_BYTES else f"\n… {len(payload):,} bytes in all"
    with suppress(UnicodeDecodeError):
        text = payload.decode()
        return text[:SHOWN_BYTES] + cut
    return payload[:SHOWN_BYTES].hex(" ") + cut


def _tell_replay(done: Replay, dry_run: bool, as_json: bool) -> None:
    """Print what was sent and what stays open; leave with exit code 2 when something does."""
    still = sum(done.still_open.values())
    if as_json:
        first = [asdict(each) for each in done.examples]
        common.print_json({"sent": done.sent, "still_open": dict(done.still_open), "examples": first})
    else:
        for each in done.examples:
            common.say(f"{each.reject_id}: {each.code}: {each.text}")
        verb = "would be sent" if dry_run else "sent"
        common.stdout().print(f"{done.sent:,} {verb}, {still:,} stay open")
    if still:
        raise typer.Exit(InputError.exit_code)
