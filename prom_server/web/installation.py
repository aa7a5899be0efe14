"""What the settings of this installation say of messages, as far as an administrator may read it: never a secret."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app

from prom_server.message_settings import MessageSettings
from prom_server.messages import live


@dataclass(frozen=True, slots=True)
class Installation:
    """`live`: MESSAGES=live. `agrees`: and this machine is the one that MESSAGES_HOST names."""

    live: bool
    agrees: bool
    machine: str | None  # that may send
    mail_host: str | None
    mail_from: str | None
    sms_host: str | None
    sms_from: str | None


def _messages() -> MessageSettings:
    found: MessageSettings = current_app.extensions["prom-settings"].messages
    return found


def installation() -> Installation:
    chosen = _messages()
    return Installation(
        live=chosen.live,
        agrees=live.is_live(),
        machine=chosen.host,
        mail_host=chosen.mail.host if chosen.mail else None,
        mail_from=chosen.mail.sender if chosen.mail else None,
        sms_host=urlsplit(chosen.sms.url).hostname if chosen.sms else None,
        sms_from=chosen.sms.sender if chosen.sms else None,
    )


def sends() -> frozenset[str]:
    """The channels by which messages of a live clinic leave this installation."""
    here = installation()
    ways = {"email": here.mail_host, "sms": here.sms_host}
    return frozenset(channel for channel, host in ways.items() if host and here.agrees)
