"""The server the gateway's application runs in. Pure: it listens on nothing until it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.applications import Starlette

# How long requests under way may take when the gateway is told to stop.
_GRACE_SECONDS = 30


def make_server(app: Starlette) -> uvicorn.Server:
    """A server for `app`; `run` it with a socket that listens.

    It reads requests with h11. With httptools, which uvicorn prefers, a request that offers to go on in
    HTTP/2 loses its body (uvicorn issue 2722), and Java's own HTTP client offers that in every request.
    """
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return uvicorn.Server(config)
