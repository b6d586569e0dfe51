"""Write a workflow as a job of EMR Serverless: the requests that make its application and start it."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro_aws_plugin.config.pipelines import EmrServerless
from kedro_aws_plugin.config.step_resources import Resources
from kedro_aws_plugin.plan.tags import Tags
from kedro_aws_plugin.plan.workflow import Finding, Workflow

ENTRY = "spark_entry.py"
"""The script that the driver runs, among the files of the job."""

RUN_NAME = re.compile(
    r"Kedro (run (?P<run_id>\S+)|scheduled run (?P<due>\S+)) of (?P<pipeline>\S+) \((?P<owner>[^()]+)\)"
)
"""How a job run is called: ListJobRuns shows its name, and not its tags. That of a scheduled one has the time
for which it is due."""

MAX_PARAMETERS = 102_400
"""Characters of sparkSubmitParameters; botocore's model of EMR Serverless."""

MAX_RUN_NAME = 256
"""Characters of a job run's name; botocore's model of EMR Serverless."""

MAX_NAME = 128
"""Characters of a pipeline's name that is made, which leaves room for its run and its owner in that name."""

_MAX_APPLICATION = 64
_PYTHON = "./environment/bin/python"
_IDLE_MINUTES = 15
_DECIDED = ("spark.master", "spark.submit.deployMode")
_BROUGHT = re.compile(r"(org\.apache\.hadoop|software\.amazon\.awssdk):")
"""Packages that a release of EMR brings, in the versions that fit its Spark."""


@dataclass(frozen=True)
class SparkPlace:
    """Where a job of Spark runs, and from what.

    Attributes:
        name: The name of the application that is made for it.
        files: The folder on S3 with the files of the job.
        packages: The zips among them that Python needs on the executors too.
        logs: The folder on S3 for logs.
        region: The region.
        role_arn: The role of the job.
        tags: The tags of the application and the job run.
        spark: The properties of spark.yml.
        archive: The URI of the Python; None where the machine has one.
        resources: The limit and the variables.
        settings: `pipelines.emr_serverless:` of aws.yml.
    """

    name: str
    files: str
    packages: tuple[str, ...]
    logs: str
    region: str
    role_arn: str
    tags: Tags
    resources: Resources
    settings: EmrServerless
    spark: Mapping[str, str] = field(default_factory=dict)
    archive: str | None = None


def build_spark_job(workflow: Workflow, place: SparkPlace) -> dict[str, Any]:
    """Build what EMR Serverless is sent, but for what only a run has: its id, and where its request is.

    Source: botocore's model of EMR Serverless, and its user guide ("Using Python libraries").
    """
    arguments = ["--files", place.files, "--region", place.region]
    for group in workflow.groups:
        arguments += ["--step", group.name]
    return {
        "application": _build_application(place),
        "jobRun": {
            "executionRoleArn": place.role_arn,
            "jobDriver": {
                "sparkSubmit": {
                    "entryPoint": f"{place.files}/{ENTRY}",
                    "entryPointArguments": arguments,
                    "sparkSubmitParameters": shlex.join(_list_parameters(place)),
                }
            },
            "configurationOverrides": {
                "monitoringConfiguration": {
                    "s3MonitoringConfiguration": {"logUri": f"{place.logs}/"},
                    "cloudWatchLoggingConfiguration": {"enabled": True},
                }
            },
            "executionTimeoutMinutes": place.resources.timeout_minutes,
            "tags": dict(place.tags),
        },
    }


def make_application_name(package: str, env: str) -> str:
    """Make the name of the application that `submit` makes."""
    return re.sub(r"[^A-Za-z0-9._/#-]+", "-", f"{package}-{env}")[:_MAX_APPLICATION]


def check_spark_job(job: Mapping[str, Any], spark: Mapping[str, str], target: str) -> Iterator[Finding]:
    """Check what EMR Serverless would refuse, and say what of spark.yml it is not sent."""
    length = len(job["jobRun"]["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"])
    if length > MAX_PARAMETERS:
        message = (
            f"spark.yml makes {length} characters of parameters, and EMR Serverless takes {MAX_PARAMETERS}. "
            "Shorten it."
        )
        yield Finding("aws_limit", "error", message)
    for key in (key for key in _DECIDED if key in spark):
        message = f"EMR Serverless decides `{key}`. Remove it from spark.yml of this environment."
        yield Finding("spark_setting", "error", message)
    left_out = [each for each in spark.get("spark.jars.packages", "").split(",") if _BROUGHT.match(each)]
    if target == "aws" and left_out:
        message = (
            f"{len(left_out)} of `spark.jars.packages` are not fetched: the release brings what s3a:// needs."
        )
        yield Finding("spark_setting", "info", message)


def drop_brought_packages(spark: Mapping[str, str]) -> dict[str, str]:
    """Leave out the packages that a release of EMR brings, and the excludes if none is left."""
    packages = [each for each in spark.get("spark.jars.packages", "").split(",") if each]
    kept = [each for each in packages if not _BROUGHT.match(each)]
    rest = {key: value for key, value in spark.items() if key != "spark.jars.packages"}
    if kept:
        return {**rest, "spark.jars.packages": ",".join(kept)}
    return {key: value for key, value in rest.items() if key != "spark.jars.excludes"}


def _build_application(place: SparkPlace) -> dict[str, Any]:
    settings = place.settings
    network = {
        name: list(value)
        for name, value in (
            ("subnetIds", settings.subnets),
            ("securityGroupIds", settings.security_groups),
        )
        if value
    }
    return {
        "name": place.name,
        "releaseLabel": settings.release,
        "type": "SPARK",
        "autoStartConfiguration": {"enabled": True},
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": _IDLE_MINUTES},
        **({"networkConfiguration": network} if network else {}),
        "tags": dict(place.tags),
    }


def _list_parameters(place: SparkPlace) -> Iterator[str]:
    properties = {key: value for key, value in sorted(place.spark.items()) if key not in _DECIDED}
    packages = [f"{place.files}/{name}" for name in place.packages]
    own = [each for each in properties.pop("spark.submit.pyFiles", "").split(",") if each]
    yield from ("--py-files", ",".join([*packages, *own]))
    if place.archive is not None:
        archives = [each for each in properties.pop("spark.archives", "").split(",") if each]
        yield from ("--archives", ",".join([f"{place.archive}#environment", *archives]))
        properties |= {
            "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": _PYTHON,
            "spark.emr-serverless.driverEnv.PYSPARK_PYTHON": _PYTHON,
            "spark.executorEnv.PYSPARK_PYTHON": _PYTHON,
        }
    for name, value in place.resources.environment.items():
        properties[f"spark.emr-serverless.driverEnv.{name}"] = value
        properties[f"spark.executorEnv.{name}"] = value
    for key, value in properties.items():
        yield from ("--conf", f"{key}={value}")
