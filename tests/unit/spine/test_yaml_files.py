"""YAML files that people write: what is refused, and with which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridrates.errors import InputError
from gridrates.profile import load_profile
from gridrates.yaml_files import read_yaml


def test_a_key_twice_in_a_profile_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "profile.yaml").write_text("name_zh: 街\nname_en: Street\nname_zh: 道\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"'name_zh' is there twice") as refused:
        load_profile(str(tmp_path))
    assert "profile.yaml" in str(refused.value)
    assert "line 3" in str(refused.value)


def test_a_key_twice_is_refused_at_any_depth(tmp_path: Path) -> None:
    file = tmp_path / "deep.yaml"
    file.write_text("a:\n  - {b: 1, c: 2}\n  - {b: 1, b: 2}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"'b' is there twice(.|\n)*line 3"):
        read_yaml(file)


@pytest.mark.parametrize("text", ["? [a, b]\n: 1\n", "a: !!map text\n", "- a\n", "a: [\n", ""])
def test_what_is_no_mapping_of_keys_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.yaml (cannot be read|holds no keys)"):
        read_yaml(file)


def test_what_is_merged_may_be_overridden(tmp_path: Path) -> None:
    file = tmp_path / "merged.yaml"
    file.write_text("base: &base {a: 1, b: 2}\nover: {<<: *base, b: 3}\n", encoding="utf-8")
    assert read_yaml(file)["over"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(("as_text", "found"), [(False, 1), (True, "01")])
def test_a_scalar_is_what_it_says_or_its_text(tmp_path: Path, as_text: bool, found: object) -> None:
    file = tmp_path / "scalar.yaml"
    file.write_text("code: 01\n", encoding="utf-8")
    assert read_yaml(file, as_text=as_text)["code"] == found
