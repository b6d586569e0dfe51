"""Transforms that are prepared: jobs that are taken up again, and files that change meanwhile."""

import os
from datetime import timedelta
from pathlib import Path
from time import time
from types import SimpleNamespace
from typing import Any

import answers
import pandas as pd
import pytest
from every_step import body
from stubbed import Stubbed

from kedro_aws_plugin.actions.transform import PreparedTransform, TransformOptions, prepare_transform
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.errors import AwsError, ProjectError
from kedro_aws_plugin.plan.steps.transform import CreateTransformJob
from kedro_aws_plugin.registration.candidate import make_work_folder

ROWS = "a,b,id\n1,2,x\n3,4,y\n"


class Catalog:
    """A catalog with any entry, which keeps what is saved."""

    def __init__(self) -> None:
        self.saved: list[pd.DataFrame] = []

    def check_entry(self, *_: str) -> None:
        """It is there."""

    def save_rows(self, _: str, rows: pd.DataFrame) -> None:
        self.saved.append(rows)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    file.write_text(ROWS)
    return file


def prepare(stubbed: Stubbed, tmp_path: Path, job: str | None, **changes: Any) -> Any:
    config = AwsConfig.model_validate(
        {
            **{"env": "aws", "target": "aws", "region": "eu-west-1", "bucket": "flights-data"},
            **{"role_arn": answers.ROLE, "registry": {"group": "flights", "model": "regressor"}},
        }
    )
    session: Any = SimpleNamespace(
        project=SimpleNamespace(path=tmp_path, package="flights"),
        config=config,
        aws=stubbed.aws,
        overrides={},
    )
    catalog: Any = Catalog()
    return prepare_transform(session, TransformOptions(job=job, changes=changes), catalog)


def answer_with_package(stubbed: Stubbed, approval: str) -> None:
    stubbed.answers("DescribeModelPackageGroup", answers.group())
    stubbed.answers("ListModelPackages", {"ModelPackageSummaryList": [answers.package_summary(1, approval)]})
    stubbed.answers("DescribeModelPackage", answers.package(1))


def answer_with_model(stubbed: Stubbed) -> None:
    container = {"ModelPackageName": answers.package_arn(1)}
    model = {"ModelName": "flights-m", "CreationTime": answers.THEN, "ModelArn": f"{answers.ACCOUNT}:model/m"}
    stubbed.answers("DescribeModel", {**model, "PrimaryContainer": container})


def steps(prepared: PreparedTransform) -> list[str]:
    return [type(step).__name__ for step in prepared.look().steps]


REST = ["WaitForTransform", "CollectPredictions"]


def test_a_lost_answer_does_not_start_the_job_again(stubbed: Stubbed, tmp_path: Path, rows: Path) -> None:
    answer_with_package(stubbed, "Approved")
    options = {"input": str(rows), "output": "predictions", "join": False, "group": "flights"}
    with prepare(stubbed, tmp_path, None, instance_count=2, **options) as prepared:
        assert prepared.resume == (
            f"kedro aws transform --job {prepared.job} --input {rows} --output predictions --group flights "
            "--no-join"
        )
        answer_with_model(stubbed)
        plan = prepared.look()
        assert [type(step).__name__ for step in plan.steps][-3:] == ["CreateTransformJob", *REST]
        started = next(step for step in plan.steps if isinstance(step, CreateTransformJob))
        source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": started.input}}}
        job = answers.transform_job(
            "InProgress",
            TransformInput=source,
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 2},
        )
        stubbed.answers("DescribeTransformJob", job)
        assert steps(prepared) == REST

    # Coming back needs neither the approval nor the number of instances, which divided the input.
    stubbed.answers("DescribeTransformJob", job)
    answer_with_model(stubbed)
    answer_with_package(stubbed, "Rejected")
    with prepare(stubbed, tmp_path, "flights-1", **options) as prepared:
        assert steps(prepared) == REST

    stubbed.answers("DescribeTransformJob", job)
    stubbed.refuses("DescribeModel", "ValidationException", answers.ABSENT["DescribeModel"])
    with (
        pytest.raises(AwsError, match=r"^The model of transform job flights-1 does not exist any more\."),
        prepare(stubbed, tmp_path, "flights-1", **options),
    ):
        pass


def test_predictions_are_not_put_beside_rows_that_changed(
    stubbed: Stubbed, tmp_path: Path, rows: Path
) -> None:
    answer_with_package(stubbed, "Approved")
    made = tmp_path / "0.out"
    made.write_text("1.5\n2.5\n")
    with prepare(stubbed, tmp_path, None, input=str(rows), output="predictions", join=True) as prepared:
        results = [{"rows": 2, "files": {"part-00000.csv": str(made)}}]
        frame = prepared.finish(results).frame
        assert frame is not None
        assert frame["prediction"].tolist() == [1.5, 2.5]
        rows.write_text(ROWS.replace("x", "z"))
        with pytest.raises(ProjectError, match=r"rows\.csv was changed after its rows were sent"):
            prepared.finish(results)


def test_objects_that_were_written_after_the_job_started_are_not_joined(
    stubbed: Stubbed, tmp_path: Path
) -> None:
    stubbed.answers("ListObjectsV2", {"Contents": [{"Key": "rows/a.csv"}]})
    stubbed.answers("GetObject", body(b"1,2\n3,4\n"))
    answer_with_package(stubbed, "Approved")
    changes = {"input": "s3://flights-data/rows", "output": "predictions", "join": True}
    with prepare(stubbed, tmp_path, None, **changes) as prepared:
        later = answers.THEN + timedelta(seconds=1)
        stubbed.answers("GetObject", {**body(b"5,6\n7,8\n"), "LastModified": later})
        stubbed.answers("DescribeTransformJob", answers.transform_job())
        made = tmp_path / "0.out"
        made.write_text("1.5\n2.5\n")
        with pytest.raises(ProjectError, match=r"rows/a\.csv was written after the job had started"):
            prepared.finish([{"rows": 2, "files": {"a.csv": str(made)}}])


def test_the_folder_of_a_command_that_waits_for_days_is_kept(tmp_path: Path) -> None:
    with make_work_folder(tmp_path) as waiting:
        os.utime(waiting, times=(time() - 5 * 24 * 3600,) * 2)
        left = waiting.parent / "left"
        left.mkdir()
        os.utime(left, times=(time() - 7 * 24 * 3600,) * 2)
        with make_work_folder(tmp_path):
            assert (waiting.exists(), left.exists()) == (True, False)
