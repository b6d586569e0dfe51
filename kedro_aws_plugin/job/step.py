"""Run one step of an execution: the nodes of a group, or the registration of the run's models."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kedro.runner
from kedro.framework.project import configure_project
from kedro.framework.session import KedroServiceSession

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.s3 import read
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.bundle.job_files import JobDescription, JobStep
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.job.crossing import CrossingDataset
from kedro_aws_plugin.job.outputs import clear_outputs
from kedro_aws_plugin.job.place import RunPlace
from kedro_aws_plugin.job.registering import register_outputs
from kedro_aws_plugin.job.requirements import check_requirements
from kedro_aws_plugin.job.running import RunningStep, Submission
from kedro_aws_plugin.plan.submission import check_run_id
from kedro_aws_plugin.run import job as job_in_force
from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.run.run_id import make_run_id
from kedro_aws_plugin.session.connection import Connection
from kedro_aws_plugin.session.session import Session, make_loader


@dataclass(frozen=True)
class StepRequest:
    """What a job is asked to do.

    Attributes:
        files: The folder with the files of the job.
        step: The name of the step.
        run_id: The run's id; empty to make it from a time.
        started: When the execution started: ISO 8601, or seconds since 1970.
        execution: The id of the execution.
        request: Where the parameters of the submission are on S3; empty if there are none.
        scheduled: The time for which a schedule started the execution, as `started`; empty if none did. The
            run has its date, however late it starts.
    """

    files: Path
    step: str
    run_id: str = ""
    started: str = ""
    execution: str = ""
    request: str = ""
    scheduled: str = ""


def run_step(asked: StepRequest) -> list[str]:
    """Run a step in the current folder, which holds the project's configuration.

    Returns:
        The outputs with their versions, as lines.

    Raises:
        Exception: Whatever its nodes raise.
    """
    job = read_job(asked.files)
    if asked.step not in job.steps:
        raise ProjectError(f"The job has no step `{asked.step}`; it has {', '.join(job.steps)}.")
    check_requirements(job.requirements)
    step = job.steps[asked.step]
    run_id = choose_run_id(asked)
    configure_project(job.package)
    work = Path.cwd()
    run_state.publish(run_state.RunState(run_id, dict))
    # aws.yml may refer to variables and to the commit; what AWS or a function computes, it may not.
    job_in_force.use(job_in_force.Job(job.variables, job.git_sha, _compute_alone, lambda _catalog: None))
    session = _open_session(work, job)
    connection = session.connect(lambda _: None)  # Kedro's session tells the user which AWS it is
    place = RunPlace(session.aws, job.bucket, job.prefix, run_id)
    running = RunningStep(work, job, place, _read_submission(session.aws, asked.request))
    place.begin(asked.step, asked.execution)
    job_in_force.use(_make_job(running, asked.step, connection))
    if not step.nodes:
        return register_outputs(running)
    _run_nodes(running, step)
    return [f"{name} {run_id}" for name in step.versioned]


def read_job(files: Path) -> JobDescription:
    """Read the `job.json` in a folder."""
    return JobDescription.from_json(json.loads((files / "job.json").read_text(encoding="utf-8")))


def choose_run_id(asked: StepRequest) -> str:
    """Take the run id of an execution, which somebody may have typed in the console, or make one.

    Raises:
        ProjectError: If it cannot be one: it is the name of folders, also of those that are removed.
    """
    return check_run_id(asked.run_id) if asked.run_id else make_run_id(asked.scheduled or asked.started)


def _compute_alone(_name: str, compute: Callable[[], Any]) -> Any:
    return compute()


def _open_session(work: Path, job: JobDescription) -> Session:
    """Open the project before Kedro does: what Kedro's session is given is on S3."""
    loader, conf = make_loader(work, job.env)
    return Session.of(loader, work, job.package, conf)


def _read_submission(aws: Aws, uri: str) -> Submission:
    if not uri:
        return Submission()
    with translate_errors(f"read {uri}"):
        found = read(aws.s3, uri)
    if found is None:
        raise ProjectError(f"{uri}, the parameters of this execution, does not exist. Submit it again.")
    return Submission(**json.loads(found))


def _make_job(running: RunningStep, name: str, connection: Connection) -> job_in_force.Job:
    job, place = running.job, running.place
    versioned = job.steps[name].versioned
    is_cleared = False

    def prepare(catalog: Any) -> None:
        nonlocal is_cleared
        for each in job.persisted:
            key = place.make_key(f"{each}.pickle")
            catalog[each] = CrossingDataset(place.aws, job.bucket, key, each)
        # A node or a hook of the project may make a catalog of its own, after something was saved.
        if versioned and not is_cleared:
            _clear(place, name, catalog, versioned)
            is_cleared = True

    return job_in_force.Job(job.variables, job.git_sha, place.share, prepare, connection)


def _clear(place: RunPlace, step: str, catalog: Any, versioned: Sequence[str]) -> None:
    again = place.may_have_saved(step)
    for name in clear_outputs(catalog, versioned, place.run_id, again=again):
        print(f"Removed {name} {place.run_id}, which an attempt of this step left behind", flush=True)
    if not again:
        place.note_saving(step)


def _run_nodes(running: RunningStep, step: JobStep) -> None:
    """Run nodes under the run's id: of Kedro's sessions, only the service session takes one (since 1.4)."""
    session = KedroServiceSession.create(project_path=running.folder, env=running.job.env)
    with session:
        session.run(
            run_id=running.place.run_id,
            pipeline_names=list(running.job.pipelines) or None,
            node_names=list(step.nodes),
            runner=getattr(kedro.runner, step.runner)(),
            load_versions=running.pins,
            runtime_params=dict(running.submission.params),
        )
