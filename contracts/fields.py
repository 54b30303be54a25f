"""The kinds of value a field of an event may hold.

Each kind is one rule, said once, in the `Kind` that every type carries: the pydantic type here, the JSON
Schema (`contracts.schema`) and the landing's SQL (`contracts.landing_rules`) are made from it. A scalar
may be given as its JSON type or as the same value written as text: exports rarely keep the difference.

The patterns keep to what Python, Rust, RE2 (DuckDB) and ECMAScript (JSON Schema) read alike: no `\\d`,
`\\s` or look-around, which differ between them. They are meant for a match of the whole value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

# RFC 3339 with an offset, seconds required, up to nine decimals (six are kept).
TIME_PATTERN = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
# The years a case can fall in.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# A code is one printable word or phrase: nothing that opens a JSON value, no control characters,
# no blanks at its ends, not even invisible ones.
CODE_NEVER = r'\x00-\x1f\x7f{}\[\]"' + "\u0080-\u009f"
CODE_BLANKS = " \u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
CODE_PATTERN = f"^[^{CODE_NEVER}{CODE_BLANKS}]([^{CODE_NEVER}]*[^{CODE_NEVER}{CODE_BLANKS}])?$"
CODE_LENGTH = 200
CODES_LENGTH = 1000
TEXT_LENGTH = 20_000
# The id of the key it was made with, where there was more than one, and the digits.
KEYED_HASH_PATTERN = r"^([a-z][0-9a-z_-]{0,31}:)?[0-9a-f]{16,128}$"
INTEGER_PATTERN = r"^-?[0-9]{1,15}$"
NUMBER_PATTERN = r"^-?[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?$"

KindName = Literal["code", "codes", "text", "moment", "flag", "integer", "number", "hash", "word"]


@dataclass(frozen=True)
class Kind:
    """What a landing column of this kind is: its DuckDB type, the name of its rule and its bounds.

    `pattern` is for the whole of the value written as text; `longest` counts characters, of each item
    where `most_items` says that it is a list. A field of a closed list of words is a `Literal`: it carries
    no `Kind`, and is of the kind `word`.
    """

    name: KindName
    sql_type: str
    least: float | None = None
    most: float | None = None
    pattern: str | None = None
    longest: int | None = None
    most_items: int | None = None


class _DigitsToo:
    """Takes a whole number for a text, all in the compiled core, and says in words what a code is."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        digits = core_schema.no_info_after_validator_function(
            str, core_schema.int_schema(strict=True, gt=-(10 ** (CODE_LENGTH - 1)), lt=10**CODE_LENGTH)
        )
        return core_schema.union_schema(
            [handler(source), digits],
            mode="left_to_right",
            custom_error_type="code",
            custom_error_message=f"not a code: 1 to {CODE_LENGTH} printable characters, no blank at either "
            'end, none of { } [ ] "',
        )


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and re.fullmatch(TIME_PATTERN, value):
        moment = datetime.fromisoformat(value.upper())
    else:
        raise ValueError("not an RFC 3339 time with seconds and an offset, such as 2026-05-01T08:00:00+08:00")
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    if not EARLIEST <= moment < LATEST:
        raise ValueError("a time must lie between 1970 and 2199")
    return moment


_BEYOND = 2**1023


