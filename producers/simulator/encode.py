"""Rows written out as events: CloudEvents JSON, keyed by case.

`FIELDS` says which fields of `data` an event of each type carries, `COLUMNS` how each is read from rows.
Guarantees that equal rows give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic_core import to_json

from contracts import events
from producers.simulator.beside import Happening
from producers.simulator.rows import FAULTS, OUTCOMES, RESOLUTIONS, SATISFACTIONS, VERBS, Rows
from producers.simulator.scenario import Fault
from producers.simulator.world import World

Array = npt.NDArray[Any]
Record = tuple[bytes, bytes]
Column = Callable[[World, Rows], Sequence[Any]]

ROLES: dict[type[events.Data], str] = {
    events.Accepted: "intake_operator",
    events.Verified: "grid_worker",
    events.Declined: "duty_chief",
    events.Filed: "duty_chief",
    events.Dispatched: "dispatcher",
    events.Signed: "unit_officer",
    events.Returned: "unit_officer",
    events.Handled: "unit_officer",
    events.Checked: "grid_worker",
    events.Closed: "duty_chief",
    events.Visited: "call_agent",
    events.Voided: "duty_chief",
    events.Extended: "duty_chief",
    events.Suspended: "duty_chief",
    events.Resumed: "duty_chief",
    events.Supervised: "duty_chief",
    events.Exempted: "reviewer",
    events.SelfDisposed: "grid_worker",
    events.Reported: "grid_worker",
}
USUAL_STAFF = 12
REASONS: dict[type[events.Data], tuple[str, ...]] = {
    events.Returned: ("不属于本单位职责", "地址不在管辖范围", "需先由产权单位处置"),
    events.Voided: ("重复立案", "现场情况已消失", "上报信息有误"),
    events.Declined: ("不符合立案条件", "现场未发现问题", "超出街道职责范围"),
    events.Extended: ("等待材料到场", "需多部门会商", "连续降雨无法施工"),
    events.Suspended: ("列入年度修缮计划", "权属待确认", "季节原因暂缓"),
    events.Resumed: ("挂账期满", "条件已具备"),
    events.Supervised: ("临近时限", "群众多次反映", "领导批示"),
    events.Exempted: ("不可抗力", "第三方原因", "系统故障"),
}
MERGED = "重复事项，已并入在办案件"
GOLDEN = 0x9E3779B97F4A7C15  # spreads small numbers over 64 bits


def _named(table: str, column: str) -> Column:
    def read(world: World, rows: Rows) -> Sequence[Any]:
        names = [*getattr(world, table), None]
        return [names[n] for n in rows[column].tolist()]

    return read


def _entry(attribute: str) -> Column:
    def read(world: World, rows: Rows) -> Sequence[Any]:
        values = [getattr(entry, attribute) for entry in world.entries]
        return [values[n] for n in rows["entry"].tolist()]

    return read


def _word(words: Sequence[str], column: str) -> Column:
    names = (*words, None)
    return lambda _, rows: [names[n] for n in rows[column].tolist()]


def _flag(column: str) -> Column:
    return lambda _, rows: [None if n < 0 else bool(n) for n in rows[column].tolist()]


def _of_stream(attribute: str) -> Column:
    def read(world: World, rows: Rows) -> Sequence[Any]:
        values = [getattr(stream, attribute) for stream in world.scenario.streams.values()]
        return [values[n] for n in rows["stream"].tolist()]

    return read


def _one_of_stream(attribute: str) -> Column:
    """One of the stream's codes for each case, the same in all its events."""

    def read(world: World, rows: Rows) -> Sequence[Any]:
        streams = [getattr(stream, attribute) or (None,) for stream in world.scenario.streams.values()]
        lots = zip(rows["stream"].tolist(), (rows["day"] * 31 + rows["number"]).tolist(), strict=True)
        return [streams[stream][lot % len(streams[stream])] for stream, lot in lots]

    return read


