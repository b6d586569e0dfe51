"""Runs of a pipeline on AWS: submit, find, list."""

import heapq
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Any

from kedro_aws_plugin.actions.compiling import Compiled
from kedro_aws_plugin.actions.installing import make_folder, prepare_wheels
from kedro_aws_plugin.actions.targets import find_target, list_targets
from kedro_aws_plugin.actions.targets.emr_serverless import find_applications
from kedro_aws_plugin.actions.targets.sagemaker import LOOKED_THROUGH, find_pipelines
from kedro_aws_plugin.actions.targets.stepfunctions import find_state_machines
from kedro_aws_plugin.actions.targets.target import Target
from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.s3 import list_keys
from kedro_aws_plugin.aws.scheduler import observe_schedules
from kedro_aws_plugin.errors import DeniedError, ProjectError, UnreachableError, suggest
from kedro_aws_plugin.plan.execution import ENDED, Execution
from kedro_aws_plugin.plan.observed import Owned, ScheduleGroup
from kedro_aws_plugin.plan.pipeline import JobUpload, PipelineRequest
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.sagemaker_definition import write_definition
from kedro_aws_plugin.plan.schedule import make_group_name
from kedro_aws_plugin.plan.submission import check_load_versions
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.workflow import strip_transcoding
from kedro_aws_plugin.project.catalog import silence_kedro
from kedro_aws_plugin.run.git import count_changes, read_git_state
from kedro_aws_plugin.run.record import (
    RunRecord,
    find_installed_versions,
    hash_parameters,
    read_key,
    write_record,
)
from kedro_aws_plugin.session.session import Session
from local_aws import default_state_dir

NO_RUNS = "This project has no runs on AWS. Begin one: kedro aws submit"

_LATEST = 100
"""How many runs of each target are looked through for one that has not ended."""


@dataclass(frozen=True)
class SubmitOptions:
    """What the user wants of a run.

    Attributes:
        run_id: The id of the run.
        params: The runtime parameters.
        load_versions: The versions of datasets to load.
        from_run: The run whose data the nodes that were not chosen have made; None for the newest.
        wait: Whether to wait until the run has ended.
        may_exist: Whether a run of this id may have begun before: the user has given the id.
        scheduled: Whether a schedule starts the runs: what follows from their dates is not known yet.
    """

    run_id: str
    params: Mapping[str, Any]
    load_versions: Mapping[str, str]
    from_run: str | None = None
    wait: bool = True
    may_exist: bool = False
    scheduled: bool = False


def take_versions(session: Session, compiled: Compiled, options: SubmitOptions) -> SubmitOptions:
    """Add the versions of what the nodes that were not chosen have made in the run to take data from.

    Raises:
        ProjectError: If there is no such run, or the chosen nodes would not load a version that is asked for.
    """
    check_load_versions(options.load_versions, compiled.snapshot)
    versions = {**_list_versions(session, compiled, options.from_run), **options.load_versions}
    return replace(options, load_versions=versions)


def prepare_request(session: Session, compiled: Compiled, options: SubmitOptions) -> PipelineRequest:
    """Prepare what is asked of AWS.

    Args:
        session: The opened project, connected, with the parameters of the run.
        compiled: The pipeline, without errors.
        options: What the user wants.

    Raises:
        KedroAwsError: If the project does not load.
    """
    project, folder = session.project, make_folder(session.project)
    config = project.config
    if compiled.files is None or compiled.definition is None or compiled.wheels is None:
        raise ValueError("a pipeline with errors is not submitted")
    with silence_kedro():
        parameters = session.kedro_context.params
    key = read_key(default_state_dir(project.path))
    digest = None if options.scheduled else hash_parameters(parameters, key)
    asked = {
        "params": dict(options.params),
        "load_versions": dict(options.load_versions),
        "parameters_hash": digest,
    }
    request = json.dumps(asked, sort_keys=True, ensure_ascii=False, default=str).encode()
    return PipelineRequest(
        name=compiled.name,
        definition=write_definition(compiled.definition),
        role_arn=compiled.role_arn,
        tags=make_project_tags(project.package, config.env, config.bucket),
        bucket=config.bucket,
        run_id=options.run_id,
        files=(
            *prepare_wheels(session, compiled.files.lock, compiled.wheels),
            *(
                JobUpload(
                    each.path,
                    each.size,
                    each.sha256,
                    f"{folder}/jobs/{compiled.files.digest}/{each.path.name}",
                )
                for each in compiled.files.files
            ),
            *compiled.uploads,
        ),
        request=request,
        request_key=f"{folder}/requests/{sha256(request).hexdigest()[:32]}.json",
        max_parallel_steps=config.pipelines.max_parallel_steps,
        wait=options.wait,
        jobs=tuple((each.operation, each.body) for each in compiled.jobs.values()),
        may_exist=options.may_exist,
        warnings=tuple(_warn_of_changes(session)),
    )


def look_at_pipeline(session: Session, request: PipelineRequest) -> Plan:
    """Look at what AWS has of a pipeline, and plan its run from there.

    Raises:
        ProjectError: If another run has its id, also one of a former target.
    """
    chosen, *others = list_targets(session)
    for other in others if request.may_exist else ():
        for run in islice(_list_if_possible(other), LOOKED_THROUGH):
            if run.run_id == request.run_id:
                raise ProjectError(
                    f"The run id {run.run_id} is taken: a run on {other.title} has it. Choose another "
                    f"--run-id, or look after that one: kedro aws runs {run.run_id}"
                )
    return chosen.plan_submission(request, list_uploaded(session, request))


