"""Tags: they mark what this plugin created, and for which project and environment."""

import re
from collections.abc import Mapping

Tags = Mapping[str, str]

FORMER_CONFIG = "kedro-aws:former-config"
"""The tag of an endpoint that names the configs which served before, the last one first.

It is written before an update. An alarm may end that: then the first name is what still serves, and the
second one is what served before.
"""

FAILED_CHECK = "kedro-aws:failed-check/"
"""How the tag of an endpoint begins that says why a config failed its check; the config's name follows."""

ROLLED_BACK = "kedro-aws:rolled-back/"
"""How the tag of an endpoint begins that keeps `deploy` from a version: `<group>/<version>` follows."""

MAX_TAGS = 50
"""So many tags has a resource of AWS at most."""

_MAX_MARKS = 20
_MAX_FORMER = 2
_MAX_VALUE = 256
_NOT_ALLOWED = re.compile(r"[^\w\s.:/=+@-]+")


def make_project_tags(package: str, env: str, bucket: str) -> dict[str, str]:
    """Make the tags of a project's environment, by which `destroy` finds what belongs to it.

    The bucket is one of them because two projects may have the same name, and no two buckets do.
    """
    return {"kedro-aws:project": package, "kedro-aws:env": env, "kedro-aws:bucket": bucket}


def format_tags(tags: Tags) -> list[dict[str, str]]:
    """Convert tags to SageMaker's form."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def list_former(tags: Tags) -> list[str]:
    """List the configs that an endpoint served before its last update, the last one first."""
    return tags.get(FORMER_CONFIG, "").split()


def find_former(tags: Tags, serves: str) -> str | None:
    """Find the config that an endpoint served before the one that it serves; None if that is not known."""
    return next((name for name in list_former(tags) if name != serves), None)


def write_former(tags: Tags, serves: str) -> str:
    """Write the value of the tag for an endpoint that is about to leave the config that it serves."""
    before = [name for name in list_former(tags) if name != serves]
    return " ".join([serves, *before][:_MAX_FORMER])


def find_crowding_marks(tags: Tags, prefix: str) -> list[str]:
    """Find the marks of an endpoint that make room for one more: all of that kind, or none if there is room.

    Failed checks and rollbacks share what the other tags leave.

    Args:
        tags: The endpoint's tags.
        prefix: FAILED_CHECK or ROLLED_BACK.
    """
    marks = [key for key in tags if key.startswith(prefix)]
    kept = [key for key in tags if not key.startswith((FAILED_CHECK, ROLLED_BACK)) and key != FORMER_CONFIG]
    room = min(_MAX_MARKS, (MAX_TAGS - 1 - len(kept)) // 2)
    return marks if len(marks) >= room else []


def shorten_to_tag(text: str) -> str:
    """Leave of a text what the value of a tag may hold: 256 letters, digits, spaces and some signs."""
    return " ".join(_NOT_ALLOWED.sub(" ", text).split())[:_MAX_VALUE].strip()
