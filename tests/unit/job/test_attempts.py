"""What an attempt of a step removes: what an earlier attempt of this step has saved, and nothing else."""

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from kedro.io import DataCatalog, Version
from kedro_datasets.json import JSONDataset

from kedro_aws_plugin.bundle.job_files import JobDescription, JobStep
from kedro_aws_plugin.errors import AwsError, ProjectError
from kedro_aws_plugin.job.place import RunPlace
from kedro_aws_plugin.job.running import RunningStep, Submission
from kedro_aws_plugin.job.step import _make_job

CALLS = 6
"""Calls of S3 that an attempt makes, apart from its datasets'."""

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


class Unsteady(Bucket):
    """One that answers 503 to one of its calls, counted from 0, before or after it has carried it out.

    Args:
        number: The call; None for no call.
        is_done: Whether it has carried it out.
    """

    def __init__(self, number: int | None, *, is_done: bool) -> None:
        super().__init__()
        self.number = number
        self.calls = 0
        self._is_done = is_done

    def put_object(self, **asked: Any) -> None:
        self._answer(lambda: Bucket.put_object(self, **asked))

    def get_object(self, **asked: Any) -> dict[str, Any]:
        return cast(dict[str, Any], self._answer(lambda: Bucket.get_object(self, **asked)))

    def _answer(self, send: Callable[[], Any]) -> Any:
        self.calls += 1
        fails = self.calls - 1 == self.number
        if fails and self._is_done:
            with suppress(ClientError):
                send()
        if fails:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "Slow down"}}, "PutObject")
        return send()


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


def attempt(bucket: Bucket, folder: Path, stamp: str) -> str:
    """Run the step: it takes a value that all steps share, and saves its output."""
    prepare = begin(bucket)
    place = RunPlace(cast(Any, SimpleNamespace(s3=bucket)), "my-shop", "kedro-aws", RUN)
    shared = str(place.share("stamp", lambda: stamp))
    catalog = make_catalog(folder)
    prepare(catalog)
    catalog["model"].save({"stamp": shared})
    return shared


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(CALLS))
def test_s3_is_down_at_any_call_of_a_step_and_the_next_attempt_succeeds(
    tmp_path: Path, number: int, is_done: bool
) -> None:
    bucket = Unsteady(number, is_done=is_done)
    with pytest.raises(AwsError, match="AWS asks to slow down"):
        attempt(bucket, tmp_path, "first")
    bucket.number = None
    known = attempt(bucket, tmp_path, "second")
    assert make_catalog(tmp_path)["model"].load() == {"stamp": known}
    assert attempt(bucket, tmp_path, "third") == known, "the steps of a run have other values"


def test_an_attempt_makes_as_many_calls_as_have_failed_above(tmp_path: Path) -> None:
    bucket = Unsteady(None, is_done=False)
    attempt(bucket, tmp_path, "first")
    assert bucket.calls == CALLS
