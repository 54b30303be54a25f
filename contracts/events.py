"""What an event is: a CloudEvents 1.0 envelope and, by type, its `data`.

One event is one Kafka record. `id` is unique within `source`; `subject` is the case (or activity, or
project); `time` is when the thing happened, not when it was sent. Unknown fields of `data` are kept,
unknown types are refused. There is no field for a name, a telephone number or an identity number.

The life cycle and its words follow the family of digital city management (数字城管) and grid
governance systems; `docs/contract.md` gives the Chinese term of each type and field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_core import from_json

from contracts.fields import (
    Code,
    Codes,
    ConditionNo,
    Count,
    Flag,
    KeyedHash,
    Latitude,
    Longitude,
    Moment,
    Points,
    Quantity,
    SequenceNo,
    Text,
)

TYPE_PREFIX = "gridrates"
ACTIVITY_TYPE = f"{TYPE_PREFIX}.activity.recorded.v1"
PROJECT_TYPE = f"{TYPE_PREFIX}.project.stage_changed.v1"
RETRACTION_TYPE = f"{TYPE_PREFIX}.event.retracted.v1"


class Data(BaseModel):
    """The base of every `data`: known fields checked, unknown ones kept; null is the same as absent."""

    model_config = ConfigDict(extra="allow", frozen=True, ser_json_inf_nan="null")

    type: ClassVar[str]
    zh: ClassVar[str]

    grid_code: Annotated[Code | None, Field(description="网格编码 grid the thing happened in")] = None
    unit_code: Annotated[Code | None, Field(description="承办单位 responsible unit")] = None
    tags: Annotated[Codes | None, Field(description="标签 campaigns and other labels")] = None
    place_id: Annotated[Code | None, Field(description="重点场所 key place")] = None
    asset_id: Annotated[Code | None, Field(description="部件/河道 component, river or other asset")] = None
    operator_role: Annotated[Code | None, Field(description="岗位 role of who decided")] = None
    operator_id: Annotated[Code | None, Field(description="工号 staff number of who decided")] = None
    reason: Annotated[Text | None, Field(description="理由 why")] = None
    description: Annotated[Text | None, Field(description="描述 free text, masked before it is stored")] = (
        None
    )
    longitude: Annotated[Longitude | None, Field(description="经度 WGS 84, degrees")] = None
    latitude: Annotated[Latitude | None, Field(description="纬度 WGS 84, degrees")] = None


class CaseData(Data):
    """What any case event may say about its case. The latest event that says a thing holds."""

    work_type: Annotated[
        Code | None, Field(description="业务类型 kind of work; never share a denominator")
    ] = None
    category_code: Annotated[Code | None, Field(description="大类+小类 category and subcategory")] = None
    category_system: Annotated[Code | None, Field(description="分类版本 code system the category is of")] = (
        None
    )
    condition_no: Annotated[ConditionNo | None, Field(description="立案条件号 filing condition")] = None
    channel: Annotated[Code | None, Field(description="来源渠道 channel the report came by")] = None
    severity: Annotated[Code | None, Field(description="等级 severity or handling level")] = None
    is_public_report: Annotated[
        Flag | None, Field(description="公众举报 reported by the public, not by patrol")
    ] = None
    is_missed_report: Annotated[Flag | None, Field(description="漏报 the patrol should have reported it")] = (
        None
    )
    is_valid: Annotated[Flag | None, Field(description="有效 counts as a valid case")] = None
    deadline_at: Annotated[
        Moment | None, Field(description="处置截止时间 explicit deadline; wins over the limits")
    ] = None
    reporter_hash: Annotated[KeyedHash | None, Field(description="报告人 keyed hash, never the person")] = (
        None
    )
    household_hash: Annotated[KeyedHash | None, Field(description="户 keyed hash, never the household")] = (
        None
    )
    merged_into: Annotated[Code | None, Field(description="并入案件 the case this one repeats")] = None


class TaskData(CaseData):
    """An event about one dispatch task. Without `task_id` it is about the latest dispatch before it."""

    task_id: Annotated[
        Code | None,
        Field(description="派遣任务 dispatch task; default: id of the dispatching event"),
    ] = None


class Reported(CaseData):
    """The problem enters the system."""

    type = "gridrates.case.reported.v1"
    zh = "上报"


class Accepted(CaseData):
    """The centre takes the report in."""

    type = "gridrates.case.accepted.v1"
    zh = "受理"


class Verified(CaseData):
    """On-site verification of a public report, before filing."""

    type = "gridrates.case.verified.v1"
    zh = "核实"
    outcome: Annotated[
        Literal["confirmed", "refuted"] | None, Field(description="核实结果 what was found on site")
    ] = "confirmed"
    issued_at: Annotated[
        Moment | None, Field(description="核实派发时间 when the verification was asked for")
    ] = None


class Declined(CaseData):
    """Not accepted or not filed: the end of a report."""

    type = "gridrates.case.declined.v1"
    zh = "不予受理"


class Filed(CaseData):
    """The report meets the filing conditions; the clock of the case starts."""

    type = "gridrates.case.filed.v1"
    zh = "立案"


class Dispatched(TaskData):
    """Sent to a responsible unit: opens a dispatch task."""

    type = "gridrates.case.dispatched.v1"
    zh = "派遣"
    unit_code: Annotated[Code, Field(description="承办单位 the unit it is sent to")]
    sign_deadline_at: Annotated[
        Moment | None, Field(description="签收截止时间 when it must be signed for")
    ] = None


class Signed(TaskData):
    """The unit confirms that it has the task."""

    type = "gridrates.case.signed.v1"
    zh = "签收"


class Returned(TaskData):
    """The unit refuses the task; it goes back to the dispatcher."""

    type = "gridrates.case.returned.v1"
    zh = "退回"
    reason: Annotated[Text, Field(min_length=1, description="退回理由 why it is returned")]


class Handled(TaskData):
    """The unit reports its work as done."""

    type = "gridrates.case.handled.v1"
    zh = "处置"
    mediation: Annotated[
        Literal["succeeded", "failed"] | None, Field(description="调解结果 how the mediation ended")
    ] = None


class Checked(CaseData):
    """On-site check after handling."""

    type = "gridrates.case.checked.v1"
    zh = "核查"
    outcome: Annotated[Literal["passed", "failed"], Field(description="核查结果 whether the work holds")]
    issued_at: Annotated[Moment | None, Field(description="核查派发时间 when the check was asked for")] = None


class Closed(CaseData):
    """The duty chief closes the case."""

    type = "gridrates.case.closed.v1"
    zh = "结案"
    closure_kind: Annotated[
        Literal["normal", "forced", "special", "error"] | None,
        Field(description="结案方式 how it was closed"),
    ] = "normal"
    mediation: Annotated[
        Literal["succeeded", "failed"] | None, Field(description="调解结果 how the mediation ended")
    ] = None


class Visited(CaseData):
    """A call back to who reported."""

    type = "gridrates.case.visited.v1"
    zh = "回访"
    outcome: Annotated[
        Literal["valid", "no_answer", "refused", "invalid"] | None,
        Field(description="回访结果 whether the call back counts"),
    ] = "valid"
    satisfaction: Annotated[
        Literal[
            "very_satisfied",
            "satisfied",
            "basically_satisfied",
            "dissatisfied",
            "very_dissatisfied",
        ]
        | None,
        Field(description="满意度 what the reporter says"),
    ] = None
    satisfaction_score: Annotated[Points | None, Field(description="满意度分值 where points are given")] = (
        None
    )
    is_contacted: Annotated[Flag | None, Field(description="响应/先行联系 was contacted before handling")] = (
        None
    )
    resolution: Annotated[
        Literal["resolved", "explained", "unresolved"] | None,
        Field(description="解决情况 what the reporter says was done"),
    ] = None
    is_reopened: Annotated[Flag | None, Field(description="回访重办 the case goes back to work")] = None


class Voided(CaseData):
    """Cancelled by approval."""

    type = "gridrates.case.voided.v1"
    zh = "作废"
    reason: Annotated[Text, Field(min_length=1, description="作废理由 why it is cancelled")]


class Extended(CaseData):
    """The deadline is moved by approval."""

    type = "gridrates.case.extended.v1"
    zh = "延期"
    deadline_at: Annotated[Moment, Field(description="新的截止时间 the new deadline")]


class Suspended(CaseData):
    """The clock is paused by approval."""

    type = "gridrates.case.suspended.v1"
    zh = "挂账"
    resume_at: Annotated[
        Moment | None, Field(description="到期自动恢复时间 when the clock runs again by itself")
    ] = None


class Resumed(CaseData):
    """The clock runs again."""

    type = "gridrates.case.resumed.v1"
    zh = "恢复"


class Supervised(CaseData):
    """Escalated: handled under supervision."""

    type = "gridrates.case.supervised.v1"
    zh = "督办"


class Exempted(CaseData):
    """An appeal against a time-out was granted: the case counts as on time."""

    type = "gridrates.case.exempted.v1"
    zh = "申诉豁免"


class SelfDisposed(CaseData):
    """The grid worker settled it on the spot."""

    type = "gridrates.case.self_disposed.v1"
    zh = "自处置"


class ActivityRecorded(Data):
    """An inspection, patrol, visit, meeting or another activity beside the cases."""

    type = ACTIVITY_TYPE
    zh = "工作记录"
    activity_kind: Annotated[
        Code, Field(description="工作类别 kind of activity, such as joint_inspection, patrol, deliberation")
    ]
    started_at: Annotated[Moment | None, Field(description="开始时间 when it began")] = None
    ended_at: Annotated[Moment | None, Field(description="结束时间 when it ended")] = None
    participant_count: Annotated[Count | None, Field(description="参加人次 attendances")] = None
    household_count: Annotated[Count | None, Field(description="户数 households reached")] = None
    person_count: Annotated[Count | None, Field(description="人数 persons reached")] = None
    problem_count: Annotated[Count | None, Field(description="发现问题数 problems found")] = None
    corrected_count: Annotated[Count | None, Field(description="整改问题数 problems put right")] = None
    matter_raised_count: Annotated[Count | None, Field(description="提出事项数 matters raised")] = None
    matter_settled_count: Annotated[Count | None, Field(description="解决事项数 matters settled")] = None
    penalty_count: Annotated[Count | None, Field(description="处罚决定数 penalties decided")] = None
    score: Annotated[Points | None, Field(description="评分 points given")] = None
    case_ids: Annotated[Codes | None, Field(description="由此产生的案件 cases it opened")] = None


class ProjectStageChanged(Data):
    """A project, such as a lift retrofit, reaches a stage."""

    type = PROJECT_TYPE
    zh = "项目进度"
    project_kind: Annotated[Code, Field(description="项目类别 kind of project, such as lift_retrofit")]
    stage: Annotated[Code, Field(description="阶段 stage reached")]
    quantity: Annotated[
        Quantity | None, Field(description="数量 how many, where one record stands for several")
    ] = None


class Retracted(Data):
    """An event sent before does not hold: it stays on record and counts nowhere."""

    type = RETRACTION_TYPE
    zh = "撤回"
    retracts: Annotated[
        Code, Field(description="被撤回的事件号 id of the event that does not hold, of the same source")
    ]


CASE_TYPES: tuple[type[CaseData], ...] = (
    Reported, Accepted, Verified, Declined, Filed, Dispatched, Signed, Returned, Handled, Checked,
    Closed, Visited, Voided, Extended, Suspended, Resumed, Supervised, Exempted, SelfDisposed,
)  # fmt: skip
_ALL: tuple[type[Data], ...] = (*CASE_TYPES, ActivityRecorded, ProjectStageChanged, Retracted)
DATA_TYPES: dict[str, type[Data]] = {m.type: m for m in _ALL}


def _check_type(value: Any) -> Any:
    if not isinstance(value, str) or value not in DATA_TYPES:
        raise ValueError("unknown event type")
    return value


class Envelope(BaseModel):
    """The CloudEvents 1.0 attributes that gridrates reads; others are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Annotated[Literal["1.0"], Field(description="CloudEvents version")]
    id: Annotated[Code, Field(description="事件号 unique within its source")]
    source: Annotated[Code, Field(description="来源系统 system the event comes from")]
    type: Annotated[str, BeforeValidator(_check_type), Field(description="事件类型 event type")]
    subject: Annotated[Code, Field(description="案件号 case, activity or project; the record's key")]
    time: Annotated[Moment, Field(description="发生时间 when it happened, not when it was sent")]
    sequence: Annotated[SequenceNo | None, Field(description="序号 order among equal times")] = None


