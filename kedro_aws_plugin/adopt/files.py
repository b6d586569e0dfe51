"""The files that an adopted project gets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from kedro_aws_plugin.adopt.discovery import Model

AWS = "conf/base/aws.yml"
SPARK = "conf/base/spark.yml"
DOCKER_REQUIREMENTS = "requirements-docker.txt"
_CI = ".github/workflows/aws.yml"
DOCKER = ("Dockerfile", "compose.yaml", ".dockerignore", ".devcontainer/devcontainer.json")
_LAB = ("ipykernel>=6", "jupyterlab>=4.2", "kedro-viz>=11")


@dataclass(frozen=True)
class Answers:
    """What is known of the project.

    Attributes:
        name: Its name, in lower case with hyphens.
        bucket: The bucket.
        region: The region.
        model: The model that is registered; None for none.
    """

    name: str
    bucket: str
    region: str
    model: Model | None


@dataclass(frozen=True)
class Packages:
    """What a project's own files say of the packages that it needs.

    Attributes:
        source: The file that names them; None if none does.
        dev: Whether pyproject.toml has an extra `dev`.
        group: Whether it has a dependency group `dev`, and no such extra.
        tested: Whether pytest is among them, and there are tests.
        named: Whether kedro-aws-plugin is among them.
    """

    source: str | None
    dev: bool
    tested: bool
    named: bool
    group: bool = False


def list_configuration(answers: Answers, *, spark: bool) -> Iterator[tuple[str, str]]:
    """List the configuration files: the bucket's name, the environment for the real AWS, aws.yml.

    Args:
        answers: What is known of the project.
        spark: Whether Spark reads or writes S3.
    """
    yield "conf/base/globals.yml", yaml.safe_dump({"bucket": answers.bucket})
    yield "conf/aws/aws.yml", "target: aws\n"
    yield (
        "conf/aws/globals.yml",
        "# The name must be free among all AWS accounts: change it before `kedro aws bootstrap --env aws`.\n"
        + yaml.safe_dump({"bucket": answers.bucket}),
    )
    yield AWS, _write_aws_yml(answers, spark=spark)


def list_spark(settings: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """List spark.yml, with what Spark needs for S3.

    Args:
        settings: The properties of Spark.
    """
    head = "# Spark downloads these jars of Hadoop and the AWS SDK once.\n"
    yield SPARK, head + yaml.safe_dump(dict(settings), sort_keys=False)


def list_ci(answers: Answers, packages: Packages) -> Iterator[tuple[str, str]]:
    """List the workflow for GitHub, which installs what the project itself names."""
    text = files("kedro_aws_plugin.adopt").joinpath("github.yml").read_text(encoding="utf-8")
    installed = '".[dev]"' if packages.dev else "."
    if packages.source == "requirements.txt" and not packages.dev:
        installed = "-r requirements.txt"
    if packages.group:
        installed += " --group dev"
    text = text.replace("REGION", answers.region).replace("INSTALL", f"python -m pip install {installed}")
    yield _CI, text.replace("      - run: TESTS\n", "      - run: pytest\n" if packages.tested else "")


def list_docker(answers: Answers, packages: Packages, *, spark: bool) -> Iterator[tuple[str, str]]:
    """List the files for Docker Compose: those of the starters, with the packages in a file of their own.

    Args:
        answers: What is known of the project.
        packages: What the project says of its packages.
        spark: Whether Spark reads or writes an entry, for which the image needs Java.
    """
    starter = files("kedro_aws_plugin.starters") / ("aws-pyspark-iris" if spark else "aws-spaceflights")
    extras = "athena,local,s3,spark" if spark else "athena,local,s3"
    lines = [f"kedro-aws-plugin[{extras}]", *_LAB]
    if packages.source is not None and not packages.source.endswith(".toml"):
        lines.insert(0, f"-r {packages.source}")
    yield (
        DOCKER_REQUIREMENTS,
        "# What the image of compose.yaml has\n" + "".join(f"{each}\n" for each in lines),
    )
    own = [packages.source] if packages.source else []
    sources = " ".join([*own, DOCKER_REQUIREMENTS])
    wanted = f"-r {DOCKER_REQUIREMENTS}"
    if packages.source == "pyproject.toml":
        wanted = f"-r pyproject.toml {wanted}"
    replaced = {
        "{{ cookiecutter.repo_name | lower }}": answers.name,
        "{{ cookiecutter.project_name }}": answers.name,
        "-r pyproject.toml --extra dev --extra lab": wanted,
        "# Only pyproject.toml must be there. image/": "# image/",
        "COPY pyproject.toml ": f"COPY {sources} ",
        "!pyproject.toml\n": "".join(f"!{each}\n" for each in (*own, DOCKER_REQUIREMENTS)),
    }
    for name in DOCKER:
        text = (starter / "{{ cookiecutter.repo_name }}").joinpath(name).read_text(encoding="utf-8")
        for old, new in replaced.items():
            text = text.replace(old, new)
        yield name, text


def _write_aws_yml(answers: Answers, *, spark: bool) -> str:
    values: dict[str, Any] = {"region": answers.region, "bucket": "${globals:bucket}"}
    if spark:
        values["spark"] = {"enabled": True}
    if model := answers.model:
        group = f"{answers.name[:47]}-model".replace("--", "-")
        registry = {"group": group, "model": model.entry, "metrics": model.metrics, "sample": model.sample}
        values["registry"] = {key: value for key, value in registry.items() if value}
        values["deploy"] = {"endpoint": group, "mode": "realtime", "instance_type": "ml.m5.large"}
    return yaml.safe_dump(values, sort_keys=False)
