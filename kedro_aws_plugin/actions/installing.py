"""How jobs come to what they need: which image they have, and the wheels that are uploaded for it."""

from pathlib import Path

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.s3 import list_keys
from kedro_aws_plugin.bundle.job_files import Installation
from kedro_aws_plugin.bundle.lock import Lock
from kedro_aws_plugin.config.models import AwsConfig
from kedro_aws_plugin.config.project import Project
from kedro_aws_plugin.model_artifact.images import Image, choose_sklearn_image
from kedro_aws_plugin.model_artifact.pip_download import Container
from kedro_aws_plugin.plan.pipeline import JobUpload
from kedro_aws_plugin.project.raw_data import compute_digest
from kedro_aws_plugin.session.session import Session

_IMAGE = "1.9.0"
"""The scikit-learn of the default image, whose Python is 3.12: the image that serves such models too."""

_LOCK = "requirements.lock"
"""The last object of a wheelhouse: once it is there, all wheels are."""


def choose_pipeline_image(config: AwsConfig) -> Image:
    """Choose AWS's image for the steps of pipelines, for a project that names none of its own."""
    return choose_sklearn_image(config.region, _IMAGE)


def choose_installation(config: AwsConfig) -> Installation:
    """Choose how jobs come to what they need. On the local AWS they have what this machine has."""
    settings = config.pipelines
    if config.target == "local":
        return Installation("none")
    if settings.target == "emr-serverless":
        return Installation("archive")
    if settings.install != "wheelhouse":
        return Installation(settings.install)
    image = choose_pipeline_image(config)
    container = Container(
        python=settings.python or image.installed["python"],
        name=settings.image or image.version,
        key="pipelines.install",
        required="the project's requirements",
        source="the requirements of the project",
    )
    return Installation("wheelhouse", container)


def make_wheels_folder(project: Project, lock: Lock) -> str:
    """Make the folder of the bucket for the wheels of a lock."""
    return f"{make_folder(project)}/wheels/{lock.digest}"


def make_folder(project: Project) -> str:
    """Make the folder of the bucket for the jobs and runs of a project's environment."""
    return f"{project.config.pipelines.prefix}/{project.package}/{project.config.env}"


def prepare_wheels(session: Session, lock: Lock | None, folder: Path) -> tuple[JobUpload, ...]:
    """Download the wheels of a lock, unless all of them are on S3 already.

    Args:
        session: The opened project, connected.
        lock: The lock; None if the jobs install nothing from S3.
        folder: An empty folder for the wheels.

    Returns:
        The wheels to upload, and last of all the lock.

    Raises:
        ProjectError: If a wheel does not exist, or no package index can be reached.
    """
    if lock is None:
        return ()
    bucket, key = session.config.bucket, make_wheels_folder(session.project, lock)
    with translate_errors(f"list the wheels in s3://{bucket}"):
        if list_keys(session.aws.s3, bucket, f"{key}/{_LOCK}"):
            return ()
    wheels = lock.download(folder)
    last = folder / _LOCK
    last.write_text(lock.text, encoding="utf-8")
    return tuple(
        JobUpload(each, each.stat().st_size, compute_digest(each), f"{key}/{each.name}")
        for each in (*wheels, last)
    )
