"""Lineage: which stage read what and wrote what, as OpenLineage events, to a file or an address.

Reads the declarations of the models and of the published tables; writes events, if `lineage_file` or
`lineage_url` is set, and otherwise nothing: then nothing of OpenLineage is even imported. Guarantees that a
catalogue that is away never stops a pass.

A stage is a job (`land`, `fold`, `compute`, `publish` …). Each SQL model that ran is a job below it, with the
tables it read, the columns it wrote, and its SQL; each published column names the column it comes from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from gridrates import __version__
from gridrates.public_tables import public_tables
from gridrates.settings import Settings
from transforms.models import Model
from warehouse.published_tables import PublicTable

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import InputDataset, OutputDataset, Run

log = logging.getLogger(__name__)

PRODUCER = f"https://github.com/gridrates/gridrates/tree/v{__version__}"
PATIENCE_SECONDS = 5.0
RAW = ("raw_event", "raw_rejected_event", "raw_landing_offset", "raw_landing_batch")


@dataclass(frozen=True)
class Dataset:
    """A table or topic: its full name, its columns as (name, type, meaning), and where they come from.

    `origins`: column → (name of the dataset, column) it is taken from unchanged.
    """

    name: str
    columns: Sequence[tuple[str, str, str]] = ()
    origins: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Flow:
    """What a job read and wrote."""

    job: str
    inputs: Sequence[Dataset] = ()
    outputs: Sequence[Dataset] = ()
    sql: str = ""


class Lineage:
    """The events of one pass."""

    def __init__(self, settings: Settings) -> None:
        self.namespace = f"{settings.lineage_namespace}/{Path(settings.profile).name}"
        self.broker = settings.kafka_bootstrap_servers or "local"
        self.clients = _clients(settings)

    @contextmanager
    def stage(self, name: str) -> Iterator[list[Flow]]:
        """A job that runs meanwhile. What is put into the list becomes jobs below it when it ends well."""
        flows: list[Flow] = []
        if not self.clients:
            yield flows
            return
        run = _new_run()
        self._emit("START", run, Flow(name))
        try:
            yield flows
        except BaseException as error:
            self._emit("FAIL", _with_error(run, error), Flow(name))
            raise
        for flow in flows:
            self._whole(flow, parent=(run, name))
        self._emit("COMPLETE", run, _sum_of(name, flows))

    def _whole(self, flow: Flow, *, parent: tuple[Run, str]) -> None:
        """A job that has already run."""
        run = _new_run(parent=(parent[0].runId, self.namespace, parent[1]))
        self._emit("START", run, Flow(flow.job))
        self._emit("COMPLETE", run, flow)

    def _emit(self, state: str, run: Run, flow: Flow) -> None:
        from openlineage.client.event_v2 import Job, RunEvent, RunState
        from openlineage.client.facet_v2 import sql_job

        facets: dict[str, Any] = {}
        if flow.sql:
            facets["sql"] = sql_job.SQLJobFacet(query=flow.sql, dialect="duckdb")
        event = RunEvent(
            eventType=RunState[state],
            eventTime=datetime.now(UTC).isoformat(),
            run=run,
            job=Job(self.namespace, flow.job, facets),
            inputs=[self._input(each) for each in flow.inputs],
            outputs=[self._output(each) for each in flow.outputs],
            producer=PRODUCER,
        )
        for client in self.clients:
            try:
                client.emit(event)
            except Exception as error:
                # Whatever a catalogue does: the pass goes on.
                log.warning("A lineage event did not go: %s", type(error).__name__)

    def _place(self, name: str) -> tuple[str, str]:
        """Namespace and name of a dataset."""
        system, _, rest = name.partition(":")
        if system == "kafka":
            return f"kafka://{self.broker}", rest
        return f"duckdb://{self.namespace}", f"{system}.main.{rest}"

    def _input(self, dataset: Dataset) -> InputDataset:
        from openlineage.client.event_v2 import InputDataset

        return InputDataset(*self._place(dataset.name), facets=self._facets(dataset))

    def _output(self, dataset: Dataset) -> OutputDataset:
        from openlineage.client.event_v2 import OutputDataset

        return OutputDataset(*self._place(dataset.name), facets=self._facets(dataset))

    def _facets(self, dataset: Dataset) -> dict[str, Any]:
        from openlineage.client.facet_v2 import column_lineage_dataset as lineage
        from openlineage.client.facet_v2 import schema_dataset as schema

        facets: dict[str, Any] = {}
        if dataset.columns:
            fields = [schema.SchemaDatasetFacetFields(*column) for column in dataset.columns]
            facets["schema"] = schema.SchemaDatasetFacet(fields=fields)
        if dataset.origins:
            as_is = [lineage.Transformation(type="DIRECT", subtype="IDENTITY")]
            facets["columnLineage"] = lineage.ColumnLineageDatasetFacet(
                fields={
                    column: lineage.Fields([lineage.InputField(*self._place(name), own, as_is)])
                    for column, (name, own) in dataset.origins.items()
                }
            )
        return facets


def of_landing(settings: Settings) -> list[Flow]:
    """Topic → raw tables."""
    topic = Dataset(f"kafka:{settings.topic}")
    return [Flow("land.batches", [topic], [Dataset(f"live:{table}") for table in RAW])]


def of_models(models: Iterable[Model], ran: Iterable[str]) -> list[Flow]:
    """Each model that ran: the tables it read → the columns it declares."""
    wanted = set(ran)
    return [
        Flow(
            f"model.{model.name}",
            [Dataset(f"live:{name}") for name in sorted(model.needs)],
            [Dataset(f"live:{model.name}", [(n, c.type, c.en) for n, c in model.columns.items()])],
            model.sql,
        )
        for model in models
        if model.name in wanted
    ]


def of_publication() -> list[Flow]:
    """Live tables → published ones, column by column."""
    flows = []
    for table in public_tables():
        source, origins = _origins(table)
        columns = [(name, "", column.comment) for name, column in table.columns.items()]
        inputs = [Dataset(f"live:{source}")] if source else []
        flows.append(
            Flow(f"publish.{table.name}", inputs, [Dataset(f"published:{table.name}", columns, origins)])
        )
    return flows


def _origins(table: PublicTable) -> tuple[str | None, dict[str, tuple[str, str]]]:
    """The live table a published one is taken from, and the column that each column is."""
    query = sqlglot.parse_one(table.sql, read="duckdb")
    source = query.find(exp.Table)
    if source is None or not isinstance(query, exp.Select):
        return None, {}
    chosen = {each.alias_or_name: each.unalias() for each in query.selects}
    origins = {
        name: (f"live:{source.name}", column.name)
        for name, column in chosen.items()
        if isinstance(column, exp.Column)
    }
    return source.name, origins


def _sum_of(name: str, flows: Sequence[Flow]) -> Flow:
    """The stage as a whole: what came from outside, and all that was written."""
    written = {each.name: each for flow in flows for each in flow.outputs}
    read = {each.name: each for flow in flows for each in flow.inputs if each.name not in written}
    return Flow(name, list(read.values()), list(written.values()))


def _new_run(*, parent: tuple[str, str, str] | None = None) -> Run:
    from openlineage.client.event_v2 import Run
    from openlineage.client.facet_v2 import parent_run
    from openlineage.client.uuid import generate_new_uuid

    facets: dict[str, Any] = {}
    if parent:
        run_id, namespace, job = parent
        facets["parent"] = parent_run.ParentRunFacet(parent_run.Run(run_id), parent_run.Job(namespace, job))
    return Run(str(generate_new_uuid()), facets)


def _with_error(run: Run, error: BaseException) -> Run:
    from openlineage.client.event_v2 import Run
    from openlineage.client.facet_v2 import error_message_run

    said = error_message_run.ErrorMessageRunFacet(
        message=f"{type(error).__name__}: {error}", programmingLanguage="Python"
    )
    return Run(run.runId, {**(run.facets or {}), "errorMessage": said})


def _clients(settings: Settings) -> list[OpenLineageClient]:
    """One for each place events are wanted at; none when nobody wants them."""
    if not (settings.lineage_file or settings.lineage_url):
        return []
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    clients = []
    if settings.lineage_file:
        file = settings.lineage_file.expanduser().absolute()
        file.parent.mkdir(parents=True, exist_ok=True)
        clients.append(
            OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(file), append=True)))
        )
    if settings.lineage_url:
        # Not tried again: a pass has other things to do than to wait for a catalogue.
        config = HttpConfig(url=settings.lineage_url, timeout=PATIENCE_SECONDS, retry={"total": 0})
        clients.append(OpenLineageClient(transport=HttpTransport(config)))
    return clients
