"""The page that documents the indicator family, made from its declaration.

Writes `docs/indicators.md`; run `python -m transforms.documents` after a change of `indicators.yaml`,
`composites.yaml` or `conventions.yaml`. A test holds the page to them.
"""

from __future__ import annotations

from pathlib import Path

import jinja2

from transforms.composites import library
from transforms.conventions import declared
from transforms.indicators import load_indicators

PAGE = Path(__file__).parent.parent / "docs" / "indicators.md"
TEMPLATE = Path(__file__).with_name("indicators.md.j2")


def page() -> str:
    """The whole page as Markdown."""
    template = jinja2.Template(
        TEMPLATE.read_text(encoding="utf-8"), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return str(template.render(family=load_indicators(), composites=library(), switches=declared()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
