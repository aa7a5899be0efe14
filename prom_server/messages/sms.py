"""SMS by a gateway over HTTP, with a request that the clinic describes. The table of answers is in
docs/decisions/0023-never-twice.md. Sources: RFC 9110 (statuses); for the preset Twilio's Messages resource.
"""

import base64
import contextlib
import http.client
import json
import re
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode, urlsplit

from prom_server.core.messages import Envelope, Later, Never, Outcome, Sent, Unclear
from prom_server.message_settings import Sms
from prom_server.messages.deadline import LONGEST_ANSWER, deadline

STEP_SECONDS = 30
AT_MOST = 120  # seconds of a whole request; services.delivering.LEASE is longer
SETTINGS = {401, 402, 403, 404, 405, 407, 411, 415}  # about us, not about this message
NOT_NOW = {408, 425, 429, 503}  # not processed, by their meaning
_PLACEHOLDER = re.compile(r"\{(to|from|text|id)\}")


def send(sms: Sms, envelope: Envelope) -> Outcome:
    """Asks the gateway to send it, and says what is known of it afterwards."""
    try:
        target, headers, body = request(sms, envelope)
        connection = _connection(sms.url)
        connection.putrequest(sms.method, target)
        for name, value in headers.items():
            connection.putheader(name, value)
    except (ValueError, http.client.HTTPException):  # a line break in a header, a character that none may hold
        return Never("unsendable")
    with contextlib.closing(connection), deadline(AT_MOST, lambda: connection.sock):
        try:
            connection.connect()
        except ssl.SSLError:
            return Later("tls", everybody=True)
        except OSError:
            return Later("no_connection", everybody=True)
        try:
            connection.endheaders(body)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException):
            return Unclear("no_answer")
        return _outcome(sms, answer.status, _read(answer))


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=STEP_SECONDS)
    return http.client.HTTPSConnection(host, parts.port, timeout=STEP_SECONDS, context=ssl.create_default_context())


def request(sms: Sms, envelope: Envelope) -> tuple[str, dict[str, str], bytes | None]:
    """Path with query, headers and body, everything filled in."""
    values = {"to": envelope.address, "from": sms.sender, "text": envelope.body, "id": envelope.public_id}
    parts = urlsplit(_filled(sms.url, {name: quote(value, safe="") for name, value in values.items()}))
    headers = {name: _filled(value, values) for name, value in sms.headers.items()}
    headers |= {"Accept": "application/json", "User-Agent": "prom-server"}
    if sms.user is not None:
        both = f"{sms.user}:{sms.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(both).decode()}"
    body = _body(sms, values)
    if body is not None:
        headers["Content-Type"] = "application/json" if sms.as_json else "application/x-www-form-urlencoded"
        headers["Content-Length"] = str(len(body))
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers, body


def _body(sms: Sms, values: Mapping[str, str]) -> bytes | None:
    if not sms.fields:
        return None
    filled = {name: _deep(each, lambda text: _filled(text, values)) for name, each in sms.fields.items()}
    return (json.dumps(filled) if sms.as_json else urlencode(filled, doseq=True)).encode()


def _deep(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _deep(each, change) for name, each in value.items()}
    return [_deep(each, change) for each in value] if isinstance(value, list) else value


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Once: what is filled in is not looked at again."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


# ---- The answer


def _read(answer: http.client.HTTPResponse) -> object:
    try:
        return json.loads(answer.read(LONGEST_ANSWER))
    except (OSError, ValueError, http.client.HTTPException):  # cut short, or no JSON
        return None


def _at(found: object, path: str | None) -> str | None:
    """What stands at "data.0.id" in the answer."""
    for step in path.split(".") if path else ():
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return str(found)[:120] if path and isinstance(found, str | int) and found != "" else None


def _outcome(sms: Sms, status: int, answer: object) -> Outcome:
    if status in sms.accepted:
        provider_id = _at(answer, sms.id_path)
        return Sent(provider_id) if provider_id or sms.id_path is None else Unclear("garbled")
    code = _at(answer, sms.error_path)
    if status < 300 or (status >= 500 and status not in NOT_NOW):
        return Unclear("gateway_error")
    if code in sms.stopped:
        return Never("stopped", stopped=True)
    if code in sms.gone:
        return Never("address", gone=True)
    if status in NOT_NOW:
        return Later("busy", everybody=True)
    if status < 400 or status in SETTINGS:
        return Later("gateway_settings", everybody=True)
    return Never("gateway_refused")
