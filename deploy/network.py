"""Ports of this machine. Everything local listens on loopback and nowhere else."""

from __future__ import annotations

import socket

from gridrates.errors import ServiceUnavailable

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        # As servers do: connections of a former run that are still winding down are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
        return True


def choose_port(wanted: int | None, last: object, option: str) -> int:
    """`wanted` if it is free; else the port of the last time if it still is; else any free one.

    Raises ServiceUnavailable when `wanted` is taken; `option` is what the user set it with.
    """
    if wanted is not None:
        if is_free(wanted):
            return wanted
        raise ServiceUnavailable(
            f"Port {wanted} on {HOST} is taken by another program.",
            remedy=f"Stop that program, or leave {option} out: a free port is found then.",
        )
    return last if isinstance(last, int) and is_free(last) else free_port()


def accepts(server: str) -> bool:
    """Whether somebody listens at `host:port`."""
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
