"""Whether this installation may write to anybody, and by which way a message leaves it.

Three must agree: the mode, the name of this machine and, in services.delivering, the clinic. A backup restored on
another machine has all settings and all data, but not the name.
"""

import socket
from datetime import datetime

from prom_server.core.messages import Envelope, Later, Outcome
from prom_server.message_settings import MessageSettings
from prom_server.messages import email, sms

_bound: list[tuple[MessageSettings, str]] = [(MessageSettings(), "")]


def bind(settings: MessageSettings, public_url: str) -> None:
    """Makes these the settings of this process."""
    _bound[:] = [(settings, public_url)]


def public_url() -> str:
    """What the links in messages begin with."""
    return _bound[0][1]


def is_live() -> bool:
    """Whether messages of live clinics leave this installation; else they are only logged."""
    settings = _bound[0][0]
    return settings.live and settings.host == socket.gethostname()


def warning() -> str | None:
    """One sentence for the start where the settings say live and this is the wrong machine."""
    settings = _bound[0][0]
    if not settings.live or is_live():
        return None
    return (
        f"Messages are only logged: MESSAGES_HOST is {settings.host}, and this machine is {socket.gethostname()}. "
        "Set MESSAGES_HOST here if this is the clinic's server now."
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
