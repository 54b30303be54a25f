"""What the READMEs say of settings and exit codes is what the program does."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from gridrates import errors
from gridrates.cli import EXIT_CODES
from gridrates.settings import SECRETS, Settings
from gridrates.status import Level
from tests.unit.docs.pages import README, README_ZH, Page, pages

ENGLISH, CHINESE = Page(README), Page(README_ZH)


def default_of(field: FieldInfo) -> str:
    """A default as one would write it in the TOML file; nothing for none."""
    if field.default is None:
        return ""
    value = field.default
    return f"`{value if isinstance(value, str | Path) else json.dumps(value)}`"


def expected_rows() -> list[list[str]]:
    """A row a setting: name, default, meaning."""
    fields = Settings.model_fields.items()
    return [[f"`{name}`", default_of(field), field.description or ""] for name, field in fields]


def as_markdown(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def test_the_table_of_settings_is_the_settings() -> None:
    rows = ENGLISH.table_under("## Settings")
    assert rows == expected_rows(), f"the table in README.md should be:\n{as_markdown(expected_rows())}"


def test_the_chinese_table_has_the_same_settings_and_defaults() -> None:
    rows = CHINESE.table_under("## 设置")
    expected = [row[:2] for row in expected_rows()]
    assert [row[:2] for row in rows] == expected, f"expected:\n{as_markdown(expected)}"
    assert all(row[2] for row in rows), "a setting without its meaning"


def test_secrets_come_from_the_environment_alone() -> None:
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert secret == set(SECRETS)
    assert Settings(kafka_password=SecretStr("x")).model_dump()["kafka_password"] == SecretStr("x")
    for page in pages():
        for fence in page.fences:
            assert not any(f"{name} =" in fence.text for name in secret), (
                f"{page.name} shows a secret in a file"
            )


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_example_of_a_settings_file_is_one(page: Page) -> None:
    for fence in page.fences:
        if fence.language == "toml" and "kafka" in fence.text:
            unknown = set(tomllib.loads(fence.text)) - set(Settings.model_fields)
            assert not unknown, f"{page.name} sets {unknown}"


def documented(page: Page, heading: str) -> set[str]:
    return {code for row in page.table_under(heading) for code in row[0].replace("、", ", ").split(", ")}


def test_the_table_of_exit_codes_is_complete() -> None:
    told = {line.split()[0] for line in EXIT_CODES.splitlines()[1:]}
    raised = {
        str(kind.exit_code)
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.GridratesError)
    }
    of_status = {str(level.exit_code) for level in Level if level.exit_code}
    assert raised <= told
    assert documented(ENGLISH, "## Exit codes") == told | of_status | {"128 + n"}
    assert documented(CHINESE, "## 出错了怎么办") == told | of_status | {"128＋n"}


def test_exit_codes_mean_the_same_in_help_and_readme() -> None:
    rows = {row[0]: row[1] for row in ENGLISH.table_under("## Exit codes")}
    for line in EXIT_CODES.splitlines()[1:]:
        code, meaning = line.split(maxsplit=1)
        assert rows[code].startswith(meaning.partition(" (")[0]), f"{code}: {meaning!r}, {rows[code]!r}"
