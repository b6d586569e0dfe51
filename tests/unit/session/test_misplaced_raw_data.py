"""Raw data that is not where it is read: beside the folder of a table, or not uploaded."""

from pathlib import Path
from typing import Any

import pytest

from kedro_aws_plugin.config import AwsConfig, Project
from kedro_aws_plugin.session.connection import explain_raw_data
from local_aws import Seeded

TABLE = {"format": "csv", "columns": {"id": "string"}}
SENTENCE = (
    "\nWarning: the table `raw_reviews` reads data/raw/reviews/, and data/raw/reviews.csv is not in it. "
    "Move it there; the next run uploads it."
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
    project = make_project(tmp_path, location)
    assert explain_raw_data(project, Seeded("flights", created=True, uploaded=1)) == said
    assert explain_raw_data(project, Seeded("flights", created=False, uploaded=1)) == said
    assert explain_raw_data(project, Seeded("flights", created=False, uploaded=0)) == "", "said once"


def test_what_is_not_uploaded_is_named_with_what_to_do(tmp_path: Path) -> None:
    project = make_project(tmp_path, "s3://flights/data/raw/reviews/")
    one = Seeded("flights", False, 0, {"data/raw/a.csv": "the object was changed on S3"})
    assert explain_raw_data(project, one) == (
        "\nWarning: data/raw/a.csv is not uploaded: the object was changed on S3. To use the file, copy it "
        "in a shell that has `kedro aws local env`: aws s3 cp data/raw/a.csv s3://flights/data/raw/a.csv"
    )
    many = Seeded("flights", False, 0, {f"data/raw/{number}": "x" for number in range(5)})
    lines = explain_raw_data(project, many).splitlines()[1:]
    assert [line.split()[1] for line in lines] == ["data/raw/0", "data/raw/1", "data/raw/2", "likewise"]
    assert lines[-1] == "Warning: likewise 2 others of data/raw"
