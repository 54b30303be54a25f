"""Random lives of cases, legal and not, for property tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from contracts.events import CASE_TYPES
from tests.events import Row, event

START = datetime(2026, 1, 30, 0, tzinfo=UTC)
VERBS = [kind.type.split(".")[2] for kind in CASE_TYPES]
TEXTS = {"returned": {"reason": "not ours"}, "voided": {"reason": "twice"}}
# Weighted towards what moves figures.
VERB = st.sampled_from(
    [*VERBS, "filed", "dispatched", "dispatched", "signed", "handled", "handled", "closed", "visited"]
)
# Few moments, so that equal times, and so ties, happen; some in working hours, some not.
MOMENT = st.integers(0, 400).map(lambda n: START + timedelta(hours=n % 97, minutes=30 * (n % 3)))


@st.composite
def case_event(draw: st.DrawFn, number: int) -> Row:
    """One event of one of a few cases; `number` makes its id."""
    verb, time = draw(VERB), draw(MOMENT)
    data: dict[str, Any] = dict(TEXTS.get(verb, {}))
    if draw(st.booleans()):
        data["grid_code"] = draw(st.sampled_from(["g1", "g2", "gx"]))
    if draw(st.booleans()):
        data["category_code"] = draw(st.sampled_from(["c1", "c2"]))
    if verb == "dispatched" or draw(st.integers(0, 3)) == 0:
        data["unit_code"] = draw(st.sampled_from(["u1", "u2"]))
    if verb in ("checked", "verified"):
        words = {"checked": ["passed", "failed"], "verified": ["confirmed", "refuted"]}[verb]
        data["outcome"] = draw(st.sampled_from(words))
    if verb == "visited":
        data["outcome"] = draw(st.sampled_from(["valid", "valid", "no_answer"]))
        data["satisfaction"] = draw(st.sampled_from(["satisfied", "basically_satisfied", "dissatisfied"]))
        data["is_reopened"] = draw(st.booleans())
    if verb == "extended" or (verb == "filed" and draw(st.booleans())):
        data["deadline_at"] = (time + timedelta(hours=draw(st.integers(-5, 90)))).isoformat()
    if verb == "suspended" and draw(st.booleans()):
        data["resume_at"] = (time + timedelta(hours=draw(st.integers(-3, 30)))).isoformat()
    if verb in ("signed", "handled", "returned") and draw(st.integers(0, 4)) == 0:
        data["task_id"] = draw(st.sampled_from(["t1", "t2"]))
    subject = draw(st.sampled_from(["A", "B", "C"]))
    work_type = draw(st.sampled_from([None, "river", "enforcement"]))
    if work_type:
        data["work_type"] = work_type
    return event(
        subject, verb, time, id=f"e{number:03}", sequence=draw(st.sampled_from([None, 1, 2])), **data
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 30) -> list[Row]:
    """A list of events of a few cases, in no order."""
    count = draw(st.integers(1, most))
    return [draw(case_event(number)) for number in range(count)]
