"""What an attempt of a step removes: what an earlier attempt of this step has saved, and nothing else."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from kedro.io import DataCatalog, Version
from kedro_datasets.json import JSONDataset

from kedro_aws_plugin.bundle.job_files import JobDescription, JobStep
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.job.place import RunPlace
from kedro_aws_plugin.job.running import RunningStep, Submission
from kedro_aws_plugin.job.step import _make_job

RUN = "2026-11-21T10.00.00.000Z"
JOB = JobDescription(
    "shop", "dev", "my-shop", "kedro-aws", {"train": JobStep(("fit",), ("model",))}, pinned=("model",)
)


class Bucket:
    """Objects that are written once, by If-None-Match."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **asked: Any) -> None:
        if asked["Key"] in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.objects[asked["Key"]] = asked["Body"]

    def get_object(self, **asked: Any) -> dict[str, Any]:
        if asked["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[asked["Key"]])}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def make_catalog(folder: Path) -> DataCatalog:
    dataset = JSONDataset(filepath=str(folder / "model.json"), version=Version(RUN, RUN))
    return DataCatalog({"model": dataset})


def begin(bucket: Bucket) -> Any:
    """Begin an attempt of the step, and give what prepares its catalogs."""
    place = RunPlace(cast(Any, SimpleNamespace(s3=bucket)), "my-shop", "kedro-aws", RUN)
    place.begin("train", "a")
    running = RunningStep(Path(), JOB, place, Submission())
    return _make_job(running, "train", cast(Any, None)).prepare_catalog


def test_what_was_there_before_the_first_attempt_is_not_removed_by_later_ones(
    bucket: Bucket, tmp_path: Path
) -> None:
    make_catalog(tmp_path)["model"].save({"made": "elsewhere"})
    for _attempt in range(3):
        with pytest.raises(ProjectError, match=f"The run id {RUN} is taken: `model`"):
            begin(bucket)(make_catalog(tmp_path))
    assert make_catalog(tmp_path)["model"].load() == {"made": "elsewhere"}


def test_an_attempt_removes_what_an_earlier_one_saved_and_not_its_own(bucket: Bucket, tmp_path: Path) -> None:
    saved = tmp_path / "model.json" / RUN / "model.json"
    for _attempt in range(2):
        prepare = begin(bucket)
        catalog = make_catalog(tmp_path)
        prepare(catalog)
        assert not saved.exists()
        catalog["model"].save({})
        prepare(make_catalog(tmp_path))  # a node that opens the project makes another catalog
        assert saved.exists()