def list_uploaded(session: Session, request: PipelineRequest) -> set[str]:
    """List the keys of those files of a pipeline that are on S3."""
    folders = {f"{each.key.rpartition('/')[0]}/" for each in request.files}
    with translate_errors(f"list the files in s3://{request.bucket}"):
        return {
            key
            for prefix in (*folders, request.request_key)
            for key in list_keys(session.aws.s3, request.bucket, prefix)
        }


def keep_record(session: Session, request: PipelineRequest) -> None:
    """Keep what is known here of a run, for the lineage of models that are registered from here later."""
    sha, dirty = read_git_state(session.path)
    digest = json.loads(request.request)["parameters_hash"]
    record = RunRecord(sha, dirty, digest, find_installed_versions())
    write_record(default_state_dir(session.path), request.run_id, record)


def find_run(session: Session, run: str) -> Execution:
    """Find an execution with its steps.

    Args:
        session: The opened project, connected.
        run: The run id, the execution's id or ARN, or `latest`.

    Raises:
        ProjectError: If there is none, or if there are several.
    """
    if run.startswith("arn:"):
        found = find_target(session, run).observe_run(run)
        if found is None:
            raise ProjectError(f"There is no execution {run}. `kedro aws runs` lists the runs.")
        return found
    found = look_for_run(session, run)
    if found is not None:
        return found
    known = list_runs(session, LOOKED_THROUGH)
    if not known:
        raise ProjectError(NO_RUNS)
    nearest = suggest(run, [each.run_id for each in known])
    raise ProjectError(f"There is no run `{run}`{nearest} `kedro aws runs` lists them.")


def look_for_run(session: Session, run: str) -> Execution | None:
    """Look for an execution with its steps, by its run id or its own, or the `latest`; None if there is none.

    Raises:
        ProjectError: If there are several.
    """
    if run == "latest":
        matching = list_runs(session, 1)
    else:
        known = list_runs(session, LOOKED_THROUGH)
        matching = [each for each in known if run in _list_names(each)]
    if len(matching) > 1:
        arns = ", ".join(each.arn for each in matching)
        raise ProjectError(f"{run} is the run of several executions: {arns}. Name one of them.")
    if not matching:
        return None
    found = find_target(session, matching[0].arn).observe_run(matching[0].arn)
    return replace(found or matching[0], pipeline=matching[0].pipeline)


def _list_names(execution: Execution) -> tuple[str, str]:
    return execution.run_id, execution.id


def list_runs(session: Session, limit: int) -> list[Execution]:
    """List the runs of the project's environment, the newest first, also those of a former target."""
    chosen, *others = list_targets(session)
    runs = [chosen.list_runs(), *(_list_if_possible(each) for each in others)]
    return list(islice(heapq.merge(*runs, key=lambda each: each.started, reverse=True), limit))


def _list_if_possible(target: Target) -> Iterator[Execution]:
    """List the runs of another target; none where the user may not look, or the region lacks the service."""
    with suppress(DeniedError):
        yield from _list_if_reachable(target)


def _list_if_reachable(target: Target) -> Iterator[Execution]:
    """List the runs of a target; none where the region lacks its service."""
    with suppress(UnreachableError):
        yield from target.list_runs()


def add_pipelines(session: Session, owned: Owned) -> Owned:
    """Look up a project's pipelines by its tags, their schedules, and the files of its jobs and runs."""
    bucket = session.config.bucket
    with translate_errors(f"list the jobs in s3://{bucket}"):
        objects = list_keys(session.aws.s3, bucket, f"{make_folder(session.project)}/")
    running = [
        run
        for target in list_targets(session)
        for run in islice(_list_if_reachable(target), _LATEST)
        if run.status not in ENDED
    ]
    applications: dict[str, str] = {}
    with suppress(UnreachableError):  # not every region has EMR Serverless
        applications = {each.id: each.status for each in find_applications(session)}
    return replace(
        owned,
        pipelines=find_pipelines(session),
        state_machines=tuple(each.arn for each in find_state_machines(session)),
        job_objects=objects,
        schedules=find_schedules(session),
        applications=applications,
        running=tuple(each.run_id for each in running),
    )


def find_schedules(session: Session) -> ScheduleGroup | None:
    """Find the schedules of the project's environment; None if there never was one."""
    config = session.config
    return observe_schedules(session.aws, make_group_name(session.project.package, config.env, config.bucket))


def _list_versions(session: Session, compiled: Compiled, from_run: str | None) -> dict[str, str]:
    """List the versions of what the nodes that were not chosen have made in another run."""
    if from_run is None:
        return {}
    run = find_run(session, from_run)
    run_id = run.run_id
    if run_id == run.id:
        raise ProjectError(
            f"Execution {run.id} was not begun by `kedro aws submit` or `kedro aws schedule`, so its run id "
            "is in its log alone: kedro aws logs "
            f"{run.id}. Name what to load: --load-versions DATASET:RUN_ID"
        )
    snapshot = compiled.snapshot
    written = {strip_transcoding(name) for node in snapshot.nodes for name in node.outputs}
    made = {strip_transcoding(name) for name in snapshot.made}
    return {
        name: run_id
        for name, dataset in sorted(snapshot.datasets.items())
        if dataset.versioned and strip_transcoding(name) in made - written
    }


def _warn_of_changes(session: Session) -> list[str]:
    sha, changes = count_changes(session.path)
    if not changes or sha is None:
        return []
    files = "1 file" if changes == 1 else f"{changes} files"
    return [f"The project differs from commit {sha[:7]} in {files}. The job has what is on the disk."]
