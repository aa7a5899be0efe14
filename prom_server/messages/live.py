"""Whether this process may write to anybody, and by which way a message leaves it.

Three must agree: the mode, the name of this machine and, in services.delivering, the clinic. A backup restored on
another machine has all settings and all data, but not the name.
"""

import socket
from datetime import datetime

from prom_server.core.messages import Envelope, Later, Leaves, Outcome
from prom_server.message_settings import MessageSettings
from prom_server.messages import email, sms

_bound: list[tuple[MessageSettings, str]] = [(MessageSettings(), "")]


def bind(settings: MessageSettings, public_url: str) -> None:
    """Makes these the settings of this process."""
    _bound[:] = [(settings, public_url)]


def public_url() -> str:
    """What the links in messages begin with."""
    return _bound[0][1]


def leaves() -> Leaves:
    """From where messages of live clinics leave."""
    settings = _bound[0][0]
    if not settings.live:
        return Leaves.NOWHERE
    return Leaves.HERE if socket.gethostname() in settings.machines else Leaves.ELSEWHERE


def is_live() -> bool:
    """Whether they leave this machine."""
    return leaves() is Leaves.HERE


def warning() -> str | None:
    """One sentence for the start where the settings say live and this is the wrong machine."""
    if leaves() is not Leaves.ELSEWHERE:
        return None
    return (
        f"No message leaves this machine, {socket.gethostname()}: they wait for {_bound[0][0].host}, as MESSAGES_HOST "
        "says. Set MESSAGES_HOST here if this machine is to send them now."
    )


def send(envelope: Envelope, *, at: datetime) -> Outcome:
    """Over the network, outside of any transaction. Never raises for what another server does."""
    settings = _bound[0][0]
    if not is_live():
        raise AssertionError("not live")  # the claim has asked before
    if envelope.channel == "email" and settings.mail is not None:
        return email.send(settings.mail, envelope, at=at)
    if envelope.channel == "sms" and settings.sms is not None:
        return sms.send(settings.sms, envelope)
    return Later("not_configured", everybody=True)
