"""What a plain event is, as a pattern of bytes: most events are, and SQL may take much of them on trust.

A plain payload says nothing but the fields of `COLUMNS`; its codes, texts and version are written as JSON
texts, and its codes hold no sign that a code may not hold. All that is seen in the one look which also seeks
personal data (`warehouse.masking`): a pattern of more alternatives takes hardly longer. What is not plain may
be just as right; it is read by a statement that knows all fields and checks all signs.

`STOPS` finds what is *not* plain. It may stop at too much, never at too little: names and values are
sought wherever they stand, and whoever writes a name with an escape is stopped by that.
"""

from __future__ import annotations

from contracts.fields import TEXT_LENGTH
from contracts.landing_rules import COLUMNS as FIELDS
from contracts.landing_rules import ENVELOPE, SPECVERSION

# The fields of `data` that events of cases have most often.
COLUMNS = (
    "grid_code",
    "unit_code",
    "task_id",
    "operator_role",
    "operator_id",
    "work_type",
    "category_code",
    "category_system",
    "channel",
    "reason",
    "description",
    "longitude",
    "latitude",
    "is_public_report",
    "deadline_at",
    "issued_at",
    "outcome",
    "closure_kind",
    "satisfaction",
)
# The kinds of values that need no more checks but their length.
SEEN = ("code", "text")
# No text in a plain payload can be too long.
LONGEST = TEXT_LENGTH
LAST_BYTE = ord("}")

_COLON = r"\s*:\s*"
# Of the signs beyond ASCII, codes of plain events have only those between U+4000 and U+9FFF, which begin with
# the bytes E4 to E9: most Chinese characters, and no blanks or controls.
_NO_CODE = r"[\x00-\x1f\x7f\\{}\[\]\xc0-\xe3\xea-\xff]"


def _named(names: list[str]) -> str:
    return f'"(?:{"|".join(names)})"'


def _of_kind(kind: str) -> list[str]:
    envelope = [name for name, rule in ENVELOPE.items() if rule.kind.name == kind]
    return envelope + [name for name in COLUMNS if FIELDS[name].kind.name == kind]


def _other_than(text: str) -> str:
    """Anything that is not the text between its quotes."""
    *before, last = [f"\\x{ord(sign):02x}" for sign in f'{text}"']
    found = f"[^{last}]"
    for sign in reversed(before):
        found = f"(?:[^{sign}]|{sign}{found})"
    return found


STOPS = "|".join(
    [
        r"\\u00",  # a name may be written so
        _named([name for name in FIELDS if name not in COLUMNS]),
        # No text, an empty one, a blank at either end, or a sign that no code holds.
        f'{_named(_of_kind("code"))}{_COLON}(?:[^"\\s]|"(?:[" ]|[^"]*(?:{_NO_CODE}| ")))',
        f'{_named(_of_kind("text"))}{_COLON}[^"\\s]',
        f'"specversion"{_COLON}(?:[^"\\s]|"{_other_than(SPECVERSION)})',
    ]
)