def _hashes(population: str, divisor: int) -> Column:
    """A keyed hash of somebody out of the stream's population."""

    def read(world: World, rows: Rows) -> Sequence[Any]:
        sizes = [getattr(stream, population) for stream in world.scenario.streams.values()]
        lots = zip(rows["stream"].tolist(), (rows["person"] // divisor).tolist(), strict=True)
        return [
            f"{(lot % sizes[stream] + 1) * GOLDEN * divisor & (1 << 64) - 1:016x}" if sizes[stream] else None
            for stream, lot in lots
        ]

    return read


def _operators(world: World, rows: Rows) -> Sequence[Any]:
    model = VERBS[int(rows["verb"][0])]
    role = ROLES[model]
    size = world.scenario.staff.get(role, USUAL_STAFF)
    if role == "grid_worker":  # each looks after some nodes of the tree
        return [f"W{n % size + 1:03d}" for n in rows["node"].tolist()]
    lots = (rows["person"] % size + 1).tolist()
    if role == "unit_officer":
        units = _named("units", "unit")(world, rows)
        return [f"{unit}-{lot:02d}" for unit, lot in zip(units, lots, strict=True)]
    letter = {"intake_operator": "A", "duty_chief": "C", "dispatcher": "D", "call_agent": "V"}.get(role, "R")
    return [f"{letter}{lot:03d}" for lot in lots]


def _roles(_: World, rows: Rows) -> Sequence[Any]:
    return [ROLES[VERBS[int(rows["verb"][0])]]] * len(rows)


def _reasons(_: World, rows: Rows) -> Sequence[Any]:
    reasons = REASONS[VERBS[int(rows["verb"][0])]]
    merged = (rows["into_day"] >= 0).tolist()
    lots = (rows["person"] % len(reasons)).tolist()
    return [MERGED if into else reasons[lot] for into, lot in zip(merged, lots, strict=True)]


def _outcomes(_: World, rows: Rows) -> Sequence[Any]:
    names = (*OUTCOMES[VERBS[int(rows["verb"][0])]], None)
    return [names[n] for n in rows["outcome"].tolist()]


def _moments(world: World, rows: Rows) -> Sequence[Any]:
    return [
        text if n >= 0 else None
        for n, text in zip(rows["moment"], world.clock.texts(rows["moment"]), strict=True)
    ]


def _task_ids(world: World, rows: Rows) -> Sequence[Any]:
    cases = world.case_ids(rows["entry"], rows["day"], rows["number"])
    return [f"{case}-T{task + 1}" for case, task in zip(cases, rows["task"].tolist(), strict=True)]


def _merged_into(world: World, rows: Rows) -> Sequence[Any]:
    originals = world.case_ids(rows["entry"], rows["into_day"], rows["into_number"])
    return [case if day >= 0 else None for day, case in zip(rows["into_day"], originals, strict=True)]


def _tags(world: World, rows: Rows) -> Sequence[Any]:
    tags = [list(stream.tags) for stream in world.scenario.streams.values()]
    marks = zip(rows["stream"].tolist(), rows["is_tagged"].tolist(), strict=True)
    return [tags[stream] if mark > 0 else None for stream, mark in marks]


def _descriptions(world: World, rows: Rows) -> Sequence[Any]:
    places, things = _named("node_names", "node")(world, rows), _entry("name")(world, rows)
    return [f"{place}{thing}" for place, thing in zip(places, things, strict=True)]


def _public(world: World, rows: Rows) -> Sequence[Any]:
    return [bool(world.is_public[channel]) for channel in rows["channel"].tolist()]


def _grid_worker_only(column: Column) -> Column:
    """The public has no staff number."""

    def read(world: World, rows: Rows) -> Sequence[Any]:
        values = column(world, rows)
        return [None if public else value for public, value in zip(_public(world, rows), values, strict=True)]

    return read


def _position(axis: int) -> Column:
    return lambda world, rows: world.positions[rows["node"], axis].tolist()


DECIDED: dict[str, Column] = {"operator_role": _roles, "operator_id": _operators}
TASK: dict[str, Column] = {"unit_code": _named("units", "unit"), "task_id": _task_ids}
CATEGORY: dict[str, Column] = {"category_code": _entry("code"), "category_system": _entry("system")}
FIELDS: dict[type[events.Data], dict[str, Column]] = {
    events.Reported: {
        "work_type": _of_stream("work_type"),
        **CATEGORY,
        "channel": _named("channels", "channel"),
        "is_public_report": _public,
        "is_valid": _flag("is_valid"),
        "grid_code": _named("nodes", "node"),
        "asset_id": _one_of_stream("assets"),
        "place_id": _one_of_stream("places"),
        "tags": _tags,
        "reporter_hash": _hashes("reporters", 1),
        "household_hash": _hashes("households", 7919),
        "description": _descriptions,
        "longitude": _position(0),
        "latitude": _position(1),
        "operator_role": _grid_worker_only(_roles),
        "operator_id": _grid_worker_only(_operators),
    },
    events.Accepted: DECIDED,
    events.Verified: {"outcome": _outcomes, "issued_at": _moments, **DECIDED},
    events.Declined: {"reason": _reasons, "merged_into": _merged_into, **DECIDED},
    events.Filed: {
        "grid_code": _named("nodes", "node"),
        **CATEGORY,
        "condition_no": _entry("condition"),
        "deadline_at": _moments,
        **DECIDED,
    },
    events.Dispatched: {**TASK, "sign_deadline_at": _moments, **DECIDED},
    events.Signed: {**TASK, **DECIDED},
    events.Returned: {**TASK, "reason": _reasons, **DECIDED},
    events.Handled: {**TASK, "mediation": _outcomes, **DECIDED},
    events.Checked: {"outcome": _outcomes, "issued_at": _moments, **DECIDED},
    events.Closed: {"closure_kind": _outcomes, **DECIDED},
    events.Visited: {
        "outcome": _outcomes,
        "satisfaction": _word(SATISFACTIONS, "satisfaction"),
        "resolution": _word(RESOLUTIONS, "resolution"),
        "is_contacted": _flag("is_contacted"),
        "is_reopened": _flag("is_reopened"),
        **DECIDED,
    },
    events.Voided: {"reason": _reasons, **DECIDED},
    events.Extended: {"deadline_at": _moments, "reason": _reasons, **DECIDED},
    events.Suspended: {"resume_at": _moments, "reason": _reasons, **DECIDED},
    events.Resumed: {"reason": _reasons, **DECIDED},
    events.Supervised: {"reason": _reasons, **DECIDED},
    events.Exempted: {"reason": _reasons, **DECIDED},
    events.SelfDisposed: DECIDED,
}
UNIT_STEPS = (events.Signed, events.Returned, events.Handled)


def sources(world: World, rows: Rows, model: type[events.Data]) -> Sequence[str]:
    """The system each event comes from: the channel of a report, the unit's desk, or the centre."""
    street = world.profile.name
    if model is events.Reported:
        return [f"{street}/{channel}" for channel in _named("channels", "channel")(world, rows)]
    return [f"{street}/{'units' if model in UNIT_STEPS else 'centre'}"] * len(rows)


def encode_cases(world: World, rows: Rows) -> list[Record]:
    """Case events as (key, value), in the order of `rows`; malformed ones spoilt as their fault says."""
    records: list[Record] = [(b"", b"")] * len(rows)
    for verb in np.unique(rows["verb"]).tolist():
        places = np.flatnonzero(rows["verb"] == verb)
        for place, record in zip(places.tolist(), _of_verb(world, rows[places]), strict=True):
            records[place] = record
    for place in np.flatnonzero(rows["fault"] > 0).tolist():
        key, value = records[place]
        records[place] = key, spoil(value, FAULTS[int(rows["fault"][place]) - 1])
    return records


def _of_verb(world: World, rows: Rows) -> Iterator[Record]:
    model = VERBS[int(rows["verb"][0])]
    columns = {name: column(world, rows) for name, column in FIELDS[model].items()}
    names = tuple(columns)
    cases = world.case_ids(rows["entry"], rows["day"], rows["number"])
    envelopes = zip(
        cases, rows["step"].tolist(), world.clock.texts(rows["at"]), sources(world, rows, model), strict=True
    )
    for (case, step, at, source), values in zip(envelopes, zip(*columns.values(), strict=True), strict=True):
        event = {
            "specversion": "1.0",
            "id": f"{case}-{step + 1:02d}",
            "source": source,
            "type": model.type,
            "subject": case,
            "time": at,
            "sequence": step + 1,
            "data": {k: v for k, v in zip(names, values, strict=True) if v is not None},
        }
        yield case.encode(), to_json(event)


def encode_happening(world: World, one: Happening) -> Record:
    """An activity or project event as (key, value)."""
    event = {
        "specversion": "1.0",
        "id": one.event_id,
        "source": f"{world.profile.name}/centre",
        "type": one.model.type,
        "subject": one.subject,
        "time": one.time,
        "data": one.data,
    }
    return one.subject.encode(), to_json(event)


def spoil(value: bytes, fault: Fault) -> bytes:
    """A good event made bad in one way; what remains readable has an id of its own, but for the conflict."""
    match fault:
        case "truncated":
            return value[: len(value) // 2]
        case "not_utf8":
            return value.replace(b'"source":"', b'"source":"\xff\xfe', 1)
        case "not_an_object":
            return b"[1,2,3]"
        case _:
            event = json.loads(value)
            if fault != "id_conflict":
                event["id"] += f"-{fault}"
            SPOILT[fault](event)
            return to_json(event)


SPOILT: dict[Fault, Callable[[dict[str, Any]], Any]] = {
    "id_conflict": lambda event: event["data"].update(description="更正后的描述"),
    "missing_id": lambda event: event.pop("id"),
    "bad_time": lambda event: event.update(time=f"{event['time'][:4]}-13-32T25:61:00+08:00"),
    "unknown_type": lambda event: event.update(type="gridrates.case.teleported.v1"),
    "schema_violation": lambda event: event["data"].update(longitude=999),
}
