"""Reading YAML files that people write: a key given twice is a mistake, not a silent choice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from gridrates.errors import InputError


class _NoKeyTwice:
    """Refuses what YAML's own constructors take: of equal keys, the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        # Keys that are no scalars, and what is only called a mapping, YAML's own constructors refuse.
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} is there twice", key.start_mark
                )
            # Merging `<<` is there as often as there is something to merge.
            if key.tag != "tag:yaml.org,2002:merge":
                seen.add(key.value)
        return super().construct_mapping(node, deep)  # type: ignore[misc, no-any-return]


# The same language in C, ten times as fast, where PyYAML was built with it.
class _Loader(_NoKeyTwice, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass


class _TextLoader(_NoKeyTwice, yaml.BaseLoader):
    pass


def read_yaml(path: Path, *, as_text: bool = False) -> dict[str, Any]:
    """A YAML file that holds a mapping; `as_text` leaves every scalar the text it is in the file.

    Raises InputError, with the line where there is one: not there, not UTF-8, not YAML, no keys, a key twice.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_TextLoader if as_text else _Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", remedy="It must be UTF-8 and valid YAML, each key once."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no keys.", remedy="Write `key: value` lines.")
    return content


def yaml_line(path: Path, keys: Sequence[str | int]) -> int:
    """The line of a key of a YAML file, or of the nearest key above it that is there."""
    node = yaml.compose(path.read_text(encoding="utf-8-sig"))
    line = 0
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == str(key)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
            found = [(value, value) for value in node.value[key : key + 1]]
        else:
            found = []
        if not found:
            break
        line, node = found[0][0].start_mark.line, found[0][1]
    return line + 1
