"""What counts as personal data in a text, said once: for the masking, for the gate's rules and for the tests.

Each kind has a pattern that Python and RE2 (DuckDB, Arrow) read alike, a test of its check digit where it
has one, and the mark that stands in its place once it is masked. The names of things (`id`, `source`,
`subject` and the other codes of the contract) are never masked: events and cases are known by them.

Full-width digits and letters are read as plain ones. Not found: names and addresses, numbers in words,
landline numbers without area code that no word announces, plates of the army and of embassies.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from contracts.written_events import NAMES, named_start, named_value, usual_event

if TYPE_CHECKING:
    import pyarrow as pa

CheckName = Literal["resident_id", "bank_card"]

# What may stand before a number: no letter, digit or point. In JSON, a line break or a Chinese character may
# be written as an escape whose last sign is a letter or a digit.
_BEFORE = r"(?:^|[^0-9A-Za-z_.]|\\[nrtbf]|\\u[0-9A-Fa-f]{4})"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_ESCAPED_PROVINCES = "|".join(f"{ord(sign):04x}" for sign in _PROVINCES)
_PROVINCE = rf"(?:[{_PROVINCES}]|\\u(?i:{_ESCAPED_PROVINCES}))"
_MOBILE = r"(?:(?:\+?86|0086)[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}"
_AREA_CODES = r"[(]?(?:(?:010|02[0-9])[)]?[- ]?[2-9][0-9]{3}|0[3-9][0-9]{2}[)]?[- ]?[2-9][0-9]{2,3})"
_DAY = "(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_RESIDENT_ID = rf"[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}{_DAY}[0-9]{{3}}[0-9Xx]"
# UnionPay of 16 to 19 digits, two banks' debit cards of 19, Visa and Mastercard of 16.
_FOURS = "(?:[- ]?[0-9]{4}){3}"
_CARD = (
    rf"(?:62[0-9]{{2}}{_FOURS}(?:[- ]?[0-9]{{1,3}})?|(?:4367|9558){_FOURS}[- ]?[0-9]{{3}}"
    rf"|(?:4[0-9]{{3}}|5[1-5][0-9]{{2}}){_FOURS})"
)
_PLATE_ENDS = (
    r"[A-HJ-NP-Z][·• ]?(?:[0-9A-HJ-NP-Z]{5,6}\b|[0-9A-HJ-NP-Z]{4}[挂学警港澳])"
    r"|[A-HJ-NP-Za-hj-np-z][·• ]?[0-9A-Za-z]{1,2}[0-9]{4}\b"
)
# A card that holds a date where numbers of cases have one is the number of a case.
DATED_NUMBER = rf"^[0-9]{{6}}(?:19|20)[0-9]{{2}}{_DAY}"


@dataclass(frozen=True)
class Kind:
    """A kind of personal data. `pattern` has one group: what is masked."""

    name: str
    zh: str
    en: str
    pattern: str
    check: CheckName | None = None

    @property
    def mark(self) -> str:
        """What stands in its place."""
        return f"〔{self.zh}〕"


_EMAIL = r"([0-9A-Za-z_%+.-]{1,64}@(?:[0-9A-Za-z-]{1,63}\.)+[A-Za-z]{2,})"
_ANNOUNCED = r"(?:电话|座机|热线)[: ]?([2-9][0-9]{2,3}[- ]?[0-9]{4})\b"
KINDS = (
    Kind("email", "电子邮箱", "e-mail address", _EMAIL),
    Kind(
        "resident_id", "身份证号", "resident identity number", rf"{_BEFORE}({_RESIDENT_ID})\b", "resident_id"
    ),
    Kind("bank_card", "银行卡号", "bank card number", rf"{_BEFORE}({_CARD})\b", "bank_card"),
    Kind("mobile", "手机号", "mobile number", rf"{_BEFORE}({_MOBILE})\b"),
    Kind("landline", "固定电话", "landline number", rf"{_BEFORE}({_AREA_CODES}[- ]?[0-9]{{4}})\b"),
    Kind("announced", "固定电话", "landline number", _ANNOUNCED),
    Kind("plate", "车牌号", "plate number", rf"({_PROVINCE}(?:{_PLATE_ENDS}))"),
)
MARKS = tuple(dict.fromkeys(kind.mark for kind in KINDS))

# Whatever some kind of personal data may be written with.
_MARK = "〔[^〔〕]{1,20}〕"
_MASKED = rf"(?:{_MARK}|[0-9A-Za-z_%+.@·• ()\uff01-\uff5e{_PROVINCES}挂学警港澳-]{{1,130}}?)"
FULL_WIDTH = "".join(map(chr, range(0xFF01, 0xFF5F)))
HALF_WIDTH = "".join(map(chr, range(0x21, 0x7F)))
_NARROW = str.maketrans(FULL_WIDTH, HALF_WIDTH)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

# One look that lets by what cannot hold any of the kinds: nearly everything. It may stop at too much, never
# at too little. Escapes of JSON are looked into only when they may hide a digit, a letter or a sign.
_DASH = "(?:[- ]|－)?"
_EDGE, _END = "(?:^|[^0-9A-Za-z_.])", "(?:[^0-9A-Za-z_]|$)"
_WIDE_LETTERS = [sign for sign in FULL_WIDTH if sign.isalpha()]
_SCREENED = (
    "@",
    r"\\u(?:00|[Ff][Ff]|2022)",
    f"(?:{'|'.join('０１２３４５６７８９＠')})",
    rf"{_EDGE}(?:(?:00)?86{_DASH})?1[3-9][0-9]{_DASH}[0-9]{{4}}{_DASH}[0-9]{{4}}{_END}",
    r"(?:\\[nrtbf]|\\u[0-9A-Fa-f]{4}[: ]?)\+?[(]?[0-9]{3}",
    rf"{_EDGE}[1-9][0-9]{{5}}(?:19|20)[0-9]{{2}}[01][0-9][0-3][0-9]{{4}}(?:[0-9Xx]{_END}|Ｘ|ｘ)",
    rf"{_EDGE}(?:62|4[0-9]|5[1-5]|95)[0-9]{{2}}(?:{_DASH}[0-9]{{4}}){{3}}(?:{_DASH}[0-9]{{1,3}})?{_END}",
    rf"{_EDGE}0[1-9][0-9]{{1,2}}(?:[)]|）)?{_DASH}[2-9][0-9]{{2,3}}{_DASH}[0-9]{{4}}{_END}",
    rf"(?:话|机|线)(?:[: ]|：)?[2-9][0-9]{{2,3}}{_DASH}[0-9]{{4}}",
    rf"[^\x00-\x7f](?:[A-Za-z]|{'|'.join(_WIDE_LETTERS)})(?:·|•| )?[0-9A-Za-z]{{4}}",
    r"\\u[0-9A-Fa-f]{4}[A-Za-z] ?[0-9A-Za-z]{4}",
)
SCREEN = "|".join(_SCREENED)
# The same for bytes, which Arrow reads as Latin-1.
BYTES_SCREEN = "".join(
    sign
    if sign.isascii()
    else f"(?:{''.join(f'{byte:#04x}'.replace('0x', chr(92) + 'x') for byte in sign.encode())})"
    for sign in SCREEN
)


# To mask fewer payloads takes less time than to look at them again.
_QUICKLY_MASKED = 20

# What any piece of personal data has, to be quick about the many texts that have none; and the kinds that
# need a Chinese character.
_HINT = re.compile(r"@|[0-9]{3}|[^\x00-\x7f][A-Za-z]|\\u")
_CHINESE = ("announced", "plate")


@dataclass(frozen=True)
class Found:
    """Personal data in a text: what it is and where."""

    kind: Kind
    start: int
    end: int


def find(text: str) -> list[Found]:
    """Personal data in a text, in order, none overlapping another."""
    is_ascii = text.isascii()
    plain = text if is_ascii else text.translate(_NARROW)
    if not _HINT.search(plain):
        return []
    found: list[Found] = []
    for kind in KINDS:
        if (kind.name == "email" and "@" not in plain) or (
            kind.name in _CHINESE and is_ascii and "\\u" not in plain
        ):
            continue
        for match in _pattern(kind).finditer(plain):
            start, end = match.span(1)
            if _is_real(kind, match[1]) and all(end <= f.start or f.end <= start for f in found):
                found.append(Found(kind, start, end))
    return sorted(found, key=lambda each: each.start)


def mask(text: str, counts: Counter[str] | None = None) -> str:
    """The text with a mark in the place of each piece of personal data; `counts` by the kind's mark."""
    pieces, at = [], 0
    for each in find(text):
        pieces += [text[at : each.start], each.kind.mark]
        at = each.end
        if counts is not None:
            counts[each.kind.mark] += 1
    return "".join([*pieces, text[at:]]) if pieces else text


