"""The credentials of a local AWS: made once for its state folder, with the port that it had last.

Imports only the standard library, as the rest of `local_aws.control`.
"""

import json
import secrets
import string
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local_aws.control.private_files import write_private

ACCESS_KEY_PREFIX = "KEDROAWSLOCAL"
"""Begins the access key of every local AWS. AWS issues no key of this form."""

_KEY_LENGTH = 20
_SECRET_LENGTH = 40


@dataclass(frozen=True)
class Credentials:
    """What requests to a local AWS are signed with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """What a state folder keeps while no local AWS runs.

    Attributes:
        credentials: The credentials.
        port: The port of the last one; 0 if there was none.
    """

    credentials: Credentials
    port: int = 0


def make_credentials() -> Credentials:
    """Make random credentials, in the form of AWS's: 20 and 40 characters, none of which a shell expands."""
    capitals = string.ascii_uppercase + string.digits
    key = "".join(secrets.choice(capitals) for _ in range(_KEY_LENGTH - len(ACCESS_KEY_PREFIX)))
    mixed = string.ascii_letters + string.digits
    return Credentials(ACCESS_KEY_PREFIX + key, "".join(secrets.choice(mixed) for _ in range(_SECRET_LENGTH)))


def read_kept(state_dir: Path) -> Kept:
    """Read what a state folder keeps, or make new credentials if it keeps none."""
    try:
        kept = json.loads(_file(state_dir).read_text(encoding="utf-8"))
        credentials = Credentials(str(kept["access_key_id"]), str(kept["secret_access_key"]))
        return Kept(credentials, int(kept["port"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Kept(make_credentials())


def write_kept(state_dir: Path, kept: Kept) -> None:
    """Keep credentials and a port. Hold the folder's lock meanwhile."""
    write_private(_file(state_dir), json.dumps({**asdict(kept.credentials), "port": kept.port}))


def _file(state_dir: Path) -> Path:
    return state_dir / "credentials.json"
