"""How connections to Kafka are secured, and what is wrong when they are not made.

Reads the certificates the settings name. TLS is on when the settings name a user, a certificate or
`kafka_tls`; the broker's certificate is always checked, and that it is for the host that was asked.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrates.errors import InputError, ServiceUnavailable
from gridrates.settings import Settings

# Any request: a broker that wants a client's certificate says so only when it is asked something.
_API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000001 ffff".replace(" ", ""))


def security_options(settings: Settings) -> dict[str, Any]:
    """Options of a client. Raises InputError when a certificate, a key or half of a login is missing."""
    if not _has_tls(settings):
        return {}
    options: dict[str, Any] = {"security_protocol": "SSL", "ssl_context": _context(settings)}
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


def refusal(settings: Settings, servers: str, error: Exception) -> ServiceUnavailable | None:
    """Why a secured connection is not made; None when security is not the reason.

    kafka-python says of any failed login or handshake that no broker was found; so this looks for itself.
    """
    if not _has_tls(settings):
        return None
    for server in servers.split(","):
        found = _handshake(settings, server)
        if found and found.said:
            message = f"No secured connection to Kafka at {server}: {found.said}."
            return ServiceUnavailable(message, remedy=found.remedy)
        if found and settings.kafka_username and _is_of_the_start(error):
            return ServiceUnavailable(
                f"Kafka at {server} answers with TLS, but not to the user {settings.kafka_username} with "
                f"this password and {settings.kafka_sasl_mechanism}.",
                remedy="Check GRIDRATES_KAFKA_USERNAME, GRIDRATES_KAFKA_PASSWORD and `kafka_sasl_mechanism`, "
                "and that this port is the one for logins.",
            )
    return None


def _is_of_the_start(error: Exception) -> bool:
    """Whether nothing was let in: what was let in and then waited in vain is slow, not refused."""
    return any(word in str(error) for word in ("bootstrap", "Authentication"))


@dataclass(frozen=True)
class _Handshake:
    """What TLS says of a server, if something is wrong with it, and the remedy."""

    said: str = ""
    remedy: str = ""


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


def _handshake(settings: Settings, server: str) -> _Handshake | None:
    """What comes of a handshake with a server; None when it cannot be reached."""
    host, _, port = server.rpartition(":")
    host, seconds = host.strip("[]"), settings.kafka_timeout_seconds
    try:
        with (
            socket.create_connection((host, int(port)), timeout=seconds) as plain,
            _context(settings).wrap_socket(plain, server_hostname=host) as secured,
        ):
            secured.sendall(_API_VERSIONS)
            secured.recv(4)
    except ssl.SSLCertVerificationError as error:
        return _Handshake(error.verify_message.rstrip("."), _remedy(error.verify_message))
    except ssl.SSLError as error:
        return _Handshake(_said(error), _remedy(_said(error)))
    except OSError:
        return None
    return _Handshake()


def _remedy(said: str) -> str:
    said = said.lower()
    if "expired" in said or "not yet valid" in said:
        return "Renew the certificate it speaks of, or set the clock of this machine right."
    if "hostname" in said or "ip address" in said or "match" in said:
        return "Name the broker in `kafka_bootstrap_servers` as its certificate does, or have the name added."
    if "alert" in said:  # what the broker says of us
        return "Set `kafka_certificate_file` and `kafka_key_file` to a certificate that the broker accepts."
    if "wrong version number" in said or "record layer" in said or "eof" in said:
        return "The port speaks no TLS: name the broker's secured port in `kafka_bootstrap_servers`."
    return "Set `kafka_ca_file` to the certificate (PEM) of the authority that signed the broker's."


def _said(error: OSError) -> str:
    """OpenSSL's reason in words."""
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return str(reason).lower().replace("_", " ").replace("tlsv1 ", "").replace("tlsv13 ", "")
