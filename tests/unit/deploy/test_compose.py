"""The stack as code: valid by the Compose specification, and what its documentation promises of it."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.container import SECRETS, fresh_secrets
from gridrates.settings import Settings

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker-compose.yml"
STACK: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
LASTING = {name: service for name, service in SERVICES.items() if name != "prepare"}
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("gridrates:")}
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|_KEY$|TOKEN|URL$")
TAG = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?")
ADDRESSES = {"AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"}

each_service = pytest.mark.parametrize("name", SERVICES)


def check_schema(file: Path) -> subprocess.CompletedProcess[str]:
    """Judge a file by the specification's schema, which check-jsonschema carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def environment() -> Iterator[tuple[str, str, str]]:
    """Every (service, variable, value)."""
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            yield name, variable, str(value)


def test_the_specification_accepts_it() -> None:
    done = check_schema(FILE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "change", [{"helthcheck": {}}, {"ports": "8080"}, {"restart": 1}, {"depends_on": {"kafka": {}}}]
)
def test_the_specification_refuses_slips(tmp_path: Path, change: dict[str, Any]) -> None:
    stack = copy.deepcopy(STACK)
    stack["services"]["scheduler"] |= change
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(yaml.safe_dump(stack), encoding="utf-8")
    assert check_schema(wrong).returncode == 1


def test_the_whole_stack_is_there() -> None:
    assert set(SERVICES) == {
        "kafka", "postgres", "prepare", "api-server", "scheduler", "dag-processor", "triggerer", "metrics",
        "prometheus", "grafana",
    }  # fmt: skip


@each_service
def test_every_image_has_a_version_of_its_own(name: str) -> None:
    assert TAG.fullmatch(SERVICES[name]["image"]), SERVICES[name]["image"]


@each_service
def test_nobody_is_root_and_nobody_can_become_it(name: str) -> None:
    service = SERVICES[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged") and not service.get("cap_add")
    assert service.get("network_mode") != "host"


@each_service
def test_the_host_offers_ports_to_itself_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", LASTING)
def test_every_lasting_service_is_asked_for_its_health_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"], "a log must not fill the disk"


@each_service
def test_what_is_waited_for_can_come_about(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert (other, how["condition"]) == ("prepare", "service_completed_successfully")


def test_every_mounted_volume_is_declared_and_every_mounted_file_is_there() -> None:
    used = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            assert target.startswith("/")
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert mode == ["ro"], f"{source}: the stack does not write into the checkout"
            else:
                used.add(source)
    assert used == set(STACK["volumes"])


def test_data_outlive_their_containers() -> None:
    kept = {target for s in SERVICES.values() for v in s.get("volumes", []) for target in [v.split(":")[1]]}
    assert {"/var/lib/kafka/data", "/var/lib/postgresql/data", "/var/lib/gridrates", "/prometheus"} <= kept
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"


def test_no_secret_has_a_default() -> None:
    """A secret is asked for with words that help, or is optional and empty."""
    found = [each for each in environment() if SECRET_NAME.search(each[1]) and each[1] not in ADDRESSES]
    assert len(found) > 20
    for service, variable, value in found:
        match = VARIABLE.fullmatch(value)
        assert match, f"{service}.{variable} is not taken from the environment"
        assert (match[2] == "?" and "docs/operations.md" in match[3]) or (match[2] == "-" and not match[3])


def test_what_is_asked_for_is_what_the_secrets_command_makes() -> None:
    asked = {match[1] for match in VARIABLE.finditer(FILE.read_text()) if match[2] == "?"}
    made = dict(line.split("=", 1) for line in fresh_secrets().splitlines())
    assert asked == set(made)
    assert all(len(value) >= 16 for value in made.values())
    assert set(SECRETS) <= set(SERVICES["scheduler"]["environment"])


def test_our_settings_are_settings() -> None:
    known = {f"GRIDRATES_{name.upper()}" for name in Settings.model_fields}
    for service, variable, _ in environment():
        if variable.startswith("GRIDRATES_"):
            assert variable in known, f"{service}: {variable}"
    for service in OURS.values():
        # One home and one profile, whoever opens the warehouse.
        given = service["environment"]
        assert given["GRIDRATES_HOME"] == "/var/lib/gridrates"
        assert given["GRIDRATES_PROFILE"] == "${GRIDRATES_PROFILE:-demo-street}"


@pytest.mark.filterwarnings("ignore")
def test_airflows_settings_are_settings_of_this_airflow() -> None:
    from airflow.configuration import retrieve_configuration_description

    known = retrieve_configuration_description(include_providers=False)
    for service, variable, _ in environment():
        if variable.startswith("AIRFLOW__"):
            _, section, option = variable.lower().split("__")
            assert option in known[section]["options"], f"{service}: {variable}"


def test_the_commands_of_our_containers_exist() -> None:
    from deploy.container import AIRFLOW

    roles = {service["command"][0] for service in OURS.values()}
    assert roles == {"prepare", "gridrates", *AIRFLOW}


def test_the_broker_is_the_one_the_tests_run() -> None:
    jars = (ROOT / "deploy" / "kafka-jars.json").read_text()
    version = SERVICES["kafka"]["image"].rpartition(":")[2]
    assert f"org.apache.kafka:kafka_2.13:{version}" in jars


def test_the_figures_of_airflow_reach_prometheus() -> None:
    prometheus = SERVICES["prometheus"]
    assert "--web.enable-otlp-receiver" in prometheus["command"]
    endpoint = SERVICES["scheduler"]["environment"]["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]
    assert endpoint == "http://prometheus:9090/api/v1/otlp/v1/metrics"
