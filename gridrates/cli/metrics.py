"""`gridrates metrics`: a Prometheus endpoint of the pipeline's figures."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from gridrates.cli import common
from gridrates.errors import ServiceUnavailable

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PORT = 9464


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=common.examples(
            "gridrates metrics          # at 127.0.0.1:9464, until interrupted",
            "gridrates metrics --once   # print them and end",
        )
    )(metrics)


def metrics(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = PORT,
    once: Annotated[bool, typer.Option("--once", help="Print the figures and end.")] = False,
) -> None:
    """Serve lag, freshness, rejects, held-back dates, stages, sizes and health to Prometheus.

    Opens the published file and asks Kafka with every scrape; never opens the live file. The dashboard and
    the alert rules that use these figures are in deploy/.
    """
    from prometheus_client.exposition import generate_latest

    from gridrates.metrics import registry

    figures = registry(common.settings(ctx))
    if once:
        typer.echo(generate_latest(figures).decode(), nl=False)
    else:
        _serve(figures, host, port)


def _serve(figures: CollectorRegistry, host: str, port: int) -> None:
    """Until somebody says stop. Raises ServiceUnavailable when the address is taken."""
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, host, figures)
    except OSError as error:
        raise ServiceUnavailable(
            f"{host}:{port} cannot be listened on: {error.strerror}.",
            remedy="Choose another --port, or stop what listens there.",
        ) from error
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    common.say(f"Serving http://{host}:{server.server_port}/metrics")
    stopped.wait()
    server.shutdown()
    server.server_close()
    thread.join()
