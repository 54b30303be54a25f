"""The page of the rules, made from the suites themselves.

Writes `docs/quality-rules.md`; run `python -m expectations.documents` after a change of a suite. A test holds
the page to the suites.
"""

from __future__ import annotations

from pathlib import Path

import jinja2

from expectations.suites import DECLARED, FAMILY, SuiteFile, shipped_suites

PAGE = Path(__file__).parent.parent / "docs" / "quality-rules.md"
TEMPLATE = Path(__file__).with_name("quality-rules.md.j2")
LAYERS = ("raw", "core", "out")


def page() -> str:
    """The whole page as Markdown."""
    suites = {name: suite for name, (suite, _) in shipped_suites().items()}
    common = {name: suites.pop(name) for name in (DECLARED, FAMILY)}
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    environment.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|")
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return str(template.render(common=common, tables=dict(sorted(suites.items(), key=_place))))


def _place(item: tuple[str, SuiteFile]) -> tuple[int, str]:
    """Raw layer first, then facts, then figures."""
    layer = item[0].partition("_")[0]
    return LAYERS.index(layer), item[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
