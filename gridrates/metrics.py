"""Our figures for Prometheus, collected at the moment they are asked for.

Reads Kafka's offsets, the published file, the state file and the disk; writes nothing and never opens the
live file, which its writer holds. Guarantees an answer, whatever is away: a source that cannot be read is a
metric of its own (`gridrates_source_up`), and only its figures are missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from gridrates import __version__, lag, statefile, status
from gridrates.errors import GridratesError
from gridrates.settings import Settings

Probe = Callable[[Settings], Sequence[lag.PartitionLag]]
Label = tuple[str, ...]
PREFIX = "gridrates"


def registry(settings: Settings, *, probe: Probe = lag.read_partitions) -> CollectorRegistry:
    """What a Prometheus endpoint serves. `probe` asks Kafka for the lag."""
    made = CollectorRegistry(auto_describe=False)
    made.register(_Pipeline(settings, probe))
    return made


class _Pipeline(Collector):
    """Asks everything anew with every scrape."""

    def __init__(self, settings: Settings, probe: Probe) -> None:
        self.settings = settings
        self.sources: dict[str, Callable[[], Iterable[Metric]]] = {
            "kafka": lambda: _of_topic(settings, probe(settings)),
            "published": lambda: _of_published(status.read_published(settings)),
            "home": lambda: _of_home(settings),
        }

    def collect(self) -> Iterator[Metric]:
        """All figures of all sources that answer."""
        up = _gauge("source_up", "Whether a source of these figures could be read (1) or not (0).", "source")
        for name, read in self.sources.items():
            try:
                found = list(read())
            except (GridratesError, duckdb.Error, OSError):
                found = []
            up.add_metric([name], float(bool(found)))
            yield from found
        yield up
        info = {"version": __version__, "profile": Path(self.settings.profile).name}
        yield InfoMetricFamily(f"{PREFIX}", "What is installed.", value=info)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=labels)


def _filled(
    name: str, text: str, values: Mapping[Label, float | None], *labels: str
) -> Iterator[GaugeMetricFamily]:
    """A gauge with a value a label; what is not known is left out."""
    known = {label: value for label, value in values.items() if value is not None}
    gauge = _gauge(name, text, *labels)
    for label, value in known.items():
        gauge.add_metric(label, value)
    if known:
        yield gauge


def _of_topic(settings: Settings, partitions: Sequence[lag.PartitionLag]) -> Iterator[Metric]:
    topic, each = settings.topic, partitions
    labels = ("topic", "partition")
    behind: dict[Label, float | None] = {(topic, str(p.partition)): p.behind for p in each}
    records: dict[Label, float | None] = {(topic, str(p.partition)): p.records for p in each}
    # Without any partition Kafka has still answered: there is no topic yet.
    yield from _filled("topic_partitions", "Partitions of the topic.", {(topic,): len(each)}, "topic")
    yield from _filled("topic_records", "Records on the topic.", records, *labels)
    yield from _filled("lag_records", "Records on the topic that are not landed.", behind, *labels)


def _of_published(published: status.Published) -> Iterator[Metric]:
    one: dict[str, tuple[str, float | None]] = {
        "published_generation": ("Number of the generation in force.", published.generation),
        "published_timestamp_seconds": (
            "When the generation in force was published.",
            published.published_at.timestamp(),
        ),
        "newest_business_date_timestamp_seconds": (
            "End, in UTC, of the newest published business date.",
            _end_of(published.last_date) if published.last_date else None,
        ),
        "newest_event_timestamp_seconds": (
            "When the newest published event happened.",
            published.newest_event_at.timestamp() if published.newest_event_at else None,
        ),
        "held_back_dates": ("Business dates that the gate holds back.", len(published.held_back)),
    }
    for name, (text, value) in one.items():
        yield from _filled(name, text, {(): value})
    rejects: dict[Label, float | None] = {(reason,): n for reason, n in published.open_rejects.items()}
    failed: dict[Label, float | None] = {(severity,): n for severity, n in published.failed.items()}
    yield from _filled("open_rejects", "Refused records nobody has dealt with.", rejects, "reason")
    yield from _filled("failed_rules", "Rules of the gate that fail, as last checked.", failed, "severity")


def _of_home(settings: Settings) -> Iterator[Metric]:
    entries = statefile.read(settings)
    yield from _of_stages({name: entry for name, entry in entries.items() if "stage" in entry})
    yield from _of_health(entries.get("health"))
    home = status.existing(settings.home_dir)
    usage = shutil.disk_usage(home)
    sizes = {
        "live_file_bytes": ("Size of the live file and what is beside it.", settings.warehouse_path.parent),
        "published_bytes": ("Size of all published generations.", settings.published_dir),
    }
    for name, (text, folder) in sizes.items():
        yield from _filled(name, text, {(): status.size_below(folder)})
    yield from _filled("disk_free_bytes", "Room left where the home is.", {(): usage.free})
    yield from _filled("disk_size_bytes", "Size of the disk the home is on.", {(): usage.total})


def _of_stages(entries: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    ended = {name: _moment(entry.get("ended_at")) for name, entry in entries.items()}
    started = {name: _moment(entry.get("started_at")) for name, entry in entries.items()}
    ends: dict[Label, float | None] = {(name,): end for name, end in ended.items()}
    lasted: dict[Label, float | None] = {
        (name,): end - begin for name, end in ended.items() if end and (begin := started[name])
    }
    failed: dict[Label, float | None] = {(n,): float(e.get("state") == "failed") for n, e in entries.items()}
    yield from _filled("stage_last_run_timestamp_seconds", "When a stage ended last.", ends, "stage")
    yield from _filled("stage_last_run_duration_seconds", "How long its last run took.", lasted, "stage")
    yield from _filled("stage_last_run_failed", "Whether its last run failed (1).", failed, "stage")


def _of_health(measured: Mapping[str, Any] | None) -> Iterator[Metric]:
    """What `gridrates health` found last: figures it takes the live file to know."""
    if measured is None:
        return
    levels: dict[Label, float | None] = {
        (each["check"], each["subject"]): float(status.Level[each["level"].upper()])
        for each in measured["findings"]
    }
    text = "Verdict of a check of health: 0 green, 1 yellow, 2 red."
    yield from _filled("health_level", text, levels, "check", "subject")
    yield from _filled(
        "health_measured_timestamp_seconds", "When health was measured last.", {(): _moment(measured["at"])}
    )


def _moment(text: Any) -> float | None:
    return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None


def _end_of(day: date) -> float:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)).timestamp()
