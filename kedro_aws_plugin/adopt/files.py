"""The files that an adopted project gets."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from kedro_aws_plugin.adopt.discovery import Model

_CI = ".github/workflows/aws.yml"


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


def list_configuration(answers: Answers) -> Iterator[tuple[str, str]]:
    """List the configuration files: aws.yml, the environment for the real AWS, the bucket's name."""
    yield "conf/base/aws.yml", _write_aws_yml(answers)
    yield "conf/base/globals.yml", yaml.safe_dump({"bucket": answers.bucket})
    yield "conf/aws/aws.yml", "target: aws\n"
    yield (
        "conf/aws/globals.yml",
        "# The name must be free among all AWS accounts: change it before `kedro aws bootstrap --env aws`.\n"
        + yaml.safe_dump({"bucket": answers.bucket}),
    )


def list_ci(answers: Answers, installed: str) -> Iterator[tuple[str, str]]:
    """List the workflow for GitHub.

    Args:
        answers: What is known of the project.
        installed: What pip installs for the project.
    """
    text = files("kedro_aws_plugin.adopt").joinpath("github.yml").read_text(encoding="utf-8")
    install = f"python -m pip install {installed}"
    yield _CI, text.replace("REGION", answers.region).replace("INSTALL", install)


def _write_aws_yml(answers: Answers) -> str:
    values: dict[str, Any] = {"region": answers.region, "bucket": "${globals:bucket}"}
    if model := answers.model:
        group = f"{answers.name[:47]}-model".replace("--", "-")
        registry = {"group": group, "model": model.entry, "metrics": model.metrics, "sample": model.sample}
        values["registry"] = {key: value for key, value in registry.items() if value}
        values["deploy"] = {"endpoint": group, "mode": "realtime", "instance_type": "ml.m5.large"}
    return yaml.safe_dump(values, sort_keys=False)
