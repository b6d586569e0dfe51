"""An AWS on this machine: S3, Glue, Athena with real results, and SageMaker with real predictions.

It needs neither a Kedro project nor an AWS account. Start it in a shell with `local-aws start`, or in Python:

    >>> import local_aws
    >>> aws, started = local_aws.start(Path(".kedro-aws"), region="eu-west-1")
    >>> local_aws.seed(aws, bucket="my-flights", folder=Path("data/raw"))
    Seeded(bucket='my-flights', created=True, uploaded=3)
    >>> os.environ.update(aws.environment())

    control/     start, find, fill and stop it; cheap to import
    server/      the server's process: moto behind the overlay, on 127.0.0.1
    sagemaker/   registry, endpoints and the processes that serve models
    athena/      Athena's API, tables and results
    scheduler/   EventBridge's schedules, which start pipelines
    trino/       Trino's SELECT on DuckDB
    kept/        what is kept in the state folder until a reset
    protocol/    AWS's requests and responses, checked against botocore's service model

Other packages import what `__all__` lists, and nothing deeper but `local_aws.cli`.
"""

from typing import TYPE_CHECKING, Any

from local_aws._version import __version__

if TYPE_CHECKING:
    from local_aws.control.client import (
        Pruned,
        Seeded,
        Stopped,
        find,
        is_held,
        move_clock,
        prune,
        renew,
        reset,
        seed,
        start,
        status,
        stop,
    )
    from local_aws.control.credentials import ACCESS_KEY_PREFIX, Credentials
    from local_aws.control.state import (
        VARIABLES,
        LocalAws,
        default_state_dir,
        make_state_dir,
    )
    from local_aws.errors import LocalAwsError
    from local_aws.protocol.operations import list_recorded
    from local_aws.scheduler.expressions import find_next_time

_HOMES = {
    "ACCESS_KEY_PREFIX": "local_aws.control.credentials",
    "Credentials": "local_aws.control.credentials",
    "LocalAws": "local_aws.control.state",
    "LocalAwsError": "local_aws.errors",
    "Pruned": "local_aws.control.client",
    "Seeded": "local_aws.control.client",
    "Stopped": "local_aws.control.client",
    "VARIABLES": "local_aws.control.state",
    "default_state_dir": "local_aws.control.state",
    "find": "local_aws.control.client",
    "find_next_time": "local_aws.scheduler.expressions",
    "is_held": "local_aws.control.client",
    "list_recorded": "local_aws.protocol.operations",
    "make_state_dir": "local_aws.control.state",
    "move_clock": "local_aws.control.client",
    "prune": "local_aws.control.client",
    "renew": "local_aws.control.client",
    "reset": "local_aws.control.client",
    "seed": "local_aws.control.client",
    "start": "local_aws.control.client",
    "status": "local_aws.control.client",
    "stop": "local_aws.control.client",
}

__all__ = [
    "ACCESS_KEY_PREFIX",
    "VARIABLES",
    "Credentials",
    "LocalAws",
    "LocalAwsError",
    "Pruned",
    "Seeded",
    "Stopped",
    "__version__",
    "default_state_dir",
    "find",
    "find_next_time",
    "is_held",
    "list_recorded",
    "make_state_dir",
    "move_clock",
    "prune",
    "renew",
    "reset",
    "seed",
    "start",
    "status",
    "stop",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: every `kedro` command imports this package."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
