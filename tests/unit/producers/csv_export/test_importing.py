"""The summary adds up, rejects keep their cells, and importing again changes nothing."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.events import validate
from gridrates.errors import InputError, ResourceError, ServiceUnavailable
from producers.csv_export import import_exports
from producers.csv_export.importing import rejects_beside
from tests.exporting import SIMPLE, import_files, import_rows, mapping_of, write_csv

HEADER = ["id", "opened", "closed", "note"]
DAY = "2024-05-01 08:00:00"


def test_a_row_is_mapped_or_rejected_and_the_summary_adds_up(tmp_path: Path) -> None:
    rows = [
        HEADER,
        ["1", DAY, DAY, ""],
        ["2", DAY, "", "still open"],
        ["3", "yesterday", DAY, "no time"],
        ["", DAY, DAY, "no id"],
        ["5", DAY],
        ["6", DAY, "2024-05-01 7 o'clock", "二"],
        ["7", DAY, DAY, "", "extra"],
        ["8", DAY, DAY, "x"],
    ]
    got = import_rows(tmp_path, rows, SIMPLE)
    summary = got.summary
    assert (summary.rows, summary.mapped, summary.rejected) == (8, 3, 5)
    assert summary.events == {"gridrates.case.reported.v1": 3, "gridrates.case.closed.v1": 2}
    assert summary.event_count == len(got.events) == 5
    assert sum(summary.reasons.values()) == summary.rejected == len(got.rejects)
    assert got.rows == [1, 1, 2, 8, 8]
    assert got.keys == [b"1", b"1", b"2", b"8", b"8"]
    assert summary.as_json()["rejects_files"] == [str(tmp_path / "export.rejects.csv")]
    json.dumps(summary.as_json())


def test_rejects_keep_number_line_column_reason_and_cells(tmp_path: Path) -> None:
    rows = [HEADER, ["1", DAY, "", "two\nlines"], ["2", "昨天", DAY, 'a "b", c'], ["3", DAY]]
    rejects = import_rows(tmp_path, rows, SIMPLE).rejects
    assert [(r["rejected_row"], r["rejected_line"], r["rejected_column"]) for r in rejects] == [
        ("2", "4", "opened"),
        ("3", "5", ""),
    ]
    assert (
        rejects[0]["rejected_reason"] == "the time of `reported` fits none of its formats: opened is '昨天'"
    )
    assert rejects[1]["rejected_reason"] == "the row has too few cells: 2, and the header has 4"
    assert [rejects[0][name] for name in HEADER] == rows[2]
    assert rejects[1]["opened"] == DAY


def test_mended_rejects_can_be_imported_as_they_are(tmp_path: Path) -> None:
    import_rows(tmp_path, [HEADER, ["1", "soon", "", ""], ["2", DAY, DAY, ""]], SIMPLE)
    path = tmp_path / "export.rejects.csv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("soon", DAY), encoding="utf-8")
    again = import_files(path, SIMPLE)
    assert again.keys == [b"1"]
    assert again.summary.rejected == 0


def test_a_clean_import_takes_the_old_rejects_away(tmp_path: Path) -> None:
    assert import_rows(tmp_path, [HEADER, ["1", "soon", "", ""]], SIMPLE).rejects
    assert not import_rows(tmp_path, [HEADER, ["1", DAY, "", ""]], SIMPLE).rejects
    assert not (tmp_path / "export.rejects.csv").exists()


def test_long_cells_are_cut_in_the_reason_and_whole_in_the_rejects(tmp_path: Path) -> None:
    (reject,) = import_rows(tmp_path, [HEADER, ["1", "x" * 5000, "", ""]], SIMPLE).rejects
    assert len(reject["rejected_reason"]) < 200
    assert reject["opened"] == "x" * 5000


def test_bytes_of_another_encoding_reject_their_row_and_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    good = "\n".join([",".join(HEADER), *(f"{n},{DAY},,办结" for n in range(30))]).encode()
    path.write_bytes(good + f"\nbad\udcff,{DAY},,\nlast,{DAY},,\n".encode("utf-8", "surrogateescape"))
    got = import_files(path, SIMPLE)
    assert got.summary.mapped == 31
    assert got.rejects[0]["id"] == r"bad\xff"
    assert "holds bytes that the file's encoding lacks" in got.rejects[0]["rejected_reason"]


def test_examples_are_a_few_of_each_reason(tmp_path: Path) -> None:
    rows = [HEADER, *([str(n), "soon", "", ""] for n in range(10)), ["", DAY, "", ""]]
    summary = import_rows(tmp_path, rows, SIMPLE).summary
    assert list(summary.reasons.values()) == [10, 1]
    assert [len(examples) for examples in summary.examples.values()] == [3, 1]
    assert summary.examples["id is empty"] == ["export.csv, row 11 (line 12): id is empty: id is ''"]


def test_several_files_go_into_one_summary_with_rejects_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    paths = [
        write_csv(tmp_path / "x.csv", [HEADER, ["1", DAY, "", ""], ["2", "?", "", ""]]),
        write_csv(
            tmp_path / "b" / "x.csv",
            [[*HEADER[::-1], "more"], ["", "", DAY, "3", ""], ["", "", "?", "4", ""]],
        ),
    ]
    got = import_files(paths, SIMPLE)
    assert got.keys == [b"1", b"3"]
    assert got.summary.files == 2
    assert [r["id"] for r in got.rejects] == ["2", "4"]
    assert rejects_beside(paths, tmp_path) == [tmp_path / "x.rejects.csv", tmp_path / "x-2.rejects.csv"]


def test_a_second_file_that_is_no_export_stops_before_the_first_is_sent(tmp_path: Path) -> None:
    good = write_csv(tmp_path / "good.csv", [HEADER, ["1", DAY, "", ""]])
    bad = write_csv(tmp_path / "bad.csv", [["something", "else"]])
    sent: list[Any] = []
    with pytest.raises(InputError, match="lacks what the mapping names"):
        import_exports([good, bad], mapping_of(SIMPLE), publish=lambda pairs, *, origins: sent.extend(pairs))
    assert not sent


def test_a_header_alone_is_no_mistake(tmp_path: Path) -> None:
    summary = import_rows(tmp_path, [HEADER], SIMPLE).summary
    assert (summary.rows, summary.mapped, summary.rejected, summary.event_count) == (0, 0, 0, 0)


def test_counting_only_publishes_and_writes_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [HEADER, ["1", DAY, "", ""], ["2", "?", "", ""]])
    summary = import_exports([path], mapping_of(SIMPLE))
    assert (summary.mapped, summary.rejected) == (1, 1)
    assert list(tmp_path.iterdir()) == [path]


def test_rejects_that_cannot_be_written_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", [HEADER, ["2", "?", "", ""]])
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="--rejects"):
        import_exports([path], mapping_of(SIMPLE), rejects_files=[tmp_path / "file" / "x.csv"])


def test_what_the_publisher_raises_comes_through(tmp_path: Path) -> None:
    def publish(pairs: Sequence[tuple[bytes, bytes]], *, origins: Sequence[int]) -> None:
        raise ServiceUnavailable("away")

    path = write_csv(tmp_path / "x.csv", [HEADER, ["1", DAY, "", ""]])
    with pytest.raises(ServiceUnavailable):
        import_exports([path], mapping_of(SIMPLE), publish=publish)


def test_it_stops_between_chunks_when_asked(tmp_path: Path) -> None:
    rows = [HEADER, *([str(n), DAY, "", ""] for n in range(50_000))]
    path = write_csv(tmp_path / "x.csv", rows)
    positions: list[int] = []
    summary = import_exports(
        [path], mapping_of(SIMPLE), on_progress=positions.append, is_stopped=lambda: len(positions) == 1
    )
    assert summary.rows == summary.mapped == 20_000
    whole = import_exports([path], mapping_of(SIMPLE), on_progress=positions.append)
    assert whole.rows == 50_000
    assert positions[-1] == path.stat().st_size
    assert positions[1:] == sorted(positions[1:])


def test_the_order_of_rows_and_steps_is_kept_over_chunks(tmp_path: Path) -> None:
    rows = [HEADER, *([str(n), DAY, DAY if n % 3 else "", ""] for n in range(45_000))]
    got = import_rows(tmp_path, rows, SIMPLE)
    assert got.rows == sorted(got.rows)
    assert [key for key, event in zip(got.keys, got.events, strict=True) if event["sequence"] == 1] == [
        str(n).encode() for n in range(45_000)
    ]
    assert got.summary.event_count == len({event["id"] for event in got.events}) == 75_000


def test_importing_again_or_in_another_order_gives_the_same_events(tmp_path: Path) -> None:
    rows = [[str(n), DAY, "", ""] for n in range(100)]
    first = import_rows(tmp_path, [HEADER, *rows], SIMPLE).events
    again = import_rows(
        tmp_path, [HEADER[::-1], *(row[::-1] for row in rows[::-1])], SIMPLE, delimiter=";"
    ).events
    assert sorted(first, key=str) == sorted(again, key=str)


def test_a_grown_export_adds_the_events_of_what_changed(tmp_path: Path) -> None:
    before = import_rows(tmp_path, [HEADER, ["1", DAY, "", ""], ["2", DAY, "", ""]], SIMPLE).events
    rows = [HEADER, ["1", DAY, "2024-05-02 10:00:00", ""], ["2", DAY, "", "note"], ["3", DAY, "", ""]]
    after = import_rows(tmp_path, rows, SIMPLE).events
    new = [event for event in after if event not in before]
    assert [(event["subject"], event["type"]) for event in new] == [
        ("1", "gridrates.case.closed.v1"),
        ("3", "gridrates.case.reported.v1"),
    ]
    assert all(event in after for event in before)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_no_bytes_break_the_import(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_bytes(b"id,opened,closed,note\n1,2024-05-01,,x\n" + data)
    try:
        got = import_files(path, SIMPLE)
    except InputError as error:
        assert "is not utf-8" in error.message or "binary" in error.message
        return
    assert got.summary.rows == got.summary.mapped + got.summary.rejected
    assert got.summary.rejected == len(got.rejects)
    for event in got.events:
        validate(event)


# A file that has a NUL among so few signs is taken for a binary one, and refused.
NO_NUL = st.characters(codec="utf-8", exclude_characters="\0")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(table=st.lists(st.lists(st.text(NO_NUL, max_size=8), min_size=4, max_size=4), max_size=8))
def test_any_table_written_as_csv_adds_up(tmp_path: Path, table: list[list[str]]) -> None:
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8-sig", newline="", errors="replace") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([HEADER, *table])
    got = import_files(path, SIMPLE)
    with_text = sum(any(row) for row in table)
    assert got.summary.rows == got.summary.mapped + got.summary.rejected == with_text
    for reject in got.rejects:
        assert any(reject["rejected_reason"].startswith(reason) for reason in got.summary.reasons)
    assert got.summary.reasons.total() == len(got.rejects)


def test_odd_headers_can_be_mapped(tmp_path: Path) -> None:
    header = ['say "id"', "", "时间", "时间", "a;b'c", "SELECT 1; --", " padded "]
    row = ["1", "none", "2024-05-01", "2024-05-02", "q", "s", "p"]
    content: dict[str, Any] = {
        "source": "s",
        "id": 'say "id"',
        "events": {
            "reported": {"at": "时间", "channel": "#2", "unit_code": "a;b'c"},
            "closed": {"at": "时间#2", "category_code": "SELECT 1; --", "grid_code": "padded"},
        },
    }
    got = import_rows(tmp_path, [header, row], content)
    assert got.summary.mapped == 1
    assert got.datum("channel") == ["none", None]
    assert got.datum("unit_code") == ["q", None]
    assert got.datum("category_code") == [None, "s"]
    assert got.datum("grid_code") == [None, "p"]
    assert [event["time"][:10] for event in got.events] == ["2024-05-01", "2024-05-02"]
    header[2] = "时刻"
    with pytest.raises(InputError, match="'时间#2'"):
        import_rows(tmp_path, [header, row], content)


def test_one_verb_twice_is_counted_once_each(tmp_path: Path) -> None:
    content = {
        "source": "s",
        "id": "id",
        "events": {
            "first": {"verb": "dispatched", "at": "opened", "unit_code": "note"},
            "returned": {"at": "opened", "reason": {"constant": "不属本单位"}},
            "second": {"verb": "dispatched", "at": "closed", "unit_code": "note"},
        },
    }
    got = import_rows(tmp_path, [HEADER, ["1", DAY, DAY, "城管"], ["2", DAY, DAY, ""]], content)
    assert got.summary.events == {"gridrates.case.dispatched.v1": 2, "gridrates.case.returned.v1": 1}
    assert [event["sequence"] for event in got.events] == [1, 2, 3]
    assert "`unit_code` of `first` is empty" in got.rejects[0]["rejected_reason"]


_MEASURE = """
import resource, sys
from pathlib import Path
from producers.csv_export import import_exports
from tests.exporting import SIMPLE, mapping_of
summary = import_exports([Path(sys.argv[1])], mapping_of(SIMPLE), publish=lambda pairs, *, origins: None)
print(summary.mapped, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.full
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def measured(rows: int) -> tuple[int, int]:
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write("id,opened,closed,note\n")
            file.writelines(f"{n},{DAY},{DAY},{'x' * 100}\n" for n in range(rows))
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, str(path)],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        mapped, megabytes = map(int, done.stdout.split())
        return mapped, megabytes

    few, some = measured(40_000)
    many, most = measured(240_000)
    assert (few, many) == (40_000, 240_000)
    assert most < some + 40, f"{some} MB for a file of 6 MB, {most} MB for one of 36 MB"
