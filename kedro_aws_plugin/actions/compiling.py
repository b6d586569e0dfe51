"""Compile a Kedro pipeline: its steps, what would fail, the files of its job, and what AWS is sent of it."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kedro_aws_plugin.actions.installing import choose_installation, make_folder, make_wheels_folder
from kedro_aws_plugin.actions.targets import choose_target
from kedro_aws_plugin.actions.targets.target import JobFolders, Target
from kedro_aws_plugin.bundle.job_files import JobDescription, JobFiles, JobStep, build_job_files
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines
from kedro_aws_plugin.config.project import Project
from kedro_aws_plugin.plan.job_requests import JobRequest
from kedro_aws_plugin.plan.pipeline import JobUpload
from kedro_aws_plugin.plan.preflight import check_workflow, list_persisted
from kedro_aws_plugin.plan.workflow import Finding, Snapshot, Workflow, plan_workflow, strip_transcoding
from kedro_aws_plugin.project.workflow import Selection, read_snapshot
from kedro_aws_plugin.registration.candidate import explain_full_disk
from kedro_aws_plugin.run.git import read_git_state
from kedro_aws_plugin.session.session import Session

_MAX_ARGUMENT = 256


@dataclass(frozen=True)
class Compiled:
    """A compiled pipeline.

    Attributes:
        name: The name of the pipeline on AWS.
        workflow: Its steps.
        snapshot: What they were planned from.
        settings: `pipelines:` of aws.yml with the command's options.
        findings: What the pre-flight says.
        definition: What AWS is sent of it; None if there is an error.
        files: The files of its job; None if there is an error.
        role_arn: The role with which it runs; empty if there is an error.
        wheels: An empty folder for the wheels of its job; None if there is an error.
        jobs: The jobs that a run has, by the names of their steps; none if there is an error.
        uploads: Files that it needs besides those of the job.
        sizes: What each step runs on, in words.
    """

    name: str
    workflow: Workflow
    snapshot: Snapshot
    settings: Pipelines
    findings: tuple[Finding, ...]
    definition: Mapping[str, Any] | None = None
    files: JobFiles | None = None
    role_arn: str = ""
    wheels: Path | None = None
    jobs: Mapping[str, JobRequest] = field(default_factory=dict)
    uploads: tuple[JobUpload, ...] = ()
    sizes: Mapping[str, str] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What prevents the submission."""
        return tuple(each for each in self.findings if each.level == "error")

    def as_json(self) -> dict[str, Any]:
        """Convert it to plain values."""
        return {
            "name": self.name,
            "steps": [
                asdict(group) | {"resources": group.resources.model_dump()} for group in self.workflow.groups
            ],
            "crossings": [asdict(each) for each in self.workflow.crossings],
            "findings": [asdict(each) for each in self.findings],
            "definition": self.definition,
        }


@contextmanager
def compile_pipeline(
    session: Session, selection: Selection, group_by: GroupBy | None, role: str | None = None
) -> Iterator[Compiled]:
    """Compile a pipeline. The files of its job exist as long as the context.

    Args:
        session: The opened project; it need not be connected.
        selection: Which nodes are chosen.
        group_by: How nodes are put into steps; by default as aws.yml says.
        role: The role of the pipeline; by default that of aws.yml.

    Raises:
        KedroAwsError: If the project does not load.
    """
    project = session.project
    target = choose_target(session)
    settings = project.config.pipelines
    if group_by is not None:
        settings = settings.model_copy(update={"group_by": group_by})
    settings = target.adapt(settings, group_by)
    snapshot = read_snapshot(session, selection)
    workflow = plan_workflow(snapshot, settings)
    compiled = Compiled(
        settings.name or _make_name(project, selection, target.longest_name),
        workflow,
        snapshot,
        settings,
        check_workflow(workflow, snapshot, settings),
        sizes={group.name: target.describe_size(group.resources) for group in workflow.groups},
    )
    if compiled.errors:
        yield compiled
        return
    place = Path(tempfile.gettempdir())
    with explain_full_disk(place), tempfile.TemporaryDirectory(dir=place) as temporary:
        folder, wheels = Path(temporary, "job"), Path(temporary, "wheels")
        folder.mkdir()
        wheels.mkdir()
        description = describe_job(project, compiled)
        files = build_job_files(
            project.path,
            session.conf,
            description,
            folder,
            installation=choose_installation(project.config),
            spark=target.in_spark,
            private=getattr(session.loader, "config_patterns", {}).get("credentials", ()),
        )
        yield _add_definition(project, replace(compiled, wheels=wheels, files=files), files, target, role)


