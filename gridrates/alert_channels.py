"""How an alert leaves the house: e-mail, a webhook, the robots of DingTalk (钉钉) and WeCom (企业微信).

Reads the settings; writes nothing. Guarantees that every channel that is set up is tried, with a bounded
wait, whatever becomes of the others, and that no address or secret of a channel appears in what is reported
of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any
from urllib.parse import quote_plus

from pydantic import SecretStr

from gridrates.settings import Settings

PATIENCE_SECONDS = 10
# WeCom refuses longer ones; in bytes.
LONGEST_WECOM = 4096

# Title, plain text, and the fields for machines.
Message = tuple[str, str, Mapping[str, Any]]


class Refused(Exception):
    """The other side answered, and did not take the message."""


def deliver(settings: Settings, message: Message) -> dict[str, str | None]:
    """Send by every channel that is set up; channel → None, or why it did not go."""
    return {name: _attempt(send, settings, message) for name, send in configured(settings).items()}


def configured(settings: Settings) -> dict[str, Callable[[Settings, Message], None]]:
    """The channels that are set up, by name."""
    every = {
        "email": (settings.alert_email_to and settings.smtp_host, _email),
        "webhook": (settings.alert_webhook_url, _webhook),
        "dingtalk": (settings.alert_dingtalk_url, _dingtalk),
        "wecom": (settings.alert_wecom_url, _wecom),
    }
    return {name: send for name, (is_set, send) in every.items() if is_set}


def _attempt(send: Callable[[Settings, Message], None], settings: Settings, message: Message) -> str | None:
    try:
        send(settings, message)
    except Refused as error:
        return str(error)
    except (OSError, HTTPException, smtplib.SMTPException, ValueError) as error:
        # Its words may hold the address, and a robot's address is its password.
        return type(error).__name__
    return None


def _email(settings: Settings, message: Message) -> None:
    title, text, _ = message
    assert settings.smtp_host and settings.alert_email_to
    mail = EmailMessage()
    mail["Subject"] = title
    mail["From"] = settings.alert_email_from or settings.smtp_username or "gridrates@localhost"
    mail["To"] = settings.alert_email_to
    mail.set_content(text)
    with _server(settings, settings.smtp_host) as server:
        if settings.smtp_username and settings.smtp_password:
            server.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        server.send_message(mail)


def _server(settings: Settings, host: str) -> smtplib.SMTP:
    """A connection to the mail server, secured as the settings say."""
    where = host, settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(*where, timeout=PATIENCE_SECONDS, context=ssl.create_default_context())
    server = smtplib.SMTP(*where, timeout=PATIENCE_SECONDS)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _webhook(settings: Settings, message: Message) -> None:
    assert settings.alert_webhook_url
    title, text, fields = message
    _post(settings.alert_webhook_url.get_secret_value(), {"title": title, "text": text, **fields})


def _dingtalk(settings: Settings, message: Message) -> None:
    assert settings.alert_dingtalk_url
    title, text, _ = message
    url = settings.alert_dingtalk_url.get_secret_value()
    if settings.alert_dingtalk_secret:
        url += _signature(settings.alert_dingtalk_secret, int(time.time() * 1000))
    _require_taken(
        _post(url, {"msgtype": "markdown", "markdown": {"title": title, "text": _markdown(title, text)}})
    )


def _wecom(settings: Settings, message: Message) -> None:
    assert settings.alert_wecom_url
    title, text, _ = message
    content = _markdown(title, text).encode()[:LONGEST_WECOM].decode(errors="ignore")
    url = settings.alert_wecom_url.get_secret_value()
    _require_taken(_post(url, {"msgtype": "markdown", "markdown": {"content": content}}))


def _signature(secret: SecretStr, milliseconds: int) -> str:
    """What DingTalk wants behind the address of a robot that is secured by signature."""
    key = secret.get_secret_value()
    digest = hmac.new(key.encode(), f"{milliseconds}\n{key}".encode(), hashlib.sha256).digest()
    return f"&timestamp={milliseconds}&sign={quote_plus(base64.b64encode(digest))}"


def _markdown(title: str, text: str) -> str:
    """Both robots run lines together that no empty line parts."""
    return "\n\n".join([f"### {title}", *text.splitlines()])


def _post(url: str, content: Mapping[str, Any]) -> bytes:
    body = json.dumps(content, ensure_ascii=False, default=str).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json; charset=utf-8"})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return bytes(answer.read())


def _require_taken(answer: bytes) -> None:
    """A robot answers 200 also when it refuses. Raises Refused."""
    said = json.loads(answer)
    if said.get("errcode") != 0:
        raise Refused(f"{said.get('errcode')}: {said.get('errmsg')}")
