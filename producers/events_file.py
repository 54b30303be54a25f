"""Sends a file of events, one JSON text a line, to Kafka.

Reads a stream of bytes (UTF-8, with or without BOM, LF or CRLF, gzip or not; blank lines are passed over)
in flat memory. Each line is checked against the contract; a good one is sent as it stands, under its
subject as key. A line that is not a valid event, or that Kafka does not take, is written to the rejects
file with its number, the reason and its text. Guarantees read = sent + rejected, whatever happens.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, cast

from contracts.events import Fault, InvalidEvent, parse
from gridrates.errors import GridratesError, InputError, ResourceError
from producers.publisher import Publisher
from producers.stopping import StopSwitch

if TYPE_CHECKING:
    from io import BufferedReader

    from gridrates.settings import Settings

# More than any topic takes. What is longer is cut, so that a file without line ends does not fill memory.
LONGEST_LINE = 16 * 1024 * 1024
# Lines are checked and sent in portions of at most so many, or about so many bytes.
PORTION_LINES = 2000
PORTION_BYTES = 4 * 1024 * 1024
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Line:
    """A line that is not blank: its number in the file, from 1, and its text without blanks around it."""

    number: int
    text: bytes
    is_cut: bool = False


@dataclass(frozen=True)
class Summary:
    """What became of the lines read: `read` = `sent` + `rejected`.

    `signal_number` and `failure` say why the end of the file was not reached, if it was not.
    """

    read: int
    sent: int
    rejected: int
    signal_number: int | None = None
    failure: GridratesError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the end of the file was reached."""
        return self.signal_number is None and self.failure is None


def plain_text(file: BufferedReader, name: str) -> BinaryIO:
    """The same stream, unpacked when it is gzip. Raises InputError when it is UTF-16."""
    start = file.peek(2)[:2]
    if start in _UTF16_BOMS:
        raise InputError(f"{name} is UTF-16.", remedy="Save it as UTF-8 and try again.")
    return cast(BinaryIO, gzip.GzipFile(fileobj=file)) if start == _GZIP else file


def read_lines(stream: BinaryIO, name: str) -> Iterator[Line]:
    """The lines of `stream` that are not blank. Raises InputError when it cannot be read to its end."""
    number = 0
    try:
        while text := stream.readline(LONGEST_LINE):
            number += 1
            is_cut = not text.endswith(b"\n") and _skip_rest_of_line(stream)
            if stripped := _strip(text, is_first=number == 1):
                yield Line(number, stripped, is_cut)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{name} cannot be read beyond line {number:,}: {error}.",
            remedy="Get the file again; the lines before that are done, and sending them twice does no harm.",
        ) from error


def _strip(text: bytes, *, is_first: bool) -> bytes:
    return (text.removeprefix(_UTF8_BOM) if is_first else text).strip(b" \t\r\n")


def _skip_rest_of_line(stream: BinaryIO) -> bool:
    """Read to the end of the line; whether there was anything left of it."""
    skipped = 0
    while text := stream.readline(LONGEST_LINE):
        skipped += len(text)
        if text.endswith(b"\n"):
            break
    return skipped > 0


def portions(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """The lines in portions that are worth a call of the publisher."""
    portion, size = list[Line](), 0
    for line in lines:
        portion.append(line)
        size += len(line.text)
        if len(portion) == PORTION_LINES or size >= PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def key_of(line: Line) -> bytes:
    """The key to send a line under. Raises InvalidEvent when the line is not an event."""
    if line.is_cut:
        raise InvalidEvent([Fault("", f"longer than {LONGEST_LINE:,} bytes; the rest is cut off here")])
    return parse(line.text).subject.encode()


class Rejects:
    """The rejects file: one JSON text a rejected line. A context manager; leaves no empty file behind.

    Each has `line`, `reason` and `text`, or `base64` where the line is not UTF-8. `on_reject` is told each.
    """

    def __init__(self, path: Path, on_reject: Callable[[int, str], None] = lambda _number, _reason: None):
        self.path = path
        self.count = 0
        self._on_reject = on_reject

    def __enter__(self) -> Rejects:
        try:
            self._file = self.path.open("w", encoding="utf-8")
        except OSError as error:
            raise ResourceError(
                f"The rejects file {self.path} cannot be written: {error.strerror}.",
                remedy="Name another with --rejects.",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self.count:
            self.path.unlink()

    def add(self, number: int, reason: str, text: bytes) -> None:
        """Write one down."""
        self.count += 1
        entry = {"line": number, "reason": reason} | _spelled(text)
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._on_reject(number, reason)


def _spelled(text: bytes) -> dict[str, str]:
    try:
        return {"text": text.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(text).decode()}


def send_events(
    settings: Settings,
    stream: BinaryIO,
    rejects: Rejects,
    *,
    name: str,
    on_progress: Callable[[int], None] = lambda _read: None,
) -> Summary:
    """Send the events of `stream` (called `name` in messages) to the topic of the settings.

    `on_progress` is told the number of lines read so far. SIGTERM and Ctrl-C stop it after the portion at
    hand. Raises ServiceUnavailable when the broker is away from the start; what fails on the way is in the
    summary.
    """
    publisher = Publisher(settings, settings.topic)
    publisher.open()
    read, failure = 0, None
    with StopSwitch(publisher.stop) as switch:
        try:
            for portion in switch.until_stopped(portions(read_lines(stream, name))):
                read += len(portion)
                _send(portion, publisher, rejects)
                on_progress(read)
        except GridratesError as error:
            failure = error
        finally:
            publisher.close()
    _note_refused(publisher, rejects)
    failure = failure or publisher.failure
    return Summary(read, publisher.counts.acknowledged, rejects.count, switch.signal_number, failure)


def _send(portion: list[Line], publisher: Publisher, rejects: Rejects) -> None:
    """Send the good lines of a portion; note the bad ones, and what Kafka refused by now."""
    good, keys = [], []
    for line in portion:
        try:
            keys.append(key_of(line))
            good.append(line)
        except InvalidEvent as error:
            rejects.add(line.number, str(error), line.text)
    pairs = [(key, line.text) for key, line in zip(keys, good, strict=True)]
    publisher.publish(pairs, origins=[line.number for line in good])
    _note_refused(publisher, rejects)


def _note_refused(publisher: Publisher, rejects: Rejects) -> None:
    for refused in publisher.refused():
        rejects.add(refused.origin, refused.reason, refused.value)
