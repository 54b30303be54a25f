"""`gridrates gateway`: take CloudEvents over HTTP and put them on Kafka."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridrates.cli import common
from gridrates.errors import ServiceUnavailable

if TYPE_CHECKING:
    from gridrates.settings import Settings
    from producers.gateway.clients import Clients

gateway = typer.Typer(
    invoke_without_command=True,
    help="Take CloudEvents over HTTP and put them on Kafka.",
    epilog=common.examples(
        "gridrates gateway token street-app >> clients.toml   # a new sender",
        "gridrates gateway --clients clients.toml             # on port 8090",
    ),
)


def register(app: typer.Typer) -> None:
    """Add `gridrates gateway`."""
    app.add_typer(gateway, name="gateway")


@gateway.callback()
def serve(
    ctx: typer.Context,
    clients: Annotated[
        Path | None,
        typer.Option(
            envvar="GRIDRATES_GATEWAY_CLIENTS",
            help="Who may send what (TOML). [dim]Default: clients.toml in GRIDRATES_HOME[/]",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; put a proxy with TLS before it.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8090,
) -> None:
    """Serve until SIGTERM or Ctrl-C; requests under way are finished, and what was taken is delivered."""
    if ctx.invoked_subcommand is not None:
        return
    from producers.gateway.clients import load_clients

    settings = common.settings(ctx)
    known = load_clients(clients or settings.home_dir / "clients.toml")
    with _listening(host, port) as listener:
        _serve(settings, known, listener)


def _listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises ServiceUnavailable when it is taken or not ours."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ServiceUnavailable(
            f"The gateway cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy="Choose another address with --host and --port.",
        ) from error


def _serve(settings: Settings, clients: Clients, listener: socket.socket) -> None:
    from producers.gateway.app import make_app
    from producers.gateway.courier import Courier
    from producers.gateway.server import make_server

    courier = Courier(settings)
    courier.start()
    host, port = listener.getsockname()[:2]
    common.say(f"Taking events on http://{host}:{port}/events for topic {settings.topic}.")
    server = make_server(make_app(courier, clients))
    # The server raises the signal again when it is done; for us that is the end it should come to.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run([listener])
    common.say("Stopped; everything that was taken is on Kafka.")


@gateway.command(epilog=common.examples("gridrates gateway token street-app >> clients.toml"))
def token(name: Annotated[str, typer.Argument(help="The sender's name.")]) -> None:
    """Make a token for a sender: told once on standard error; its entry for the clients file on output."""
    from producers.gateway.clients import EXAMPLE, new_token

    secret, digest = new_token()
    common.say(f"The token of {name}, to be kept by the sender alone: {secret}")
    typer.echo(EXAMPLE.format(name=json.dumps(name, ensure_ascii=False), digest=digest))
