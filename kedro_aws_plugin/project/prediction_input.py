"""Read the rows for a prediction: from a file, standard input, a catalog entry or the registered sample."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kedro_aws_plugin.errors import AwsError, ProjectError, ServingError
from kedro_aws_plugin.model_artifact.payload import Payload
from kedro_aws_plugin.project.catalog import ProjectCatalog
from kedro_aws_plugin.session.session import Session

if TYPE_CHECKING:
    from kedro_aws_plugin.aws.session import Aws
    from kedro_aws_plugin.plan.observed import Deployed

STANDARD_INPUT = "-"
_REALTIME_MB = 6
_SERVERLESS_MB = 4
_ASYNC_MB = 1024
"""The limits of InvokeEndpoint and InvokeEndpointAsync, in MB of 1024 * 1024 bytes.

Source: "Payload size" in SageMaker's pages on real-time, on serverless and on asynchronous inference.
"""
_MB = 1024 * 1024


def read_payload(session: Session, source: str, endpoint: str) -> Payload:
    """Read rows for a prediction.

    Args:
        session: The opened project, whose catalog is read.
        source: The path of a file, `-` for standard input, or a catalog entry.
        endpoint: The endpoint that will get them. A serverless one accepts less than others.

    Raises:
        ProjectError: If there is nothing under that name, or it is empty, malformed or too large.
    """
    if source == STANDARD_INPUT:
        payload = Payload.from_bytes(sys.stdin.buffer.read())
    elif is_local_file(source):
        payload = Payload.from_file(Path(source))
    else:
        payload = _read_entry(session, source)
    check_size(session.aws, payload, source, endpoint)
    return payload


def is_local_file(name: str) -> bool:
    """Tell whether there is a file of a name, whatever the user has given for one."""
    try:
        return Path(name).is_file()
    except OSError:  # the name is longer than the system takes
        return False


def check_size(aws: "Aws", payload: Payload, source: str, endpoint: str) -> None:
    """Check that an endpoint accepts a request of this size.

    Args:
        aws: The clients.
        payload: The request.
        source: Where its rows come from, as the beginning of a sentence.
        endpoint: The endpoint.

    Raises:
        ProjectError: If it is too large.
    """
    if len(payload.body) <= _SERVERLESS_MB * _MB:  # most requests are small: nothing is looked up for them
        return
    kind, limit = _find_limit(aws, endpoint)
    if len(payload.body) > limit * _MB:
        raise ProjectError(
            f"{source} makes a request of {len(payload.body) / 1e6:.1f} MB, and {kind} accepts at most "
            f"{limit} MB. Send fewer rows."
        )


def _find_limit(aws: "Aws", endpoint: str) -> tuple[str, int]:
    from kedro_aws_plugin.aws.sagemaker.endpoints import observe_deployed

    try:
        deployed = observe_deployed(aws, endpoint)
    except AwsError:  # whoever may only invoke it reads from AWS what is wrong
        deployed = None
    if deployed is not None and deployed.endpoint.serverless:
        return "a serverless endpoint", _SERVERLESS_MB
    if deployed is not None and deployed.endpoint.asynchronous:
        return "an asynchronous endpoint", _ASYNC_MB
    return "an endpoint", _REALTIME_MB


def is_async(aws: "Aws", endpoint: str) -> bool:
    """Tell whether an endpoint takes requests to its queue only.

    Whoever may not look it up is taken to ask one that answers at once.
    """
    from kedro_aws_plugin.aws.sagemaker.endpoints import observe_endpoint

    try:
        found = observe_endpoint(aws, endpoint)
    except AwsError:
        return False
    return found is not None and found.asynchronous


def find_sample_payload(aws: "Aws", endpoint: str, variant: str | None = None) -> Payload:
    """Find the sample payload of the version that an endpoint, or one of its variants, serves.

    Raises:
        ServingError: If there is no such endpoint or variant, or its version was registered without a sample.
    """
    from kedro_aws_plugin.aws.sagemaker.endpoints import observe_deployed
    from kedro_aws_plugin.aws.sagemaker.registry import observe_sample
    from kedro_aws_plugin.plan.register import SAMPLE_TYPE

    deployed = observe_deployed(aws, endpoint)
    if deployed is None:
        raise ServingError(
            f"There is no endpoint {endpoint}. Make it: kedro aws deploy --endpoint {endpoint}"
        )
    package = _find_package(deployed, variant) if variant is not None else deployed.package
    sample = observe_sample(aws, package) if package else None
    if sample is None:
        raise ServingError(
            f"Endpoint {endpoint} serves a version that was registered without a sample payload. "
            "Give a file, - or a catalog entry; set `registry.sample` in aws.yml to register one next time."
        )
    return Payload(body=sample.body, content_type=SAMPLE_TYPE)


def _find_package(deployed: "Deployed", variant: str) -> str | None:
    served = [(deployed.variant, deployed.package), *deployed.others]
    packages = {each.name: package for each, package in served if each is not None and not each.shadow}
    if variant not in packages:
        raise ServingError(
            f"Endpoint {deployed.endpoint.name} has no variant {variant} that answers requests; it has "
            f"{', '.join(packages)}. Name one of them, or leave --variant out."
        )
    return packages[variant]


def _read_entry(session: Session, entry: str) -> Payload:
    catalog = ProjectCatalog.open(session)
    catalog.check_is_no_path(entry)
    rows = catalog.load_rows(entry, "Name a file, - for standard input, or a catalog entry.")
    if not len(rows):
        raise ProjectError(f"`{entry}` has no rows. Name another table, a file, or - for standard input.")
    return Payload.from_frame(rows, rows=len(rows))