def may_say_the_same(one: str, other: str) -> bool:
    """Whether two texts are equal where both can be read: a mark may stand for anything that was masked.

    What was masked under earlier rules, or is masked under none any more, is thus no other content.
    """
    if one == other:
        return True
    ours, theirs = mask(one), mask(other)
    return ours == theirs or _fits(ours, theirs) or _fits(theirs, ours)


def _fits(marked: str, text: str) -> bool:
    """Whether the text is the marked one with what may be personal data in the places of the marks."""
    pieces = _any_mark().split(marked)
    return len(pieces) > 1 and bool(re.fullmatch(_MASKED.join(map(re.escape, pieces)), text))


def screen(values: pa.Array) -> pa.Array:
    """For each of an Arrow array of bytes, whether it may hold personal data. Null stays null."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(values, BYTES_SCREEN)


def mask_payloads(values: Sequence[bytes], counts: Counter[str]) -> dict[int, bytes]:
    """Of many payloads those that are masked, by their place."""
    import pyarrow as pa

    places = suspects(pa.array(values, pa.large_binary()))
    masked = {place: mask_payload(values[place], counts) for place in places}
    return {place: payload for place, payload in masked.items() if payload != values[place]}


def suspects(values: pa.Array) -> list[int]:
    """Of an Arrow array of payloads, the places of those that may hold personal data beside their names.

    Numbers of cases look like those of telephones and cards. A second look leaves out all names of an event
    that holds nothing but fields of the contract; of others those that they begin with, and only of JSON: in
    what is none, nothing is a name.
    """
    import pyarrow.compute as pc

    places = pc.indices_nonzero(screen(values))
    if len(places) < _QUICKLY_MASKED:
        return list(places.to_pylist())
    is_usual = pc.match_substring_regex(values.take(places), usual_event())
    usual, others = places.filter(is_usual), places.filter(pc.invert(is_usual))
    unnamed = pc.replace_substring_regex(values.take(usual), named_value(), '""')
    found: list[int] = usual.filter(screen(unnamed)).to_pylist()
    rest = values.take(others)
    unnamed = pc.replace_substring_regex(rest, named_start(), "{", max_replacements=1)
    for place, payload, is_elsewhere in zip(
        others.to_pylist(), rest, screen(unnamed).to_pylist(), strict=True
    ):
        if is_elsewhere or not _is_json(_text(payload.as_py())):
            found.append(place)
    return sorted(found)


def mask_payload(payload: bytes, counts: Counter[str] | None = None) -> bytes:
    """An event with its texts masked, and nothing else of it changed.

    Masked is every text and number of the JSON but the contract's codes, numbers and keyed hashes; in what is
    no JSON, everything.
    """
    text = _text(payload)
    masked = _mask_json(text, counts) if _is_json(text) else mask(text, counts)
    return masked.encode(errors="surrogateescape")


def _text(payload: bytes) -> str:
    """A payload as text, whatever its bytes."""
    return payload.decode(errors="surrogateescape")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|([{}\[\]])|(-?[0-9][0-9.eE+-]*)', re.DOTALL)


def _mask_json(text: str, counts: Counter[str] | None) -> str:
    """JSON text with its strings and numbers masked in place: spaces, order and doubled keys stay."""
    counts = Counter() if counts is None else counts
    pieces, at = [], 0
    for match, path in _tokens(text):
        token = match[1] or match[4]
        if path in NAMES or (masked := _masked_token(token, counts)) == token:
            continue
        start = match.start(1) if match[1] else match.start(4)
        pieces += [text[at:start], masked]
        at = start + len(token)
    return "".join([*pieces, text[at:]])


def _tokens(text: str) -> Iterator[tuple[re.Match[str], tuple[str, ...]]]:
    """Strings and numbers of a JSON text, each with the keys that lead to it; keys lead nowhere."""
    path: list[str] = []
    key = ""
    for match in _TOKEN.finditer(text):
        if match[3] in ("{", "["):
            # What stands in a list is under the key of the list.
            path.append(key)
        elif match[3]:
            key = path.pop() if path else ""
        elif match[2]:
            key = _string(match[1])
            yield match, ()
        else:
            yield match, (*path[1:4], key)


def _masked_token(token: str, counts: Counter[str]) -> str:
    if not token.startswith('"'):
        masked = mask(token, counts)
        return token if masked == token else f'"{masked}"'
    said = _string(token)
    masked = mask(said, counts)
    # Half a character can be written as an escape alone.
    return token if masked == said else json.dumps(masked, ensure_ascii="\\" in token)


def _string(token: str) -> str:
    return str(json.loads(token)) if "\\" in token else token[1:-1]


@cache
def _pattern(kind: Kind) -> re.Pattern[str]:
    return re.compile(kind.pattern, re.ASCII)


@cache
def _any_mark() -> re.Pattern[str]:
    return re.compile(_MARK)


def _is_real(kind: Kind, said: str) -> bool:
    match kind.check:
        case "resident_id":
            total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, said[:17], strict=True))
            return "10X98765432"[total % 11] == said[17].upper()
        case "bank_card":
            digits = re.sub("[- ]", "", said)
            return not re.match(DATED_NUMBER, digits) and _has_luhn_digit(digits)
        case None:
            return True


def _has_luhn_digit(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0
