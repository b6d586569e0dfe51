"""Plan that a state machine is on Step Functions as it is here: its files, and a version of it."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.pipeline import PipelineRequest, plan_uploads
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.state_machines import CreateStateMachine, UpdateStateMachine

SCHEDULED = "scheduled-"
"""How the name of an execution begins which a schedule starts."""

_DIGITS = 8
_OURS = re.compile(rf"(?P<run>.+)-[0-9a-f]{{{_DIGITS}}}")


@dataclass(frozen=True)
class ObservedStateMachine:
    """A state machine on AWS.

    Attributes:
        arn: Its ARN.
        name: Its name.
        version: The ARN of its latest version; empty if it has none.
        definition: The definition of that version.
        role_arn: The role of that version.
        tags: Its tags.
    """

    arn: str
    name: str
    version: str = ""
    definition: str = "null"
    role_arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def plan_machine(
    wanted: PipelineRequest, observed: ObservedStateMachine | None, keys: Collection[str]
) -> tuple[str | Ref, list[Step]]:
    """Plan to upload what is missing, and to make the state machine as wanted.

    Args:
        wanted: What is to run.
        observed: The state machine as it is; None if there is none.
        keys: The keys of those files that are on S3 already.

    Returns:
        The ARN of the version that is as wanted, and the steps to it.

    Raises:
        AwsError: If somebody else's state machine has the name.
    """
    steps = plan_uploads(wanted, keys)
    if observed is None:
        create = CreateStateMachine(wanted.name, wanted.definition, wanted.role_arn, wanted.tags)
        return Ref(create, "version_arn"), [*steps, create]
    if not wanted.tags.items() <= dict(observed.tags).items():
        raise AwsError(
            f"State machine {wanted.name} exists, and this project's environment did not make it: it lacks "
            "its tags. Choose another `pipelines.name` in aws.yml."
        )
    same = json.loads(observed.definition) == json.loads(wanted.definition)
    if same and observed.role_arn == wanted.role_arn:
        return observed.version, steps
    update = UpdateStateMachine(observed.arn, wanted.definition, wanted.role_arn)
    return Ref(update, "version_arn"), [*steps, update]


def make_execution_name(wanted: PipelineRequest) -> str:
    """Make the name of an execution: the same run of the same code and parameters has the same.

    Other code or parameters under the same run id are another execution, whose steps find the id taken.
    """
    parts = (wanted.run_id, wanted.definition, wanted.request_key)
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGITS]
    return f"{wanted.run_id.replace(':', '=')}-{digest}"  # names have no colons, and run ids no equals signs


def find_run_in_name(name: str) -> str | None:
    """Find the run id in the name of an execution; None if `kedro aws submit` did not start it."""
    found = None if name.startswith(SCHEDULED) else _OURS.fullmatch(name)
    return found["run"].replace("=", ":") if found else None
