"""Lineage: what is sent, that it is by the specification, and that nobody's absence stops a pass."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from gridrates.lineage import Dataset, Flow, Lineage, of_publication
from gridrates.pipeline import open_pass
from gridrates.settings import Settings
from tests.published_street import NOW, events, make_settings, publish_street

# The specification's own files, under its licence (Apache-2.0), unchanged.
SPECIFICATION = Path(__file__).parents[2] / "specifications" / "openlineage"

Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Events:
    """What a first pass over the example street sends."""
    folder = tmp_path_factory.mktemp("street")
    settings = make_settings(folder, lineage_file=folder / "events" / "lineage.jsonl")
    publish_street(settings, events())
    return read(settings)


def read(settings: Settings) -> Events:
    assert settings.lineage_file
    return [json.loads(line) for line in settings.lineage_file.read_text().splitlines()]


def complete(sent: Events, job: str) -> dict[str, Any]:
    (found,) = [each for each in sent if each["job"]["name"] == job and each["eventType"] == "COMPLETE"]
    return found


def names(datasets: Events) -> set[str]:
    return {each["name"] for each in datasets}


def test_every_run_begins_and_ends_once(sent: Events) -> None:
    runs: dict[str, list[str]] = {}
    for each in sent:
        runs.setdefault(each["run"]["runId"], []).append(each["eventType"])
    assert set(map(tuple, runs.values())) == {("START", "COMPLETE")}
    assert {"fold", "compute", "publish"} <= {each["job"]["name"] for each in sent}


def test_a_model_names_what_it_read_what_it_wrote_and_how(sent: Events) -> None:
    rates = complete(sent, "model.out_daily_rates")
    assert "live.main.core_dispatch_task" in names(rates["inputs"]) | names(
        complete(sent, "model.core_daily_cohort")["inputs"]
    )
    (output,) = rates["outputs"]
    assert output["name"] == "live.main.out_daily_rates"
    columns = {each["name"]: each for each in output["facets"]["schema"]["fields"]}
    assert columns["closure_rate"]["type"] == "DOUBLE"
    assert columns["business_date"]["description"]
    assert "SELECT" in rates["job"]["facets"]["sql"]["query"].upper()


def test_a_model_runs_below_its_stage(sent: Events) -> None:
    stage = complete(sent, "compute")
    parent = complete(sent, "model.out_daily_rates")["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == stage["run"]["runId"]
    assert parent["job"]["name"] == "compute"
    assert "live.main.out_daily_rates" in names(stage["outputs"])
    assert not names(stage["inputs"]) & names(stage["outputs"]), (
        "what is made inside does not come from outside"
    )


def test_every_published_column_says_where_it_is_from(sent: Events) -> None:
    (cases,) = complete(sent, "publish.cases")["outputs"]
    origin = cases["facets"]["columnLineage"]["fields"]["case_id"]["inputFields"]
    assert [(each["name"], each["field"]) for each in origin] == [("live.main.core_case", "case_id")]
    work_types = next(flow for flow in of_publication() if flow.job == "publish.work_types")
    assert work_types.outputs[0].origins["name_zh"] == ("live:core_work_type", "zh")


def test_from_the_topic_to_the_published_table_there_is_a_way(sent: Events) -> None:
    """Whoever asks a catalogue where a rate comes from ends at what was landed."""
    made: dict[str, set[str]] = {}
    for each in sent:
        for output in each["outputs"]:
            made.setdefault(output["name"], set()).update(names(each["inputs"]))
    seen, ahead = set(), {"published.main.daily_rates"}
    while ahead:
        name = ahead.pop()
        seen.add(name)
        ahead |= made.get(name, set()) - seen
    assert "live.main.raw_event" in seen


def test_a_stage_that_fails_says_so(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, lineage_file=tmp_path / "lineage.jsonl")
    with pytest.raises(ZeroDivisionError), Lineage(settings).stage("land") as flows:
        flows.append(Flow("land.batches", [Dataset("kafka:case-events")]))
        raise ZeroDivisionError("so what")
    start, fail = read(settings)
    assert (start["eventType"], fail["eventType"]) == ("START", "FAIL")
    assert fail["run"]["facets"]["errorMessage"]["message"] == "ZeroDivisionError: so what"
    assert fail["outputs"] == []


def test_topics_are_named_by_their_broker(tmp_path: Path) -> None:
    changes = {"lineage_file": tmp_path / "lineage.jsonl", "kafka_bootstrap_servers": "kafka.example:9092"}
    settings = make_settings(tmp_path, **changes)
    with Lineage(settings).stage("land") as flows:
        flows.append(Flow("land.batches", [Dataset("kafka:case-events")]))
    (topic,) = read(settings)[-1]["inputs"]
    assert (topic["namespace"], topic["name"]) == ("kafka://kafka.example:9092", "case-events")


def test_no_path_of_the_machine_is_told(sent: Events) -> None:
    assert not [each for each in sent if "/home" in json.dumps(each)]


def test_nobody_asks_for_it_and_nothing_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom gridrates.settings import Settings\nfrom gridrates.lineage import Lineage\n"
        "with Lineage(Settings()).stage('land'): pass\n"
        "print([name for name in sys.modules if name.startswith('openlineage')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Catalogue(HTTPServer):
    """Takes events; answers with the status it is told to."""

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.status = status
        self.got: Events = []


class Taker(BaseHTTPRequestHandler):
    server: Catalogue

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append({"path": self.path, **json.loads(body)})
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[201, 500])
def catalogue(request: pytest.FixtureRequest) -> Iterator[Catalogue]:
    server = Catalogue(request.param)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_catalogue_gets_them_and_its_trouble_is_not_ours(tmp_path: Path, catalogue: Catalogue) -> None:
    settings = make_settings(tmp_path, lineage_url=f"http://127.0.0.1:{catalogue.server_port}")
    with Lineage(settings).stage("fold"):
        pass
    assert [each["eventType"] for each in catalogue.got] == ["START", "COMPLETE"]
    assert {each["path"] for each in catalogue.got} == {"/api/v1/lineage"}


def test_a_catalogue_that_is_away_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = make_settings(tmp_path, lineage_url="http://127.0.0.1:9")
    publish_street(make_settings(tmp_path), events())
    with open_pass(settings, "test", now=NOW) as this:
        this.fold(full=True)
    assert "did not go" in caplog.text


# By the specification


@pytest.fixture(scope="module")
def specification() -> Draft202012Validator:
    file = SPECIFICATION / "OpenLineage.json"
    contents = [json.loads(path.read_text()) for path in SPECIFICATION.rglob("*.json")]
    registry = Registry().with_resources(
        [(each["$id"], Resource.from_contents(each)) for each in contents if "$id" in each]
    )
    return Draft202012Validator(
        json.loads(file.read_text()), registry=registry, format_checker=FormatChecker()
    )


def test_every_event_is_by_the_specification(sent: Events, specification: Draft202012Validator) -> None:
    for each in sent:
        assert [error.message for error in specification.iter_errors(each)] == []


def test_every_facet_is_by_its_own_schema(sent: Events, specification: Draft202012Validator) -> None:
    schemas = {path.stem: json.loads(path.read_text()) for path in (SPECIFICATION / "facets").glob("*.json")}
    seen = set()
    for each in sent:
        owners = [each["run"], each["job"], *each["inputs"], *each["outputs"]]
        for facets in (owner.get("facets", {}) for owner in owners):
            for name, facet in facets.items():
                stem = facet["_schemaURL"].partition("#")[0].rpartition("/")[2].removesuffix(".json")
                checker = Draft202012Validator(schemas[stem], registry=specification._registry)
                assert [error.message for error in checker.iter_errors({name: facet})] == [], name
                seen.add(name)
    assert {"parent", "schema", "columnLineage", "sql"} <= seen


def test_an_event_that_is_wrong_would_be_found(sent: Events, specification: Draft202012Validator) -> None:
    for change in ({"eventType": "DONE"}, {"run": {"runId": "7"}}, {"eventTime": None}):
        assert list(specification.iter_errors(sent[0] | change)), change
