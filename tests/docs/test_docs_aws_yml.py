"""The keys, datasets and YAML in the documentation against the code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from doc_pages import REFERENCE, blocks, pages
from kedro.io import AbstractDataset
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.config.models import DeploySection, Mark, NamedEndpoint
from kedro_aws_plugin.config.spark import read_spark_settings
from kedro_aws_plugin.datasets.defaults import AthenaDefaults, use


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each key with its default; a section comes before its keys."""
    for name, field in model.model_fields.items():
        if model is AwsConfig and name == "env":  # never read from a file
            continue
        default = ... if field.default is PydanticUndefined else field.default
        name = field.alias or name  # noqa: PLW2901 - the key's name in the file
        yield f"{prefix}{name}", default
        if model is DeploySection and name == "endpoints":  # each takes the keys of `deploy` itself
            assert set(NamedEndpoint.model_fields) < set(DeploySection.model_fields)
            continue
        for option in (field.annotation, *get_args(field.annotation)):
            if isinstance(option, type) and issubclass(option, BaseModel):
                # The user's own keys.
                named = {
                    "tables": "<table>.",
                    "globals": "<name>.",
                    "variants": "<name>.",
                    "steps": "<step>.",
                }.get(name, "")
                yield from _keys(option, f"{prefix}{name}.{named}")


def _rows() -> dict[str, list[str]]:
    text = (REFERENCE / "aws-yml.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip("`"): row for row in rows}


def _default(key: str, default: Any) -> str:
    if key == "target":
        return "by environment"
    if default is ...:
        return "required"
    if isinstance(default, BaseModel):
        return "its defaults"
    if isinstance(default, str):
        return f"`{default}`"
    return f"`{json.dumps(default)}`"


def test_every_key_of_aws_yml_is_documented_with_its_default() -> None:
    documented = {key: row[2] for key, row in _rows().items()}
    assert documented == {key: _default(key, default) for key, default in _keys(AwsConfig)}


def test_every_key_has_a_type_and_a_rule() -> None:
    for key, row in _rows().items():
        assert len(row) == 4, key
        assert all(row), key


@pages
def test_yaml_blocks_are_valid(page: Path) -> None:
    for block in blocks(page):
        if block.language != "yaml":
            continue
        values = yaml.safe_load(block.text)
        assert values is not None, block
        name = block.title.rpartition("/")[2]
        if name == "aws.yml":
            _check_aws_yml(block.title.split("/")[1], values)
        elif name == "spark.yml":
            assert set(read_spark_settings({"spark": values}, "aws")) <= set(values)
        elif name == "catalog.yml":
            _check_catalog(values)
        else:
            assert name in ("globals.yml", "parameters.yml"), block


def _check_aws_yml(env: str, values: dict[str, Any]) -> None:
    base = {"region": "eu-west-1", "bucket": "my-bucket", "target": "aws", "env": env}
    filled = json.loads(json.dumps(values).replace("${globals:bucket}", "my-bucket"))
    AwsConfig.model_validate({**base, **filled})


def _check_catalog(values: dict[str, Any]) -> None:
    """Make each dataset; those of Spark would need a session."""
    filled = yaml.safe_load(re.sub(r"\$\{globals:[^}]*\}", "my-bucket", yaml.safe_dump(values, width=1000)))
    use(AthenaDefaults(database="my_flights", output_location="s3://my-bucket/athena/"))
    try:
        for name, entry in filled.items():
            if not entry["type"].startswith("spark."):
                AbstractDataset.from_config(name, {**entry, "versioned": False})
            if "metadata" in entry:
                Mark.model_validate(entry["metadata"]["sagemaker"])
    finally:
        use(AthenaDefaults())
