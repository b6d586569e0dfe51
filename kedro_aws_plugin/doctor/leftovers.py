"""Examine what is left of earlier local AWSs and of earlier deployments."""

from collections.abc import Collection, Iterator
from pathlib import Path

import local_aws
from kedro_aws_plugin.aws.owned import observe_owned
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import AwsConfig, find_endpoint_groups
from kedro_aws_plugin.doctor.finding import Finding, blame, join_names
from kedro_aws_plugin.plan.deployment import find_endpoint_name
from kedro_aws_plugin.plan.observed import Owned
from kedro_aws_plugin.plan.tags import make_project_tags

_OWN_FOLDER = ".kedro-aws"
_MUCH = 1e9
"""Bytes of other files than what is kept, above which the state folder is worth tidying up."""


def check_local_aws(state_dir: Path) -> Iterator[Finding]:
    """Find out what the local AWS of a state folder does, and how much room it takes."""
    try:
        running = local_aws.find(state_dir)
        hangs = running is None and local_aws.is_held(state_dir)
    except local_aws.LocalAwsError as error:
        yield blame("local AWS", error)
        return
    stop = "kedro aws local stop"
    if hangs:
        yield Finding("local AWS", "problem", f"It runs on {state_dir}, and does not answer.", stop)
    elif running is None:
        yield Finding("local AWS", "ok", "not running; the next command starts it")
    elif running.version != local_aws.__version__:
        message = (
            f"kedro-aws-plugin {running.version or '?'} started it, and this is {local_aws.__version__}."
        )
        yield Finding("local AWS", "problem", message, stop)
    else:
        yield Finding("local AWS", "ok", f"at {running.endpoint_url}")
        yield from check_disk(local_aws.status(running)["disk"]["rest"])


def check_disk(other: float) -> Iterator[Finding]:
    """Judge the bytes in a state folder that nothing needs to be kept for."""
    if other > _MUCH:
        message = f"Logs, results of queries and copies of objects take {other / 1e9:.1f} GB."
        yield Finding("leftovers", "warning", message, "kedro aws local prune")


def check_state_folders(project: Path, state_dir: Path) -> Iterator[Finding]:
    """Check that no state folder lies in the project while another one is used."""
    own = project / _OWN_FOLDER
    if own.is_dir() and state_dir.resolve() != own.resolve():
        yield Finding(
            "leftovers",
            "warning",
            f"An earlier local AWS left {_OWN_FOLDER}/, and $KEDRO_AWS_STATE_DIR names {state_dir}.",
            f"Delete {own}, if you need nothing in it.",
        )


def examine_leftovers(aws: Aws, config: AwsConfig, package: str) -> Iterator[Finding]:
    """Examine what carries the tags of this project and environment."""
    stated = find_endpoint_groups(config)
    tags = make_project_tags(package, config.env, config.bucket)
    yield from check_serving(observe_owned(aws, tags, stated), stated)


def check_serving(owned: Owned, stated: Collection[str]) -> Iterator[Finding]:
    """Judge the endpoints that aws.yml does not name, and the configs and models whose endpoint is gone.

    The configs and models of earlier deployments of an endpoint stay with it: they cost nothing, and the
    endpoint can go back to them.

    Args:
        owned: What carries the project's tags.
        stated: The endpoints that aws.yml names.
    """
    there = {each.name for each in owned.endpoints}
    strays = sorted(there - set(stated))
    for name in strays:
        yield Finding(
            "leftovers",
            "warning",
            f"Endpoint {name} runs and costs money, and aws.yml does not name it.",
            f"kedro aws destroy --endpoint {name}",
        )
    gone: dict[str, list[str]] = {}
    for each in (*owned.configs, *owned.models):
        endpoint = find_endpoint_name(each)
        if endpoint is not None and endpoint not in there:
            gone.setdefault(endpoint, []).append(each)
    for name, left in sorted(gone.items()):
        yield Finding(
            "leftovers",
            "warning",
            f"Endpoint {name} is gone, and these are left of it: {join_names(left)}.",
            f"kedro aws destroy --endpoint {name}",
        )
    if not strays and not gone:
        yield Finding("leftovers", "ok", "Nothing is left of endpoints that are gone")
