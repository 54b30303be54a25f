"""The real `gridrates`, run as a person or a script runs it: another process, its output, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridrates.settings import SECRETS, Settings
from tests.events import Row

PROGRAM = Path(sys.executable).with_name("gridrates")
TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def content(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)

    def worked(self) -> Ended:
        """The same, if it worked."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self

    def refused(self, code: int, *words: str) -> None:
        """It told in one paragraph what is wrong, where, and what to do; and nothing else."""
        assert self.code == code, f"exit code {self.code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err
        error, remedy = self.err.rstrip("\n").split("\n")
        assert error.startswith("Error: ")
        assert error.endswith(".")
        assert remedy.startswith("What to do: ")
        for word in words:
            assert word in self.err, f"{word!r} is not said in:\n{self.err}"


@dataclass(frozen=True)
class CommandLine:
    """`gridrates` in a folder, with the settings of a test in its environment."""

    folder: Path
    settings: Settings
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str | Path, before: Iterable[str] = (), **variables: str) -> Ended:
        """Run a command to its end. `before` are words in front of it, such as another program."""
        done = subprocess.run(
            [*before, str(PROGRAM), *map(str, words)],
            cwd=self.folder,
            env=self.variables | variables,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @property
    def variables(self) -> dict[str, str]:
        """The whole environment of a command."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("GRIDRATES_")}
        wanted = self.settings.model_dump(exclude_none=True, exclude=set(SECRETS), include=_given(self))
        ours = {f"GRIDRATES_{name.upper()}": str(value) for name, value in wanted.items()}
        return mine | ours | self.environment

    def send(self, events: Iterable[Row]) -> None:
        """Put events on the topic."""
        file = self.folder / "events.jsonl"
        file.write_text("".join(f"{json.dumps(event, ensure_ascii=False)}\n" for event in events), "utf-8")
        self("produce", "events", file).worked()


def _given(line: CommandLine) -> set[str]:
    """The settings that are not the defaults."""
    fields = Settings.model_fields.items()
    return {name for name, field in fields if getattr(line.settings, name) != field.default}
