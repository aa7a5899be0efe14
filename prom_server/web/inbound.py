"""What the SMS gateway tells us: answers of patients, and messages that did not arrive.

Each request is signed: as Twilio does it, or with the shared secret in a header. Whoever asks learns nothing: a request
that we trust gets the same empty answer whatever it was about, any other a bare 403. Source of the signature: Twilio,
"Webhooks security": HMAC-SHA1 of the address and the sorted fields, under the account's token.
"""

import base64
import hashlib
import hmac
import time

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import MultiDict

from prom_server import clock
from prom_server.core.inbound import wish
from prom_server.services import inbound
from prom_server.transaction import transaction

pages = Blueprint("inbound", __name__)

LARGEST = 16 * 1024  # bytes
UNDELIVERED = {"failed", "undelivered"}
PATIENCE = (0.5, 1.5)  # seconds, for an id that is stored right after the gateway gave it
# Twilio's error codes: an unknown number or one out of service, a landline; its owner said STOP.
GONE, STOPPED = {"30005", "30006"}, {"21610"}


@pages.post("/hooks/sms")
def sms() -> Response:
    """A patient answered. The fields are Twilio's `From` and `Body`, or `from` and `text`."""
    if not _is_trusted():
        return _forbidden()
    number, said = _field("From", "from"), _field("Body", "text")
    with transaction() as database:
        inbound.texted(database, number, wish(said), at=clock.now())
    return _thanks()


@pages.post("/hooks/sms/status")
def sms_status() -> Response:
    """What became of a message: Twilio's `MessageSid`, `MessageStatus`, `ErrorCode`, or `id`, `status`, `error`.

    A gateway of another make says `error` "gone" or "stopped" where the number itself is the reason.
    """
    if not _is_trusted():
        return _forbidden()
    provider_id, status = _field("MessageSid", "id"), _field("MessageStatus", "status")
    error = _field("ErrorCode", "error")
    if not provider_id or status not in UNDELIVERED:
        return _thanks()
    for seconds in (*PATIENCE, None):
        if _reported(provider_id, error):
            return _thanks()
        if seconds is not None:
            time.sleep(seconds)
    return Response(status=503)  # to be told once more


def _reported(provider_id: str, error: str) -> bool:
    """False: it may be about a message that is just being sent, whose id nobody has stored yet."""
    with transaction() as database:
        known = inbound.reported(
            database,
            provider_id,
            f"undelivered {error}".strip(),
            gone=error in GONE | {"gone"},
            stopped=error in STOPPED | {"stopped"},
            at=clock.now(),
        )
        return known or not inbound.being_sent(database)


def _field(*names: str) -> str:
    return next((request.form[name][:1600] for name in names if name in request.form), "")


def _is_trusted() -> bool:
    """Compared in constant time. Without a secret nobody is."""
    request.max_content_length = LARGEST
    settings = current_app.extensions["prom-settings"]
    secret: str | None = settings.messages.sms_hook_secret
    if secret is None:
        return False
    if (shared := request.headers.get("X-Hook-Secret")) is not None:
        return hmac.compare_digest(shared.encode(), secret.encode())
    # The address that the gateway was given: behind a proxy we are asked under another one.
    query = request.query_string.decode("latin-1")
    url = settings.public_url + request.path + (f"?{query}" if query else "")
    expected = signature(url, request.form, secret)
    return hmac.compare_digest(request.headers.get("X-Twilio-Signature", "").encode(), expected.encode())


def signature(url: str, fields: MultiDict[str, str], secret: str) -> str:
    """What Twilio writes beside a request with these fields."""
    signed = url + "".join(name + value for name in sorted(fields) for value in sorted(set(fields.getlist(name))))
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _thanks() -> Response:
    """An empty TwiML document: nothing is answered to the patient. Other gateways look at the status alone."""
    return Response('<?xml version="1.0" encoding="UTF-8"?><Response/>', mimetype="text/xml")


def _forbidden() -> Response:
    return Response(status=403)
