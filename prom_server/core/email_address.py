"""The one rule of what an e-mail address is, for forms, the command line, imports and the settings of the server.

Narrower than the standards, so that an address means the same to every mail server and can add no second recipient:
the dot-atom of RFC 5322 (3.2.3), an @, and a host name of at least two labels (RFC 1123, 2.1). No quotes, comments,
brackets, or letters outside ASCII.
"""

import re

LONGEST = 254  # RFC 5321, 4.5.3.1.3, without the brackets around it
_LONGEST_LOCAL = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]")


def is_email(text: str) -> bool:
    """Whether it has the shape. Whether anybody reads it only a delivery can tell."""
    found = _ADDRESS.fullmatch(text) if len(text) <= LONGEST else None
    return found is not None and len(found["local"]) <= _LONGEST_LOCAL
