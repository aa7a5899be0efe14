"""What the settings of this installation say of messages, as far as an administrator may read it: never a secret."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app, g

from prom_server.core.messages import Leaves
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


def ways() -> frozenset[str]:
    """The channels by which messages leave, from here or from the machine that MESSAGES_HOST names."""
    here = installation()
    hosts = {"email": here.mail_host, "sms": here.sms_host}
    return frozenset(channel for channel, host in hosts.items() if host and here.live)


def sends() -> frozenset[str]:
    """Those by which a clinic may go live here: this is the machine, or with JOBS=off a worker on another one sends."""
    return ways() if installation().agrees or not _messages().jobs else frozenset()


def silence() -> str | None:
    """Why no message of the signed-in person's clinic leaves from here: "log", "trial"; or of a live
    one, whose messages wait, "nowhere", "elsewhere". Else None.

    Of a machine that is not the sender nobody can tell here whether the one that is sends.
    """
    leaves = live.leaves()
    if g.by.clinic.demo or not g.by.clinic.live:
        return "log" if leaves is Leaves.NOWHERE else "trial"
    return None if leaves is Leaves.HERE else str(leaves)