def _flag(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise ValueError("not true or false")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(INTEGER_PATTERN, value):
        return int(value)
    raise ValueError("not a whole number")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # No float is as large as some whole numbers; no field takes either.
        return float(value) if abs(value) < _BEYOND else math.inf
    if isinstance(value, str) and re.fullmatch(NUMBER_PATTERN, value):
        return float(value)
    raise ValueError("not a number")


def _integers(least: int, most: int) -> Kind:
    return Kind("integer", "BIGINT", least=least, most=most, pattern=INTEGER_PATTERN)


def _numbers(least: float, most: float) -> Kind:
    return Kind("number", "DOUBLE", least=least, most=most, pattern=NUMBER_PATTERN)


def _spoken(json_type: str, kind: Kind, note: str) -> WithJsonSchema:
    """The JSON Schema of a number that may be written as text; bounds of the text are left to `note`."""
    native = {"type": json_type, "minimum": kind.least, "maximum": kind.most}
    return WithJsonSchema(
        {"anyOf": [native, {"type": "string", "pattern": kind.pattern}], "description": note}
    )


_INTEGER_NOTE = "Written as text, its value must lie between the same bounds. 3.0 is not a whole number."
_NUMBER_NOTE = "Written as text, its value must lie between the same bounds."
_MOMENT_NOTE = "The day must exist, and the time must lie between 1970 and 2199 (UTC)."
_CODE_NOTE = "A whole number is taken as its digits: at most 200 of them, and no decimal point."

_COUNT = _integers(0, 10**9)
_CONDITION = _integers(1, 99)
_SEQUENCE = _integers(0, 10**15 - 1)
_LONGITUDE = _numbers(-180, 180)
_LATITUDE = _numbers(-90, 90)
_POINTS = _numbers(-1000, 1000)
_QUANTITY = _numbers(0, 1e12)

# The bounds stand before the validator: they are then checked by the compiled core, after it.
Code = Annotated[
    str,
    Field(min_length=1, max_length=CODE_LENGTH, pattern=CODE_PATTERN),
    _DigitsToo(),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": CODE_LENGTH, "pattern": CODE_PATTERN},
                {"type": "integer"},
            ],
            "description": _CODE_NOTE,
        }
    ),
    Kind("code", "VARCHAR", pattern=CODE_PATTERN, longest=CODE_LENGTH),
]
Codes = Annotated[
    list[Code],
    Field(max_length=CODES_LENGTH),
    Kind("codes", "VARCHAR[]", pattern=CODE_PATTERN, longest=CODE_LENGTH, most_items=CODES_LENGTH),
]
Text = Annotated[str, Field(max_length=TEXT_LENGTH), Kind("text", "VARCHAR", longest=TEXT_LENGTH)]
KeyedHash = Annotated[
    str,
    Field(pattern=KEYED_HASH_PATTERN),
    Kind("hash", "VARCHAR", pattern=KEYED_HASH_PATTERN, longest=161),
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(datetime.isoformat, when_used="json"),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "pattern": TIME_PATTERN, "description": _MOMENT_NOTE}
    ),
    Kind("moment", "TIMESTAMPTZ", pattern=TIME_PATTERN),
]
Flag = Annotated[
    bool,
    BeforeValidator(_flag),
    WithJsonSchema({"enum": [True, False, "true", "false"]}),
    Kind("flag", "BOOLEAN", pattern="^(true|false)$"),
]
Count = Annotated[
    int,
    Field(ge=0, le=10**9),
    BeforeValidator(_integer),
    _spoken("integer", _COUNT, _INTEGER_NOTE),
    _COUNT,
]
ConditionNo = Annotated[
    int,
    Field(ge=1, le=99),
    BeforeValidator(_integer),
    _spoken("integer", _CONDITION, _INTEGER_NOTE),
    _CONDITION,
]
SequenceNo = Annotated[
    int,
    Field(ge=0, lt=10**15),
    BeforeValidator(_integer),
    _spoken("integer", _SEQUENCE, _INTEGER_NOTE),
    _SEQUENCE,
]
Longitude = Annotated[
    float,
    Field(ge=-180, le=180),
    BeforeValidator(_number),
    _spoken("number", _LONGITUDE, _NUMBER_NOTE),
    _LONGITUDE,
]
Latitude = Annotated[
    float,
    Field(ge=-90, le=90),
    BeforeValidator(_number),
    _spoken("number", _LATITUDE, _NUMBER_NOTE),
    _LATITUDE,
]
Points = Annotated[
    float,
    Field(ge=-1000, le=1000),
    BeforeValidator(_number),
    _spoken("number", _POINTS, _NUMBER_NOTE),
    _POINTS,
]
Quantity = Annotated[
    float,
    Field(ge=0, le=1e12),
    BeforeValidator(_number),
    _spoken("number", _QUANTITY, _NUMBER_NOTE),
    _QUANTITY,
]
