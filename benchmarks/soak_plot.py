"""Draws what a soak noted: memory, size of the live file, and what waited to be landed, over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

PANELS = {
    "memory_mb": "memory of the process, MB",
    "file_mb": "live file, MB",
    "waiting": "events published and not yet landed",
}
WIDTH, HEIGHT = 640, 110


def draw(notes: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """Write an SVG with a panel for each of PANELS. `notes` are a soak's, as dictionaries."""
    rows = [
        {
            "minute": note["seconds"] / 60,
            "memory_mb": note["memory_mb"],
            "file_mb": note["file_bytes"] / 1024**2,
            "waiting": max(note["produced"] - note["landed"], 0),
        }
        for note in notes
    ]
    chart = alt.vconcat(*(_panel(rows, name, label) for name, label in PANELS.items()))
    chart = chart.properties(title=title, background="white")
    path.write_text(vl_convert.vegalite_to_svg(chart.to_dict()) + "\n", encoding="utf-8")


def _panel(rows: list[dict[str, float]], name: str, label: str) -> alt.Chart:
    return (
        alt.Chart(alt.Data(values=rows), title=label)
        .mark_line()
        .encode(
            x=alt.X("minute:Q", title="minutes"),
            y=alt.Y(f"{name}:Q", title=None, scale=alt.Scale(zero=True)),
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
