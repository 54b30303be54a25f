"""`gridrates alerts`: what is open, and whether a message would arrive."""

from __future__ import annotations

import typer

from gridrates.cli import common
from gridrates.errors import InputError, ServiceUnavailable

alerts = typer.Typer(no_args_is_help=True, help="Show open alerts; try the ways people are told.")


def register(app: typer.Typer) -> None:
    """Add `gridrates alerts`."""
    app.add_typer(alerts, name="alerts")


@alerts.command("list", epilog=common.examples("gridrates alerts list", "gridrates alerts list --json"))
def show(ctx: typer.Context, as_json: common.Json = False) -> None:
    """Show the alerts that are open: since when, how often noticed, when somebody was told."""
    from gridrates.alerts import open_alerts

    found = open_alerts(common.settings(ctx))
    if as_json:
        common.print_json(found)
        return
    if not found:
        common.say("No alert is open.")
    for key, entry in found.items():
        told = entry["told_at"][:16] if entry["told_at"] else "never"
        text = (
            f"{key}: {entry['what']} (since {entry['since'][:16]} UTC, {entry['count']} times, told {told})"
        )
        common.stdout().print(text, markup=False)


@alerts.command("test", epilog=common.examples("gridrates alerts test"))
def test(ctx: typer.Context) -> None:
    """Send a test message by every channel that is set up: e-mail, webhook, DingTalk, WeCom.

    Exits with 2 when none is set up, with 3 when one did not take it.
    """
    from gridrates.alerts import send_test

    outcome = send_test(common.settings(ctx))
    if not outcome:
        raise InputError(
            "No channel is set up.",
            remedy="Set alert_email_to and smtp_host, or one of GRIDRATES_ALERT_WEBHOOK_URL, "
            "GRIDRATES_ALERT_DINGTALK_URL and GRIDRATES_ALERT_WECOM_URL.",
        )
    for channel, failure in outcome.items():
        common.stdout().print(f"{channel}: {failure or 'sent'}", markup=False)
    if failed := [channel for channel, failure in outcome.items() if failure]:
        raise ServiceUnavailable(
            f"The message did not go by {', '.join(failed)}.",
            remedy="Check the address, the secret and the way there; see docs/runbooks/alerts-not-sent.md.",
        )
