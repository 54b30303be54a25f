"""`gridrates dev`: the services of this machine, started, shown and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridrates.cli import common
from gridrates.errors import ServiceUnavailable

if TYPE_CHECKING:
    from gridrates.settings import Settings

dev = typer.Typer(no_args_is_help=True, help="Start, show and stop the services on this machine.")


def register(app: typer.Typer) -> None:
    """Add `gridrates dev`."""
    app.add_typer(dev, name="dev")


@dev.command(
    epilog=common.examples(
        "gridrates dev up                       # Kafka on a free port of 127.0.0.1",
        "gridrates dev up --kafka-port 19092    # on this very port",
    )
)
def up(
    ctx: typer.Context,
    kafka_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the broker; a free one when left out.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Start Kafka on this machine, or find it running. Its data stay over restarts."""
    from deploy import local_kafka

    settings = common.settings(ctx)
    if settings.kafka_bootstrap_servers is None:
        local_kafka.start(settings.home_dir, port=kafka_port, say=common.say)
    elif not local_kafka.answers(settings.kafka_bootstrap_servers):
        raise ServiceUnavailable(
            f"The configured broker at {settings.kafka_bootstrap_servers} does not answer; none was started.",
            remedy="Start that broker, or unset GRIDRATES_KAFKA_BOOTSTRAP_SERVERS to use a local one.",
        )
    _show(_status(settings), as_json)


@dev.command(epilog=common.examples("gridrates dev down"))
def down(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Stop what `dev up` started. Data and logs stay."""
    from deploy import local_kafka

    settings = common.settings(ctx)
    local_kafka.stop(settings.home_dir)
    _show(_status(settings), as_json)


@dev.command(epilog=common.examples("gridrates dev status", "gridrates dev status --json | jq .kafka.state"))
def status(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Show what runs and where. Exits with 3 when the broker does not answer."""
    services = _status(common.settings(ctx))
    _show(services, as_json)
    if services["kafka"]["state"] != "running":
        raise typer.Exit(ServiceUnavailable.exit_code)


def _status(settings: Settings) -> dict[str, dict[str, Any]]:
    """A service's name → its `state` and what else is known of it."""
    from deploy import local_kafka

    return {"kafka": _configured(settings) or local_kafka.status(settings.home_dir)}


def _configured(settings: Settings) -> dict[str, Any]:
    from deploy import local_kafka

    if not (servers := settings.kafka_bootstrap_servers):
        return {}
    return {"state": "running" if local_kafka.answers(servers) else "silent", "bootstrap_servers": servers}


def _show(services: dict[str, dict[str, Any]], as_json: bool) -> None:
    if as_json:
        common.print_json(services)
        return
    for name, service in services.items():
        facts = [service["state"], service.get("bootstrap_servers"), _process(service), service.get("log")]
        common.stdout().print(f"{name:<8}", "  ".join(str(fact) for fact in facts if fact), markup=False)


def _process(service: dict[str, Any]) -> str:
    return f"process {service['pid']} since {service['started_at']}" if "pid" in service else ""
