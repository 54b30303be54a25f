"""What a profile says in words is there in tables."""

from __future__ import annotations

from tests.derived import derive, profile, rows


def test_response_bands_come_in_their_order_and_in_seconds() -> None:
    band = {"zh": "响应", "en": "answered", "since": "reported", "until": "accepted"}
    bands = [band | {"amount": 1, "unit": "minute"}, band | {"amount": 1.5, "unit": "hour"}]
    chosen = profile(response_bands={"non_police": bands, "dispute": [band | {"amount": 2, "unit": "day"}]})
    found = rows(derive([], chosen), "FROM core_response_band ORDER BY work_type, position")
    assert [(row["work_type"], row["position"], row["limit_seconds"]) for row in found] == [
        ("dispute", 1, 172_800.0),
        ("non_police", 1, 60.0),
        ("non_police", 2, 5400.0),
    ]
    assert {(row["since_verb"], row["until_verb"]) for row in found} == {("reported", "accepted")}
