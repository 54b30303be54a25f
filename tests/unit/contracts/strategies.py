"""Events for property tests: good ones, made from the rules, and bad ones, made by spoiling good ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from contracts.landing_rules import ENVELOPE, TYPES, FieldRule

code_characters = st.characters(
    blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), blacklist_characters='{}[]"\u200b\ufeff'
)
codes = st.one_of(
    st.text(code_characters, min_size=1, max_size=12),
    st.tuples(st.text(code_characters, min_size=1, max_size=4), st.text(code_characters, min_size=1)).map(
        lambda pair: f"{pair[0]} {pair[1]}"[:200].strip()
    ),
    st.integers(-(10**12), 10**12),
)
texts = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=st.one_of(offsets, st.just(UTC))
).map(datetime.isoformat)
flags = st.sampled_from([True, False, "true", "false"])
hashes = st.text("0123456789abcdef", min_size=16, max_size=128)


def numbers(rule: FieldRule) -> st.SearchStrategy[Any]:
    least, most = rule.kind.least, rule.kind.most
    assert least is not None and most is not None
    whole = st.integers(int(least), int(most))
    plain = whole if rule.kind.name == "integer" else st.one_of(whole, st.floats(least, most))
    return st.one_of(plain, whole.map(str))


def values(rule: FieldRule) -> st.SearchStrategy[Any]:
    """Values that the field may hold."""
    if rule.words:
        return st.sampled_from(rule.words)
    if rule.kind.name in ("integer", "number"):
        return numbers(rule)
    by_kind = {
        "code": codes, "codes": st.lists(codes, max_size=4), "text": texts, "moment": moments, "flag": flags,
        "hash": hashes,
    }  # fmt: skip
    return by_kind[rule.kind.name]


@st.composite
def good_events(draw: st.DrawFn) -> dict[str, Any]:
    """Events that keep to the contract, with unknown fields and attributes now and then."""
    rule = TYPES[draw(st.sampled_from(sorted(TYPES)))]
    event = {name: draw(values(ENVELOPE[name])) for name in ("id", "source", "subject", "time")}
    chosen = draw(st.sets(st.sampled_from(sorted(rule.fields)), max_size=6)) | set(rule.required)
    data: dict[str, Any] = {name: draw(values(rule.fields[name])) for name in sorted(chosen)}
    for name in draw(st.sets(st.sampled_from(sorted(rule.fields)), max_size=2)) - set(rule.required):
        data[name] = None
    if draw(st.booleans()):
        data["x_local"] = draw(st.one_of(st.text("ab"), st.lists(st.integers(), max_size=2)))
        event["traceparent"] = "00-ab-cd-01"
        event["sequence"] = draw(values(ENVELOPE["sequence"]))
    return {"specversion": "1.0", "type": rule.event_type, "data": data} | event


nasty = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.one_of(codes, st.none(), st.booleans()), max_size=3),
    st.dictionaries(st.text("ab", max_size=2), st.integers(), max_size=2),
    st.sampled_from(
        [
            "", " ", "a ", " a", "a\n", "a\u3000", "\ufeffa", "a\x00", "a\u0085", '"', "{}", "[1]", "true",
            "TRUE", "1", "01", "1.5", "1e3", "-1", "+1", " 1", "1 ", "١", "NaN", "x" * 200, "x" * 201,
            "y" * 20_001, "2026-05-01T08:00:00+08:00", "2026-05-01t08:00:00z", "2026-05-01 08:00:00Z",
            "2026-05-01T08:00:00",
            "2026-05-01", "2026-02-30T08:00:00Z", "2026-05-01T24:00:00Z", "2026-05-01T23:59:60Z",
            "2026-05-01T08:00:00+24:00", "2026-05-01T08:00:00.123456789Z", "2026-05-01T08:00:00.Z",
            "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
            "2026-05-01T08:00:00Z\n", "２０２６-05-01T08:00:00Z", "0123456789abcdef", "0123456789ABCDEF",
        ]
    ),
)  # fmt: skip


@st.composite
def any_events(draw: st.DrawFn) -> dict[str, Any]:
    """Good events of which up to two places were spoiled: put to something nasty, or left out."""
    event = draw(good_events())
    rule = TYPES[event["type"]]
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(["specversion", "data", *ENVELOPE, *rule.fields, *rule.fields]))
        holder = event["data"] if name in rule.fields and isinstance(event.get("data"), dict) else event
        if draw(st.booleans()):
            holder[name] = draw(nasty)
        else:
            holder.pop(name, None)
    return event
