"""Plan to run a pipeline on SageMaker or Step Functions: (wanted, observed) -> Plan."""

import json
import re
from collections.abc import Collection, Iterable

from kedro_aws_plugin.errors import AwsError, ProjectError, suggest
from kedro_aws_plugin.plan.execution import FAILED, STOPPED, SUCCEEDED, Execution, make_token
from kedro_aws_plugin.plan.machine_run import ObservedStateMachine, make_execution_name, plan_machine
from kedro_aws_plugin.plan.pipeline import ObservedPipeline, PipelineRequest, plan_pipeline
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.pipelines import StartPipelineExecution, WaitForExecution
from kedro_aws_plugin.plan.steps.state_machines import StartExecution, WaitForStateMachine
from kedro_aws_plugin.plan.workflow import Snapshot, strip_transcoding

_MAX_DISPLAY = 82
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def check_run_id(run_id: str) -> str:
    """Check the run id that a user gives.

    Raises:
        ProjectError: If it cannot be one: it is the name of folders, and a parameter.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise ProjectError(
            f"`{run_id}` is no run id. Use 1 to 64 letters, digits, dots, colons, hyphens and underscores, "
            "or leave out --run-id."
        )
    return run_id


def check_load_versions(names: Iterable[str], snapshot: Snapshot) -> None:
    """Check the datasets of which a user gives versions to load.

    Raises:
        ProjectError: If the steps would not load that version of one.
    """
    read = {name for node in snapshot.nodes for name in node.inputs}
    made = {strip_transcoding(name) for node in snapshot.nodes for name in node.outputs}
    for name in names:
        if name not in read:
            nearest = suggest(name, read - made, cutoff=0.6)
            raise ProjectError(
                f"--load-versions: no node of this run reads `{name}`{nearest} Nothing was sent. "
                "`kedro aws compile` shows the nodes."
            )
        if strip_transcoding(name) in made:
            raise ProjectError(
                f"--load-versions: a node of this run makes `{name}`, and the others read what it makes. "
                "Nothing was sent. Leave that node out, for example with --from-nodes."
            )
        if not snapshot.find_dataset(name).versioned:
            raise ProjectError(
                f"--load-versions: `{name}` has no versions. Nothing was sent. Leave it out, or add "
                "`versioned: true` to its entry in catalog.yml."
            )


def plan_submission(
    wanted: PipelineRequest,
    observed: ObservedPipeline | None,
    keys: Collection[str],
    earlier: Execution | None = None,
) -> Plan:
    """Plan a run: upload what is missing, make the pipeline as wanted, start it, wait for it.

    Args:
        wanted: What is to run.
        observed: The pipeline as it is; None if there is none.
        keys: The keys of those files that are on S3 already.
        earlier: The execution that has the run's id already, if there is one.

    Raises:
        AwsError: If somebody else's pipeline has the name, or the run has ended without success.
        ProjectError: If the run id is that of other code or parameters.
    """
    version, steps = plan_pipeline(wanted, observed, keys)
    request = f"s3://{wanted.bucket}/{wanted.request_key}"
    if earlier is not None:
        is_same = (earlier.pipeline, earlier.version, earlier.request) == (wanted.name, version, request)
        wait = WaitForExecution(arn=earlier.arn, run_id=wanted.run_id)
        return plan_earlier(wanted, earlier, wait, is_same=is_same)
    start = StartPipelineExecution(
        name=wanted.name,
        version=version,
        run_id=wanted.run_id,
        display_name=make_display_name(wanted.run_id),
        parameters={"RunId": wanted.run_id, "Request": request},
        # Other code or parameters under the same run id are another request: its steps find the id taken,
        # where the same token would give the earlier execution as if it were this one.
        token=make_token(wanted.name, "start", wanted.run_id, wanted.definition, wanted.request_key),
    )
    steps.append(start)
    if wanted.wait:
        steps.append(WaitForExecution(arn=Ref(start, "arn"), run_id=wanted.run_id))
    return Plan(
        title=f"submit run {wanted.run_id} of pipeline {wanted.name}",
        steps=tuple(steps),
        unchanged=wanted.name,
        warnings=wanted.warnings,
        jobs=wanted.jobs,
    )


def plan_earlier(wanted: PipelineRequest, earlier: Execution, wait: Step, *, is_same: bool) -> Plan:
    """Plan to wait for a run that has begun before: a run id stands for one run.

    Args:
        wanted: What is to run.
        earlier: The run that has its id.
        wait: Waits for that run.
        is_same: Whether that run has the same code and parameters.

    Raises:
        AwsError: If that run has ended without success.
        ProjectError: If that run is of other code or parameters.
    """
    run = wanted.run_id
    if not is_same:
        raise ProjectError(
            f"The run id {run} is taken: an execution of other code or parameters has it, and is "
            f"{earlier.status}. Nothing was sent. Give another --run-id, or none."
        )
    if earlier.status in (FAILED, STOPPED):
        raise AwsError(f"Run {run} has begun before, and is {earlier.status}. Go on: kedro aws retry {run}")
    begun = f"run {run} has begun before, with the same code and parameters, and is {earlier.status}"
    waits = wanted.wait and earlier.status != SUCCEEDED
    return Plan(
        title=f"wait for run {run} of pipeline {wanted.name}",
        steps=(wait,) if waits else (),
        unchanged=begun,
        warnings=(f"{begun[0].upper()}{begun[1:]}. It is not started again.",) if waits else (),
    )


def make_display_name(run_id: str) -> str:
    """Make the display name of an execution from its run id: letters, digits and inner hyphens."""
    return re.sub(r"[^a-zA-Z0-9]+", "-", run_id).strip("-")[:_MAX_DISPLAY].strip("-")


def make_pipeline_prefix(package: str) -> str:
    """Make how the names of a project's pipelines begin."""
    return re.sub(r"[^A-Za-z0-9]+", "-", package).strip("-")


def plan_machine_submission(
    wanted: PipelineRequest,
    observed: ObservedStateMachine | None,
    keys: Collection[str],
    earlier: Execution | None = None,
) -> Plan:
    """Plan a run: upload what is missing, make the state machine as wanted, start it, wait for it.

    Args:
        wanted: What is to run.
        observed: The state machine as it is; None if there is none.
        keys: The keys of those files that are on S3 already.
        earlier: The execution that has the run's id already, if there is one.

    Raises:
        AwsError: If somebody else's state machine has the name, or the run has ended without success.
        ProjectError: If the run id is that of other code or parameters.
    """
    version, steps = plan_machine(wanted, observed, keys)
    if earlier is not None:
        begun = (earlier.pipeline, earlier.arn.rpartition(":")[2])
        is_same = begun == (wanted.name, make_execution_name(wanted))
        return plan_earlier(wanted, earlier, WaitForStateMachine(earlier.arn, wanted.run_id), is_same=is_same)
    start = StartExecution(
        machine=wanted.name,
        version=version,
        run_id=wanted.run_id,
        name=make_execution_name(wanted),
        content=json.dumps({"RunId": wanted.run_id, "Request": f"s3://{wanted.bucket}/{wanted.request_key}"}),
    )
    steps.append(start)
    if wanted.wait:
        steps.append(WaitForStateMachine(Ref(start, "arn"), wanted.run_id))
    return Plan(
        title=f"submit run {wanted.run_id} of state machine {wanted.name}",
        steps=tuple(steps),
        unchanged=wanted.name,
        warnings=wanted.warnings,
        jobs=wanted.jobs,
    )
