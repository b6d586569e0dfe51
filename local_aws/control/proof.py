"""How a local AWS proves that it is the one of a state folder, without sending its secret.

Another user's process can listen on the port of a local AWS that has ended.
"""

import hashlib
import hmac
import secrets


def make_challenge() -> str:
    """Make a question that no earlier answer fits."""
    return secrets.token_hex(16)


def prove(secret: str, challenge: str) -> str:
    """Answer a challenge, as only a reader of the state folder can."""
    return hmac.new(secret.encode(), challenge.encode(), hashlib.sha256).hexdigest()
