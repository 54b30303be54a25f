"""Who may send what, and how much.

Reads a TOML file with a `[[client]]` for each sender: `name`, `token_sha256` (the token itself is kept
nowhere), `sources` and `types` as patterns (`*` stands for anything), `events_per_second`. Guarantees that
a file with a mistake is an error that names the client and the key.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
import tomllib
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.events import Envelope
from gridrates.errors import InputError

EXAMPLE = """\
[[client]]
name = {name}
token_sha256 = "{digest}"
sources = ["310101/*"]
types = ["gridrates.case.*"]
events_per_second = 200
"""


class Client(BaseModel):
    """A sender."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    token_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    sources: Annotated[list[str], Field(min_length=1)]
    types: Annotated[list[str], Field(min_length=1)] = ["*"]
    events_per_second: Annotated[float, Field(gt=0)] = 500

    def may_send(self, event: Envelope) -> bool:
        """Whether the event is from a source and of a type that this client may send."""
        return _fits(event.source, self.sources) and _fits(event.type, self.types)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    client: Annotated[list[Client], Field(min_length=1)]


class Allowance:
    """How many events a client may send now: a bucket that fills at its rate, and holds two seconds' worth.

    A request may take more than is there, however large it is; the next ones then wait.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._clock = clock
        self._left = self._most = 2 * per_second
        self._at = clock()

    def take(self, count: int) -> int:
        """Take `count`, and return 0; or take nothing, and return the seconds to wait."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left <= 0:
            return max(1, math.ceil(-self._left / self._rate))
        self._left -= count
        return 0


class Clients:
    """All senders, found by their token."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = tuple(clients)
        self._allowances = {client.name: Allowance(client.events_per_second) for client in clients}

    def by_token(self, token: str) -> Client | None:
        """The client that this token belongs to. Takes as long for a wrong token as for a right one."""
        digest = digest_of(token)
        found = [client for client in self._clients if hmac.compare_digest(client.token_sha256, digest)]
        return found[0] if found else None

    def allowance(self, client: Client) -> Allowance:
        """What the client may still send."""
        return self._allowances[client.name]


def load_clients(path: Path) -> Clients:
    """Read the clients file. Raises InputError naming what is wrong."""
    try:
        clients = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).client
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.",
            remedy="Write one with `gridrates gateway token`, or name it with --clients.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}.", remedy="Mend the line named.") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{path}: {wrong}.", remedy="Mend the keys named.") from error
    for what in ("name", "token_sha256"):
        values = [getattr(client, what) for client in clients]
        if len(set(values)) < len(values):
            raise InputError(f"{path}: two clients have the same {what}.", remedy="Give each its own.")
    return Clients(clients)


def new_token() -> tuple[str, str]:
    """A token that cannot be guessed, and its digest for the clients file."""
    token = secrets.token_urlsafe(32)
    return token, digest_of(token)


def digest_of(token: str) -> str:
    """What the clients file holds of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _fits(value: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)
