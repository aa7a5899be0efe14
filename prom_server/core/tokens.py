"""Random tokens, and the hashes that are stored in their place."""

import hashlib
import secrets


def new_token() -> str:
    """160 random bits, as 27 characters that are safe in an address."""
    return secrets.token_urlsafe(20)


def hash_token(token: str) -> str:
    """SHA-256, in hexadecimal: enough for a token that nobody can guess."""
    return hashlib.sha256(token.encode()).hexdigest()
