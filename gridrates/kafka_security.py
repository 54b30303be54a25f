"""How connections to Kafka are secured, and what is wrong when they are not made.

Reads the certificates the settings name. TLS is on when the settings name a user, a certificate or
`kafka_tls`; the broker's certificate is always checked, and that it is for the host that was asked.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka.errors import AuthorizationError

from gridrates.errors import InputError, ServiceUnavailable
from gridrates.settings import Settings

# Asks which brokers there are: size, key 3, version 4, correlation, no client id, no topics, create none.
# Only at this does a broker that wants our certificate say so, and a port for logins end the connection.
_METADATA = bytes.fromhex("0000000f 0003 0004 00000001 ffff 00000000 00".replace(" ", ""))
_KINDS = {"Topic": "topic", "Group": "group", "Cluster": "cluster", "TransactionalId": "transactional id"}
_NO_TLS = "The port speaks no TLS: name the broker's secured port in `kafka_bootstrap_servers`."


def security_options(settings: Settings) -> dict[str, Any]:
    """Options of a client. Raises InputError when a certificate, a key or half of a login is missing."""
    if not _has_tls(settings):
        return {}
    context = _context(settings)
    context.sslsocket_class = _bounded(settings.kafka_timeout_seconds)
    options: dict[str, Any] = {"security_protocol": "SSL", "ssl_context": context}
    if not settings.kafka_username:
        return options
    if not settings.kafka_password:
        raise InputError(
            f"There is no password for the Kafka user {settings.kafka_username}.",
            remedy="Set GRIDRATES_KAFKA_PASSWORD where the program is started.",
        )
    return options | {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }


@dataclass(frozen=True)
class _Fault:
    """What is wrong with a secured connection, and the remedy."""

    said: str
    remedy: str


def refusal(settings: Settings, servers: str, error: Exception) -> ServiceUnavailable | None:
    """Why a secured connection is not made; None when security is not the reason.

    kafka-python says of any failed login or handshake that no broker was found; so this looks for itself.
    """
    if not _has_tls(settings):
        return None
    for server in servers.split(","):
        if fault := _fault(settings, server, error):
            message = f"No secured connection to Kafka at {server}: {fault.said}."
            return ServiceUnavailable(message, remedy=fault.remedy)
    return None


def _has_tls(settings: Settings) -> bool:
    files = (settings.kafka_ca_file, settings.kafka_certificate_file)
    return settings.kafka_tls or bool(settings.kafka_username) or any(files)


def _context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=_file(settings.kafka_ca_file, "kafka_ca_file"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate = _file(settings.kafka_certificate_file, "kafka_certificate_file")
    if certificate:
        key, password = _file(settings.kafka_key_file, "kafka_key_file"), settings.kafka_key_password
        try:
            # Without a password, one that is needed must not be asked for on the terminal.
            context.load_cert_chain(certificate, key, password.get_secret_value() if password else "")
        except (ssl.SSLError, OSError) as error:
            raise InputError(
                f"The certificate {certificate} and its key cannot be used: {_said(error)}.",
                remedy="Check `kafka_certificate_file` and `kafka_key_file` (PEM, of one another) and, where "
                "the key has a password, GRIDRATES_KAFKA_KEY_PASSWORD.",
            ) from error
    return context


def _bounded(seconds: float) -> type[ssl.SSLSocket]:
    """A kind of socket that ends a handshake after `seconds`: kafka-python waits for one for ever."""

    class BoundedSocket(ssl.SSLSocket):
        _watch: threading.Timer | None = None

        def do_handshake(self, block: bool = False) -> None:
            """Go on with the handshake; without blocking it takes several calls."""
            if self._watch is None:
                self._watch = threading.Timer(seconds, self._give_up)
                self._watch.daemon = True
                self._watch.start()
            is_over = True
            try:
                super().do_handshake(block)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                is_over = False
                raise
            finally:
                if is_over:
                    self._watch.cancel()

        def _give_up(self) -> None:
            """Let who waits for the other side find the connection ended."""
            with suppress(OSError):
                socket.socket.shutdown(self, socket.SHUT_RDWR)

    return BoundedSocket


def _file(path: Path | None, setting: str) -> str | None:
    """The file as OpenSSL takes it. Raises InputError when it cannot be read or holds nothing of the kind."""
    if path is None:
        return None
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(
            f"The file {path} cannot be read: {error.strerror}.", remedy=f"Mend the setting `{setting}`."
        ) from error
    if "-----BEGIN " not in text:
        raise InputError(
            f"The file {path} is not PEM: it has no line that begins with -----BEGIN.",
            remedy=f"Convert it with openssl, or mend the setting `{setting}`.",
        )
    return str(path)


def denial(error: Exception) -> ServiceUnavailable | None:
    """What to tell when the broker knows us and forbids what we asked for; None for another error."""
    if not isinstance(error, AuthorizationError):
        return None
    kind = type(error).__name__.removesuffix("AuthorizationFailedError")
    what = " ".join(map(str, (_KINDS.get(kind, kind), *error.args)))
    return ServiceUnavailable(
        f"Kafka denies us access to what was asked for: {what}.",
        remedy="Have the rights given that docs/kafka-security.md lists, or name another user in "
        "`kafka_username`.",
    )


def _fault(settings: Settings, server: str, error: Exception) -> _Fault | None:
    """What is wrong with TLS or the login at a server; None when nothing is, or it cannot be reached."""
    try:
        is_answered = _is_answered(settings, server)
    except ssl.SSLCertVerificationError as failure:
        return _Fault(failure.verify_message.rstrip("."), _remedy(failure.verify_message))
    except ssl.SSLError as failure:
        return _Fault(_said(failure), _remedy(_said(failure)))
    except ConnectionResetError:
        return _Fault("it ended the connection within the handshake", _NO_TLS)
    except OSError:
        return None
    return _login_fault(settings, is_answered) if _is_of_the_start(error) else None


def _is_answered(settings: Settings, server: str) -> bool:
    """Whether a server answers over TLS who has not logged in. Raises OSError, also for what TLS refuses."""
    host, _, port = server.rpartition(":")
    host, seconds = host.strip("[]"), settings.kafka_timeout_seconds
    with (
        socket.create_connection((host, int(port)), timeout=seconds) as plain,
        _context(settings).wrap_socket(plain, server_hostname=host) as secured,
    ):
        try:
            secured.sendall(_METADATA)
            return bool(secured.recv(4))
        except (ConnectionResetError, BrokenPipeError):
            return False


def _is_of_the_start(error: Exception) -> bool:
    """Whether nothing was let in: what was let in and then waited in vain is slow, not refused."""
    return any(word in str(error) for word in ("bootstrap", "Authentication"))


def _login_fault(settings: Settings, is_answered: bool) -> _Fault | None:
    user, seconds = settings.kafka_username, settings.kafka_timeout_seconds
    if user and is_answered:
        return _Fault(
            f"TLS works, but nobody logs in at this port, as the user {user} would",
            "Name the port for logins in `kafka_bootstrap_servers`, or unset `kafka_username`.",
        )
    if user:
        return _Fault(
            f"TLS works, but within {seconds:g} s the user {user} was not let in with this password and "
            f"{settings.kafka_sasl_mechanism}",
            "Check GRIDRATES_KAFKA_USERNAME, GRIDRATES_KAFKA_PASSWORD and `kafka_sasl_mechanism`.",
        )
    if is_answered:
        return None
    return _Fault(
        "TLS works, but the broker ends the connection when it is asked something",
        "Where the port is for logins, set `kafka_username` and GRIDRATES_KAFKA_PASSWORD.",
    )


def _remedy(said: str) -> str:
    said = said.lower()
    if "expired" in said or "not yet valid" in said:
        return "Renew the certificate it speaks of, or set the clock of this machine right."
    if "hostname" in said or "ip address" in said or "match" in said:
        return "Name the broker in `kafka_bootstrap_servers` as its certificate does, or have the name added."
    if "alert" in said:  # what the broker says of us
        return "Set `kafka_certificate_file` and `kafka_key_file` to a certificate that the broker accepts."
    if "wrong version number" in said or "record layer" in said or "eof" in said:
        return _NO_TLS
    return "Set `kafka_ca_file` to the certificate (PEM) of the authority that signed the broker's."


def _said(error: OSError) -> str:
    """OpenSSL's reason in words."""
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return str(reason).lower().replace("_", " ").replace("tlsv1 ", "").replace("tlsv13 ", "")
