"""How numbers and levels are written, the same in page, workbook and text."""

from __future__ import annotations

LEVELS = {
    "total": ("全域", "Whole"),
    "city": ("市", "City"),
    "district": ("区", "District"),
    "street": ("街道", "Subdistrict"),
    "town": ("镇", "Town"),
    "grid": ("网格", "Grids"),
    "community": ("社区、居民区", "Communities"),
    "micro_grid": ("微网格", "Micro-grids"),
    "building_group": ("楼组", "Building groups"),
    "enforcement_area": ("执法片区", "Enforcement areas"),
    "unit": ("承办单位", "Responsible units"),
}
# Why records are refused, by the code that landing gives (docs/landing.md).
REFUSALS = {
    "tombstone": ("空消息", "Empty record"),
    "too_large": ("消息过大", "Too large"),
    "not_utf8": ("编码不是 UTF-8", "Not UTF-8"),
    "not_json": ("不是 JSON", "Not JSON"),
    "not_object": ("不是 JSON 对象", "Not a JSON object"),
    "missing_attribute": ("缺少必填属性", "A required attribute is missing"),
    "empty_attribute": ("必填属性为空", "A required attribute is empty"),
    "unknown_type": ("事件类型未知", "Unknown type of event"),
    "bad_time": ("时间不合格式", "Time that cannot be read"),
    "schema_violation": ("内容不符合契约", "Breaks the contract"),
    "id_conflict": ("同一编号内容不同", "Same id, other content"),
}


def refusal_words(code: str) -> tuple[str, str]:
    """Why a record was refused, in both languages; the code itself where a newer landing gave it."""
    return REFUSALS.get(code, (code, code))


def level_words(level: str) -> tuple[str, str]:
    """What a level is called; a profile's own levels are called as it calls them."""
    return LEVELS.get(level, (level, level))


def amount(value: float) -> str:
    """A count, or points with one decimal where they have one."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def percent(rate: float | None) -> str:
    """A rate with one decimal; — where nothing was due."""
    return "—" if rate is None else f"{rate:.1%}"


def bulletin_title(name_zh: str) -> str:
    """The Chinese title of a bulletin about a place, which may itself be called a grid."""
    return f"{name_zh.removesuffix('网格')}网格治理情况通报"