class Event(Envelope):
    """An event whose `data` is not looked into yet."""

    data: dict[str, Any]

    def payload(self) -> Data:
        """The typed `data`. Raises pydantic.ValidationError naming each wrong field."""
        return DATA_TYPES[self.type].model_validate(self.data)


def validate(event: Any) -> tuple[Event, Data]:
    """Check one decoded event, envelope and data. Raises pydantic.ValidationError."""
    checked = Event.model_validate(event)
    return checked, checked.payload()


def _typed(data: type[Data]) -> type[Envelope]:
    """The event whose `data` is of one type."""
    types: dict[str, Any] = {"type": (Literal[data.type], ...), "data": (data, ...)}
    return create_model(data.__name__, __base__=Envelope, __doc__=data.__doc__, **types)


# Envelope and data checked in one go: several times quicker than `validate`.
TYPED_EVENTS: dict[str, type[Envelope]] = {name: _typed(data) for name, data in DATA_TYPES.items()}
_union: Any = Annotated[Union[tuple(TYPED_EVENTS.values())], Discriminator("type")]  # noqa: UP007
_ANY_EVENT: TypeAdapter[Envelope] = TypeAdapter(_union)


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field; `field` is empty when it is the event as a whole."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidEvent(ValueError):
    """An event that breaks the contract, and every fault found in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


# What pydantic says of `type` in its own words.
_TAG_FAULTS = {
    "union_tag_invalid": Fault("type", "unknown event type"),
    "union_tag_not_found": Fault("type", "Field required"),
    "model_attributes_type": Fault("", "not a JSON object"),
}


def parse(text: bytes | str) -> Envelope:
    """Check one event as JSON text; UTF-8, no NaN. Raises InvalidEvent naming each wrong field."""
    return check(decode(text))


def decode(text: bytes | str) -> Any:
    """Read JSON text; UTF-8, no NaN; the first of equal keys counts. Raises InvalidEvent when it is none."""
    with _faults_of_json(text):
        # Stricter than Python's reader, but it takes the last of equal keys.
        from_json(text, allow_inf_nan=False)
        return _READER.decode(text if isinstance(text, str) else text.decode())


def decode_array(text: bytes) -> list[tuple[Any, str]]:
    """Read a JSON array as `decode` would: each element, and how it is written there. Raises InvalidEvent."""
    with _faults_of_json(text):
        is_array = isinstance(from_json(text, allow_inf_nan=False), list)
    if not is_array:
        raise InvalidEvent([Fault("", "not a JSON array of events")])
    with _faults_of_json(text):
        return list(_elements(text.decode()))


def _elements(array: str) -> Iterator[tuple[Any, str]]:
    start = _after_separators(array, array.index("[") + 1)
    while array[start] != "]":
        element, end = _READER.raw_decode(array, start)
        yield element, array[start:end]
        start = _after_separators(array, end)


def _after_separators(array: str, place: int) -> int:
    while array[place] in " \t\n\r,":
        place += 1
    return place


@contextmanager
def _faults_of_json(text: bytes | str) -> Iterator[None]:
    """Tells what a reader of JSON finds wrong with a text as InvalidEvent."""
    try:
        yield
    except ValueError as error:
        what = "not JSON" if _is_utf8(text) else "not UTF-8"
        raise InvalidEvent([Fault("", f"{what}: {error}")]) from error


def first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object where the first of equal keys counts, as in DuckDB. For `json.loads`."""
    found = dict(pairs)
    if len(found) < len(pairs):
        found.update(reversed(pairs))
    return found


_READER = json.JSONDecoder(object_pairs_hook=first_wins)


def check(event: Any) -> Envelope:
    """Check one decoded event, envelope and data in one go. Raises InvalidEvent naming each wrong field."""
    try:
        return _ANY_EVENT.validate_python(event)
    except ValidationError as error:
        raise InvalidEvent(_faults(error)) from error


def _is_utf8(text: bytes | str) -> bool:
    if isinstance(text, bytes):
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
    return True


def _faults(error: ValidationError) -> list[Fault]:
    found = []
    for detail in error.errors(include_url=False):
        place = detail["loc"]
        # A typed event is named first where the fault lies within it.
        field = ".".join(map(str, place[1:] if place and place[0] in DATA_TYPES else place))
        found.append(
            _TAG_FAULTS.get(detail["type"]) or Fault(field, detail["msg"].removeprefix("Value error, "))
        )
    return found
