"""`gridrates dev`: the services of this machine, started, shown and stopped."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import ServiceUnavailable

if TYPE_CHECKING:
    from deploy.local_airflow import Airflow
    from gridrates.settings import Settings

Services = dict[str, dict[str, Any]]

# Who tries things out does not want to wait as long as a production stack lets events settle; and a task may
# meet a command that is writing the warehouse for a moment.
LOCAL = {"wake_settle_seconds": 3, "lock_timeout_seconds": 60}

dev = typer.Typer(no_args_is_help=True, help="Start, show and stop the services on this machine.")


def register(app: typer.Typer) -> None:
    """Add `gridrates dev`."""
    app.add_typer(dev, name="dev")


@dev.command(
    epilog=common.examples(
        "gridrates dev up                      # Kafka on a free port of 127.0.0.1",
        "gridrates dev up --airflow            # and Airflow, which runs the pipeline",
        "gridrates dev up --kafka-port 19092   # on this very port",
    )
)
def up(
    ctx: typer.Context,
    airflow: Annotated[bool, typer.Option("--airflow", help="Start Airflow too.")] = False,
    kafka_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the broker; a free one when left out.")
    ] = None,
    airflow_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of Airflow; a free one when left out.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Start Kafka on this machine, or find it running. Its data stay over restarts."""
    settings = common.settings(ctx)
    start_kafka(settings, port=kafka_port)
    if airflow:
        start_airflow(settings, port=airflow_port)
    _show(_status(settings), as_json)


@dev.command(epilog=common.examples("gridrates dev down"))
def down(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Stop what `dev up` started. Data and logs stay."""
    from deploy import local_airflow, local_kafka

    settings = common.settings(ctx)
    local_airflow.stop(settings.home_dir)
    local_kafka.stop(settings.home_dir)
    _show(_status(settings), as_json)


@dev.command(epilog=common.examples("gridrates dev status", "gridrates dev status --json | jq .kafka.state"))
def status(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Show what runs and where. Exits with 3 when Kafka does not answer or Airflow is unwell."""
    services = _status(common.settings(ctx))
    _show(services, as_json)
    if services["kafka"]["state"] != "running" or services["airflow"]["state"] == "unhealthy":
        raise typer.Exit(ServiceUnavailable.exit_code)


def start_kafka(settings: Settings, *, port: int | None = None) -> None:
    """Start or find the local broker; when one is configured, only see that it answers."""
    from deploy import local_kafka

    if settings.kafka_bootstrap_servers is None:
        local_kafka.start(settings.home_dir, port=port, say=common.say)
    elif not local_kafka.answers(settings.kafka_bootstrap_servers):
        raise ServiceUnavailable(
            f"The configured broker at {settings.kafka_bootstrap_servers} does not answer; none was started.",
            remedy="Start that broker, or unset GRIDRATES_KAFKA_BOOTSTRAP_SERVERS to use a local one.",
        )


def start_airflow(settings: Settings, *, port: int | None = None) -> Airflow:
    """Start or find the local Airflow with our DAGs and with these settings."""
    from deploy import local_airflow

    spec = find_spec("dags")
    assert spec is not None and spec.submodule_search_locations
    dags = Path(next(iter(spec.submodule_search_locations)))
    return local_airflow.start(
        settings.home_dir,
        dags=dags,
        pools=dags / "pools.json",
        environment=environment(settings),
        port=port,
        say=common.say,
    )


def environment(settings: Settings) -> dict[str, str]:
    """The settings as variables for processes that run elsewhere; secrets are in our environment already."""
    from gridrates.profile import folder_of
    from gridrates.settings import SECRETS

    chosen = {name: value for name, value in LOCAL.items() if name not in settings.model_fields_set}
    folder = folder_of(settings.profile)
    places = {
        "home": settings.home_dir,
        "profile": folder.absolute() if folder == Path(settings.profile) else settings.profile,
    }
    values = settings.model_dump(exclude=set(SECRETS), exclude_none=True) | chosen | places
    return {f"GRIDRATES_{name.upper()}": str(value) for name, value in values.items()}


def _status(settings: Settings) -> Services:
    """A service's name → its `state` and what else is known of it."""
    from deploy import local_airflow, local_kafka

    home = settings.home_dir
    return {
        "kafka": _configured(settings) or local_kafka.status(home),
        "airflow": local_airflow.status(home),
    }


def _configured(settings: Settings) -> dict[str, Any]:
    from deploy import local_kafka

    if not (servers := settings.kafka_bootstrap_servers):
        return {}
    return {"state": "running" if local_kafka.answers(servers) else "silent", "bootstrap_servers": servers}


def _show(services: Services, as_json: bool) -> None:
    if as_json:
        common.print_json(services)
        return
    for name, service in services.items():
        common.stdout().print(f"{name:<8}", "  ".join(filter(None, _facts(service))), markup=False)


def _facts(service: dict[str, Any]) -> list[str]:
    """What a person wants to know of a service, most wanted first."""
    facts = [service["state"], service.get("bootstrap_servers") or service.get("url") or ""]
    if "pid" in service:
        facts.append(f"process {service['pid']} since {service['started_at']}")
    if "user" in service:
        facts.append(f"user {service['user']}, password in {service['passwords_file']}")
    if service.get("ailing"):
        facts.append(f"unwell: {', '.join(service['ailing'])}")
    facts.append(str(service.get("log") or service.get("logs") or ""))
    return facts
