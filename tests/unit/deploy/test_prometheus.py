"""Alert rules and dashboard as code: valid, tested one by one, and about figures that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from gridrates.lag import PartitionLag
from gridrates.metrics import registry
from gridrates.settings import Settings
from tests.published_street import make_published, make_settings

ROOT = Path(__file__).parents[3]
PROMETHEUS, GRAFANA = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana"
RULES = PROMETHEUS / "rules" / "gridrates.yml"
CASES = Path(__file__).with_name("alert_rules_test.yml")
DASHBOARD = json.loads((GRAFANA / "dashboards" / "gridrates.json").read_text())
OURS = re.compile(r"\bgridrates_\w+")
# Sent by a real scheduler, as tests/integration/deploy/test_airflow_metrics.py sees.
AIRFLOW = {
    "airflow_scheduler_heartbeat_total",
    "airflow_pool_running_slots",
    "airflow_pool_queued_slots",
    "airflow_pool_scheduled_slots",
    "airflow_executor_running_tasks",
}


@pytest.fixture
def promtool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run promtool."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: scripts/install-promtool")

    def run(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [program, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    return run


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> list[str]:
    """Of all panels."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_prometheus_accepts_configuration_and_rules(promtool) -> None:
    done = promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout


def test_every_rule_fires_when_it_should_and_only_then(promtool, tmp_path: Path) -> None:
    cases = tmp_path / "cases.yml"
    cases.write_text(CASES.read_text(encoding="utf-8").replace("RULES", str(RULES)), encoding="utf-8")
    done = promtool("test", "rules", cases)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_is_wrong_would_be_found(promtool, tmp_path: Path) -> None:
    changed = tmp_path / "rules.yml"
    changed.write_text(RULES.read_text().replace("< 0.10", "< 0.01"), encoding="utf-8")
    cases = tmp_path / "cases.yml"
    cases.write_text(CASES.read_text(encoding="utf-8").replace("RULES", str(changed)), encoding="utf-8")
    assert "GridratesDiskLow" in promtool("test", "rules", cases).stderr


def test_every_rule_has_a_case_that_makes_it_fire() -> None:
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    fired = {each["alertname"] for case in cases for each in case["alert_rule_test"] if each["exp_alerts"]}
    assert {rule["alert"] for rule in rules()} == fired


def test_every_rule_leads_to_a_page_and_says_how_bad_it_is() -> None:
    for rule in rules():
        page = ROOT / "docs" / "runbooks" / f"{rule['annotations']['runbook']}.md"
        assert page.exists(), rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith((".", "?"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all figures, of a street where something of everything has gone wrong."""
    from gridrates import pipeline

    settings = make_published(tmp_path_factory.mktemp("street"))
    with pipeline.open_pass(settings, "test") as this:
        this.connection.execute(
            "INSERT INTO raw_rejected_event BY NAME SELECT 1 AS reject_id, 'not_json' AS reason_code, "
            "'x' AS reason_text, 't' AS kafka_topic, 0 AS kafka_partition, 0 AS kafka_offset, 1 AS batch_id, "
            "now() AS rejected_at, 'open' AS status"
        )
        this.connection.execute(
            "INSERT INTO ops_quality_result BY NAME SELECT 'r' AS run_id, now() AS checked_at, "
            "'raw' AS suite, 't' AS table_name, 'r' AS rule, 'warning' AS severity, false AS is_passed"
        )
        this.publish()
    pipeline.check_health(settings)
    figures = registry(settings, probe=lambda settings: [PartitionLag(0, 0, 5, 2)])
    return {sample.name for metric in figures.collect() for sample in metric.samples}


def test_rules_and_dashboard_are_about_figures_there_are(served: set[str]) -> None:
    text = " ".join([*expressions(), *(rule["expr"] for rule in rules())])
    assert set(OURS.findall(text)) <= served
    assert set(re.findall(r"\bairflow_\w+", text)) <= AIRFLOW


def test_every_expression_of_the_dashboard_is_one(promtool, tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(expressions())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    done = promtool("check", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_names_and_units_follow_prometheus_conventions(promtool, tmp_path: Path) -> None:
    from prometheus_client.exposition import generate_latest

    settings = make_settings(tmp_path)
    text = generate_latest(registry(settings, probe=lambda settings: [PartitionLag(0, 0, 5, 2)])).decode()
    done = promtool("check", "metrics", input=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_dashboard_is_found_by_grafana() -> None:
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    uids = {source["uid"] for source in sources}
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == uids
    providers = yaml.safe_load((GRAFANA / "provisioning/dashboards/gridrates.yml").read_text())["providers"]
    stack = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounted = {volume.split(":")[1] for volume in stack["services"]["grafana"]["volumes"]}
    assert {provider["options"]["path"] for provider in providers} <= mounted


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_what_prometheus_asks_is_what_the_stack_serves() -> None:
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    (target,) = next(job for job in jobs if job["job_name"] == "gridrates")["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    stack = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert port in stack[host]["command"]


def test_settings_are_not_needed_to_describe_the_figures(settings: Settings) -> None:
    """A registry that asked Kafka when it is made would keep the endpoint from starting."""
    assert registry(settings, probe=lambda settings: pytest.fail("asked too early"))
