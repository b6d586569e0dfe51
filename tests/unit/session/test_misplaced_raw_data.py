"""Files that were copied beside the folder that a table reads."""

from pathlib import Path
from typing import Any

import pytest

from kedro_aws_plugin.config import AwsConfig, Project
from kedro_aws_plugin.session.connection import explain_raw_data

TABLE = {"format": "csv", "columns": {"id": "string"}}
SENTENCE = (
    "\nWarning: the table `raw_reviews` reads data/raw/reviews/, and data/raw/reviews.csv is not in it. "
    "Move it there, and run `kedro aws local reset`."
)


def make_project(path: Path, location: str) -> Project:
    athena: dict[str, Any] = {"database": "d", "tables": {"raw_reviews": {**TABLE, "location": location}}}
    values = {"env": "local", "target": "local", "region": "eu-west-1", "bucket": "flights", "athena": athena}
    return Project(path, "flights", AwsConfig.model_validate(values))


@pytest.mark.parametrize(
    ("files", "location", "said"),
    [
        (("companies.csv", "reviews.csv"), "s3://flights/data/raw/reviews/", SENTENCE),
        (("companies.csv", "reviews.csv", "reviews/old.csv"), "s3://flights/data/raw/reviews/", SENTENCE),
        (("companies.csv", "reviews/reviews.csv"), "s3://flights/data/raw/reviews/", ""),
        (("reviews.csv",), "s3://flights/data/other/reviews/", ""),
        (("reviews.csv",), "s3://other/data/raw/reviews/", ""),
        ((), "s3://flights/data/raw/reviews/", ""),
    ],
)
def test_where_the_tutorials_reviews_go(
    tmp_path: Path, files: tuple[str, ...], location: str, said: str
) -> None:
    for name in files:
        path = tmp_path / "data" / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert explain_raw_data(make_project(tmp_path, location)) == said
