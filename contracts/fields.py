"""The kinds of value a field of `data` may hold.

Each kind is one rule, said twice from one place: as a pydantic type here, and as SQL in the landing
(generated from the `Kind` that every type carries, see `contracts.schema`). A scalar may be given as
its JSON type or as the same value written as text: exports rarely keep the difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

# RFC 3339 with an offset, seconds required, up to six decimals; the years a case can fall in.
TIME_PATTERN = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})$"
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# A code is one printable word or phrase: nothing that opens a JSON value, no control characters,
# no blanks at its ends.
CODE_PATTERN = r'^[^\s\x00-\x1f\x7f{}\[\]"]([^\x00-\x1f\x7f{}\[\]"]*[^\s\x00-\x1f\x7f{}\[\]"])?$'
CODE_LENGTH = 200
TEXT_LENGTH = 20_000
KEYED_HASH_PATTERN = r"^[0-9a-f]{16,128}$"


@dataclass(frozen=True)
class Kind:
    """What a landing column of this kind is: its DuckDB type and the name of its rule.

    A field of a closed list of words is a `Literal` and carries no `Kind`.
    """

    name: Literal["code", "codes", "text", "moment", "flag", "integer", "number", "hash"]
    sql_type: str
    least: float | None = None
    most: float | None = None


def _text_of_number(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str) and re.match(TIME_PATTERN, value, re.ASCII):
        moment = datetime.fromisoformat(value.upper())
    else:
        raise ValueError("not an RFC 3339 time with seconds and an offset, such as 2026-05-01T08:00:00+08:00")
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    if not EARLIEST <= moment < LATEST:
        raise ValueError("a time must lie between 1970 and 2199")
    return moment


def _flag(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise ValueError("not true or false")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.match(r"^-?\d{1,15}$", value, re.ASCII):
        return int(value)
    raise ValueError("not a whole number")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and re.match(r"^-?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,2})?$", value, re.ASCII):
        return float(value)
    raise ValueError("not a number")


Code = Annotated[
    str,
    BeforeValidator(_text_of_number),
    Field(min_length=1, max_length=CODE_LENGTH, pattern=CODE_PATTERN),
    Kind("code", "VARCHAR"),
]
Codes = Annotated[list[Code], Field(max_length=1000), Kind("codes", "VARCHAR[]")]
Text = Annotated[str, Field(max_length=TEXT_LENGTH), Kind("text", "VARCHAR")]
KeyedHash = Annotated[str, Field(pattern=KEYED_HASH_PATTERN), Kind("hash", "VARCHAR")]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(datetime.isoformat, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
    Kind("moment", "TIMESTAMPTZ"),
]
Flag = Annotated[bool, BeforeValidator(_flag), Kind("flag", "BOOLEAN")]


Count = Annotated[
    int, BeforeValidator(_integer), Field(ge=0, le=10**9), Kind("integer", "BIGINT", least=0, most=10**9)
]
ConditionNo = Annotated[
    int, BeforeValidator(_integer), Field(ge=1, le=99), Kind("integer", "BIGINT", least=1, most=99)
]
SequenceNo = Annotated[
    int,
    BeforeValidator(_integer),
    Field(ge=0, lt=10**15),
    Kind("integer", "BIGINT", least=0, most=10**15 - 1),
]
Longitude = Annotated[
    float, BeforeValidator(_number), Field(ge=-180, le=180), Kind("number", "DOUBLE", least=-180, most=180)
]
Latitude = Annotated[
    float, BeforeValidator(_number), Field(ge=-90, le=90), Kind("number", "DOUBLE", least=-90, most=90)
]
Points = Annotated[
    float,
    BeforeValidator(_number),
    Field(ge=-1000, le=1000),
    Kind("number", "DOUBLE", least=-1000, most=1000),
]
Quantity = Annotated[
    float, BeforeValidator(_number), Field(ge=0, le=1e12), Kind("number", "DOUBLE", least=0, most=1e12)
]
