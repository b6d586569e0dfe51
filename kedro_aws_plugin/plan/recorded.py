"""Say which settings of a plan the local AWS records without effect."""

import local_aws
from kedro_aws_plugin.plan.plan import Plan


def describe_recorded(plan: Plan) -> str | None:
    """Name the settings that the plan's requests give and that have no effect on this machine.

    Returns:
        One sentence; None if there is no such setting.
    """
    paths = [
        path
        for step in plan.steps
        for operation, request in plan.list_requests(step)
        for path in local_aws.list_recorded(step.service_of(operation), operation, request)
    ]
    names = dict.fromkeys(path.rpartition(".")[2] for path in paths)
    if not names:
        return None
    return (
        f"The local AWS records these settings, and they have no effect on this machine: {', '.join(names)}"
    )
