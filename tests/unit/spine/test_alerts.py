"""Alerts: told once, told again, told to be over; by a real mail server and real HTTP servers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import multiprocessing
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr
from typer.testing import CliRunner

from gridrates import alerts
from gridrates.alerts import Alert, fire, open_alerts, resolve
from gridrates.cli import app
from gridrates.settings import SECRETS, Settings

NOW = datetime(2026, 5, 3, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATE = Alert(
    "rates_due",
    "The rates of 2026-05-02 are not published",
    dates=("2026-05-02",),
    remedy="Start daily_rates.",
    runbook="stale-rates",
    link="http://localhost:8080/log",
)


class Office(ThreadingHTTPServer):
    """Takes what is posted; answers what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Reader)
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.answer: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class Reader(BaseHTTPRequestHandler):
    server: Office

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"].startswith("application/json")
        self.server.got.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.answer).encode())

    def log_message(self, *_: object) -> None:
        pass


class Mailbox:
    """Keeps the mails a server takes."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.rcpt_tos, mail))
        return "250 OK"


@pytest.fixture
def office() -> Iterator[Office]:
    server = Office()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def by_webhook(settings: Settings, office: Office, **more: Any) -> Settings:
    return settings.model_copy(update={"alert_webhook_url": SecretStr(f"{office.url}/hook"), **more})


# Once, again, over


def test_the_same_is_told_once_then_again_after_a_while(settings: Settings, office: Office) -> None:
    settings = by_webhook(settings, office)
    told = [fire(settings, LATE, now=NOW + hours * HOUR) for hours in (0, 1, 11, 12, 13, 24)]
    assert told == [True, False, False, True, False, True]
    assert len(office.got) == 3
    assert open_alerts(settings)["rates_due"]["count"] == 6


def test_when_it_is_over_that_is_told_once(settings: Settings, office: Office) -> None:
    settings = by_webhook(settings, office)
    fire(settings, LATE, now=NOW)
    fire(settings, LATE, now=NOW + HOUR)
    assert [resolve(settings, "rates_due", now=NOW + 2 * HOUR) for _ in range(3)] == [True, False, False]
    _, over = office.got[-1]
    assert (over["status"], over["key"], over["count"]) == ("resolved", "rates_due", 2)
    assert "120 min" in over["text"] and "恢复 RESOLVED" in over["title"]
    assert open_alerts(settings) == {}
    assert fire(settings, LATE, now=NOW + 3 * HOUR), "what comes back is told anew"


def test_what_was_never_wrong_cannot_be_over(settings: Settings, office: Office) -> None:
    assert not resolve(by_webhook(settings, office), "rates_due")
    assert office.got == []
    assert not alerts.path(settings).exists()


def test_what_gets_worse_is_told_at_once(settings: Settings, office: Office) -> None:
    settings = by_webhook(settings, office)
    levels = ("warning", "critical", "warning", "critical")
    told = [fire(settings, Alert("health/lag", "x", severity=level), now=NOW) for level in levels]
    assert told == [True, True, False, False]
    assert [said["severity"] for _, said in office.got] == ["warning", "critical"]


def test_alerts_of_different_keys_do_not_hide_each_other(settings: Settings, office: Office) -> None:
    settings = by_webhook(settings, office)
    assert fire(settings, LATE, now=NOW)
    assert fire(settings, Alert("kafka", "away"), now=NOW)
    resolve(settings, "kafka", now=NOW)
    assert set(open_alerts(settings)) == {"rates_due"}


def test_what_nobody_took_is_told_with_the_next_occasion(settings: Settings, office: Office) -> None:
    settings = by_webhook(settings, office)
    office.status = 500
    assert not fire(settings, LATE, now=NOW)
    office.status = 200
    assert fire(settings, LATE, now=NOW + HOUR)
    office.status = 500
    assert not resolve(settings, "rates_due", now=NOW)
    office.status = 200
    assert resolve(settings, "rates_due", now=NOW), "who was told that it is wrong is told that it is over"


def test_who_was_never_told_does_not_hear_that_it_is_over(settings: Settings, office: Office) -> None:
    settings = by_webhook(settings, office)
    office.status = 500
    fire(settings, LATE, now=NOW)
    office.status = 200
    office.got.clear()
    assert not resolve(settings, "rates_due", now=NOW)
    assert (office.got, open_alerts(settings)) == ([], {})


def test_without_any_channel_the_log_tells(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    assert fire(settings, LATE, now=NOW)
    assert "The rates of 2026-05-02 are not published" in caplog.text
    assert resolve(settings, "rates_due", now=NOW)


def _fire(settings: Settings, url: str) -> None:
    fire(settings.model_copy(update={"alert_webhook_url": SecretStr(url)}), LATE)


def test_of_several_processes_one_tells(settings: Settings, office: Office) -> None:
    context = multiprocessing.get_context("spawn")
    plain = Settings(home=settings.home)
    noticing = [context.Process(target=_fire, args=(plain, f"{office.url}/hook")) for _ in range(3)]
    for process in noticing:
        process.start()
    for process in noticing:
        process.join(60)
        assert process.exitcode == 0
    assert len(office.got) == 1
    assert open_alerts(settings)["rates_due"]["count"] == 3


def test_a_damaged_note_is_begun_anew(settings: Settings, office: Office) -> None:
    settings.home_dir.mkdir(parents=True)
    alerts.path(settings).write_text("{half")
    assert fire(by_webhook(settings, office), LATE, now=NOW)


# The channels


def test_a_webhook_gets_everything_there_is_to_know(settings: Settings, office: Office) -> None:
    fire(by_webhook(settings, office, runbook_base="https://ops.example.org/books/"), LATE, now=NOW)
    ((path, said),) = office.got
    assert path == "/hook"
    expected = {"status": "firing", "key": "rates_due", "severity": "critical", "dates": ["2026-05-02"]}
    assert said.items() >= expected.items()
    assert said["page"] == "https://ops.example.org/books/stale-rates.md"
    for part in (
        "not published",
        "2026-05-02",
        "Start daily_rates.",
        "stale-rates.md",
        "http://localhost:8080/log",
    ):
        assert part in said["text"]


def test_a_dingtalk_robot_gets_signed_markdown(settings: Settings, office: Office) -> None:
    secret = "SEC0123"
    url = SecretStr(f"{office.url}/robot/send?access_token=abc")
    changes = {"alert_dingtalk_url": url, "alert_dingtalk_secret": SecretStr(secret)}
    assert fire(settings.model_copy(update=changes), LATE, now=NOW)
    ((path, said),) = office.got
    query = parse_qs(urlsplit(path).query)
    (stamp,), (sign,) = query["timestamp"], query["sign"]
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    assert base64.b64decode(sign) == digest
    assert abs(datetime.now(UTC).timestamp() * 1000 - int(stamp)) < 60_000
    assert query["access_token"] == ["abc"]
    assert said["msgtype"] == "markdown"
    assert said["markdown"]["title"] == "[gridrates] 告警 ALERT: rates_due"
    assert "2026-05-02" in said["markdown"]["text"]


def test_a_wecom_robot_gets_markdown_that_is_not_too_long(settings: Settings, office: Office) -> None:
    url = SecretStr(f"{office.url}/cgi-bin/webhook/send?key=abc")
    long = Alert("x", "长" * 5000)
    assert fire(settings.model_copy(update={"alert_wecom_url": url}), long, now=NOW)
    ((path, said),) = office.got
    assert path.endswith("?key=abc")
    content = said["markdown"]["content"]
    assert said["msgtype"] == "markdown"
    assert 4000 < len(content.encode()) <= 4096
    assert content.startswith("### [gridrates] 告警 ALERT: x")


@pytest.mark.parametrize("robot", ["alert_dingtalk_url", "alert_wecom_url"])
def test_a_robot_that_refuses_politely_has_not_taken_it(
    settings: Settings, office: Office, robot: str, caplog: pytest.LogCaptureFixture
) -> None:
    office.answer = {"errcode": 310000, "errmsg": "keywords not in content"}
    settings = settings.model_copy(update={robot: SecretStr(f"{office.url}/?token=hidden")})
    assert not fire(settings, LATE, now=NOW)
    assert "310000: keywords not in content" in caplog.text


@pytest.fixture
def mail_server() -> Iterator[Callable[..., tuple[Controller, Mailbox]]]:
    """Start a mail server: `mail_server(**options of aiosmtpd)`."""
    running: list[Controller] = []

    def start(**options: Any) -> tuple[Controller, Mailbox]:
        mailbox = Mailbox()
        # It cannot be asked for a free port: it would look for itself at port 0.
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
        controller.start()
        running.append(controller)
        return controller, mailbox

    yield start
    for controller in running:
        controller.stop()


def by_mail(settings: Settings, port: int, **changes: Any) -> Settings:
    mail = {
        "alert_email_to": "ops@example.org, chief@example.org",
        "alert_email_from": "rates@example.org",
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
    }
    return settings.model_copy(update=mail | changes)


def test_a_mail_tells_what_which_dates_and_what_to_do(settings: Settings, mail_server: Any) -> None:
    controller, mailbox = mail_server()
    assert fire(by_mail(settings, controller.port), LATE, now=NOW)
    assert resolve(by_mail(settings, controller.port), "rates_due", now=NOW)
    (receivers, mail), (_, over) = mailbox.mails
    assert receivers == ["ops@example.org", "chief@example.org"]
    assert mail["Subject"] == "[gridrates] 告警 ALERT: rates_due"
    assert mail["From"] == "rates@example.org"
    body = mail.get_content()
    for part in ("日期 Dates: 2026-05-02", "处理 Do: Start daily_rates.", "docs/runbooks/stale-rates.md"):
        assert part in body
    assert over["Subject"] == "[gridrates] 恢复 RESOLVED: rates_due"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS for 127.0.0.1, by an authority that this process trusts."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    begin = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), begin, begin + HOUR
    )
    signed = made.add_extension(address, critical=False).sign(key, hashes.SHA256())
    file = tmp_path / "server.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(pem)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _is_li(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"li", b"s3cret"))


@pytest.mark.parametrize(("password", "arrives"), [("s3cret", True), ("wrong", False)])
def test_a_mail_server_that_wants_starttls_and_a_password(
    settings: Settings, mail_server: Any, certificate: ssl.SSLContext, password: str, arrives: bool
) -> None:
    controller, mailbox = mail_server(
        tls_context=certificate, require_starttls=True, auth_required=True, authenticator=_is_li
    )
    login = {"smtp_username": "li", "smtp_password": SecretStr(password), "smtp_security": "starttls"}
    assert fire(by_mail(settings, controller.port, **login), LATE, now=NOW) is arrives
    assert len(mailbox.mails) == arrives


def test_a_mail_server_nobody_vouches_for_gets_no_mail(
    settings: Settings, mail_server: Any, certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    controller, mailbox = mail_server(tls_context=certificate, require_starttls=True)
    secured = by_mail(settings, controller.port, smtp_security="starttls")
    assert not fire(secured, LATE, now=NOW)
    assert mailbox.mails == []


def test_one_channel_that_is_away_does_not_keep_the_others(
    settings: Settings, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "http://127.0.0.1:9/robot?token=very-secret"
    settings = by_webhook(by_mail(settings, 9), office, alert_wecom_url=SecretStr(secret))
    assert fire(settings, LATE, now=NOW)
    assert len(office.got) == 1
    assert "did not go by email" in caplog.text and "did not go by wecom" in caplog.text
    assert "very-secret" not in caplog.text


# The command


def run(settings: Settings, *words: str, **variables: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(settings.home), "alerts", *words], env=variables)


def test_the_command_shows_what_is_open(settings: Settings) -> None:
    assert "No alert is open." in run(settings, "list").stderr
    fire(settings, LATE, now=NOW)
    assert run(settings, "list").stdout.startswith("rates_due: The rates of 2026-05-02 are not published")
    assert set(json.loads(run(settings, "list", "--json").stdout)) == {"rates_due"}


def test_the_command_tries_every_channel(settings: Settings, office: Office) -> None:
    url = f"{office.url}/hook"
    done = run(settings, "test", GRIDRATES_ALERT_WEBHOOK_URL=url)
    assert (done.exit_code, done.stdout) == (0, "webhook: sent\n")
    assert "nothing is wrong" in office.got[0][1]["text"]
    assert open_alerts(settings) == {}
    done = run(
        settings, "test", GRIDRATES_ALERT_WEBHOOK_URL=url, GRIDRATES_ALERT_WECOM_URL="http://127.0.0.1:9"
    )
    assert done.exit_code == 3
    assert "webhook: sent" in done.stdout and "wecom: URLError" in done.stdout
    assert run(settings, "test").exit_code == 2


def test_secrets_of_channels_do_not_show(settings: Settings) -> None:
    changes = {name: SecretStr("hidden-word") for name in SECRETS}
    assert "hidden-word" not in repr(settings.model_copy(update=changes))