def describe_job(project: Project, compiled: Compiled) -> JobDescription:
    """Describe what each step of a compiled pipeline does."""
    snapshot, config = compiled.snapshot, project.config
    nodes = {node.name: node for node in snapshot.nodes}
    versioned = {name for name, dataset in snapshot.datasets.items() if dataset.versioned}
    written = {strip_transcoding(name) for node in snapshot.nodes for name in node.outputs}
    sha, dirty = read_git_state(project.path)
    steps = {
        group.name: JobStep(
            group.nodes,
            tuple(sorted(versioned.intersection(_list_outputs(group.nodes, nodes)))),
            group.resources.runner,
        )
        for group in compiled.workflow.groups
    }
    return JobDescription(
        package=project.package,
        env=config.env,
        bucket=config.bucket,
        prefix=make_folder(project),
        pipelines=snapshot.pipelines,
        steps=steps,
        pinned=tuple(sorted(name for name in versioned if strip_transcoding(name) in written)),
        persisted=list_persisted(compiled.workflow, snapshot),
        outputs=tuple(sorted({name for node in snapshot.nodes for name in node.outputs})),
        git_sha=sha,
        git_dirty=dirty,
        variables={
            spec.env.name: os.environ[spec.env.name]
            for spec in config.globals.values()
            if spec.env is not None and spec.env.name in os.environ
        },
    )


def _list_outputs(names: tuple[str, ...], nodes: Mapping[str, Any]) -> list[str]:
    return [output for name in names for output in nodes[name].outputs]


def _add_definition(
    project: Project, compiled: Compiled, files: JobFiles, target: Target, role: str | None
) -> Compiled:
    root = f"s3://{project.config.bucket}"
    folders = JobFolders(
        f"{root}/{make_folder(project)}/jobs/{files.digest}",
        f"{root}/{make_folder(project)}/runs/_jobs",
        f"{root}/{make_wheels_folder(project, files.lock)}" if files.lock else "",
    )
    defined = target.define(compiled.workflow, folders, role)
    findings = (
        *compiled.findings,
        *_describe_files(files),
        *defined.findings,
        *_check_folder(project),
    )
    return replace(
        compiled,
        findings=findings,
        definition=defined.body,
        role_arn=defined.role_arn,
        jobs=defined.jobs,
        uploads=defined.uploads,
    )


def _describe_files(files: JobFiles) -> Iterator[Finding]:
    for sentence in files.left_out:
        yield Finding("left_out", "warning", sentence)
    if files.differing:
        message = (
            f"The jobs have other versions than this machine: {', '.join(files.differing)}. The image cannot "
            "have those of this machine."
        )
        yield Finding("other_versions", "warning", message)


def _check_folder(project: Project) -> Iterator[Finding]:
    """Check that the address of a request, which is an argument of a job, is not too long for one."""
    length = len(f"s3://{project.config.bucket}/{make_folder(project)}/requests/{'0' * 32}.json")
    if length > _MAX_ARGUMENT:
        message = (
            f"An argument of the jobs would have {length} characters, and SageMaker takes {_MAX_ARGUMENT}: "
            "shorten `pipelines.prefix` in aws.yml."
        )
        yield Finding("aws_limit", "error", message)


def _make_name(project: Project, selection: Selection, longest: int) -> str:
    """Name the pipeline on AWS after the project, its pipelines and the environment."""
    parts = [project.package, *(selection.pipelines or ("default",)), project.config.env]
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-")[:longest].strip("-")
