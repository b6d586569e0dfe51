"""A successful run registers what it has saved: what AWS is sent, and what the user reads."""

import logging
from pathlib import Path

import answers
import pytest
from answers import ABSENT, package_arn
from kedro.io import DataCatalog
from sklearn.linear_model import LinearRegression
from stubbed import Stubbed

from kedro_aws_plugin.aws import session
from kedro_aws_plugin.config import AwsConfig, Project, Registry
from kedro_aws_plugin.registration.after_run import PendingRegistrations, register_models

RUN = "2026-11-21T22.48.12.552Z"
CONFIG = AwsConfig(env="ci", target="local", region="eu-west-1", bucket="flights-data")
SECOND = RUN.replace("2026", "2027")


@pytest.fixture
def aws(stubbed: Stubbed, monkeypatch: pytest.MonkeyPatch) -> Stubbed:
    """The AWS of the project's configuration, and of no other."""
    made = {("local", "eu-west-1"): stubbed.aws}
    monkeypatch.setattr(session, "Aws", lambda target, region, **_: made[target, region])
    return stubbed


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    """The catalog of a run that has saved one of two models."""
    entries = {
        name: {"type": "pickle.PickleDataset", "filepath": str(tmp_path / f"{name}.pkl"), "versioned": True}
        for name in ("cheap", "dear")
    }
    made = DataCatalog.from_config(entries, save_version=RUN)
    made.save("dear", LinearRegression().fit([[1.0], [2.0]], [10.0, 20.0]))
    return made


def register(project: Path, catalog: DataCatalog, *models: str, run_id: str = RUN) -> None:
    registries = tuple(Registry(group="flights", model=model) for model in models)
    pending = PendingRegistrations(Project(project, "flights", CONFIG), {"seed": 7}, registries, {})
    register_models(pending, catalog, run_id)


def test_what_the_run_saved_is_registered_and_said(
    aws: Stubbed,
    catalog: DataCatalog,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.refuses("DescribeModelPackageGroup", "ValidationException", ABSENT["DescribeModelPackageGroup"])
    aws.answers("CreateModelPackageGroup", {"ModelPackageGroupArn": answers.GROUP_ARN})
    aws.refuses("HeadObject", "404", "Not Found", 404)
    aws.answers("PutObject", {"ETag": "e"})
    aws.answers("CreateModelPackage", {"ModelPackageArn": package_arn(1)})
    aws.answers("DescribeModelPackage", answers.package(1))
    caplog.set_level(logging.INFO, "kedro_aws_plugin")
    register(tmp_path, catalog, "cheap", "dear")
    assert len(caplog.messages) == 3
    assert "model package group flights" in caplog.messages[0]
    out, err = capsys.readouterr()
    assert "Registered" not in out
    assert err.splitlines()[-1] == f"Registered dear {RUN}: {package_arn(1)} (PendingManualApproval)"
    assert "cheap" not in err
    [request] = aws.requests.of("CreateModelPackage")
    assert request["ModelApprovalStatus"] == "PendingManualApproval"
    assert request["CustomerMetadataProperties"]["run_id"] == RUN


@pytest.mark.slow
def test_what_is_registered_already_is_said_and_nothing_is_sent(
    aws: Stubbed, catalog: DataCatalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answers("DescribeModelPackageGroup", answers.group())
    aws.answers("ListModelPackages", {"ModelPackageSummaryList": []})
    aws.refuses("HeadObject", "404", "Not Found", 404)
    aws.answers("PutObject", {"ETag": "e"})
    aws.answers("CreateModelPackage", {"ModelPackageArn": package_arn(1)})
    aws.answers("DescribeModelPackage", answers.package(1))
    register(tmp_path, catalog, "dear")
    [request] = aws.requests.of("CreateModelPackage")
    known = {**answers.package_summary(1), "ModelPackageDescription": request["ModelPackageDescription"]}
    aws.answers("DescribeModelPackageGroup", answers.group())
    aws.answers("ListModelPackages", {"ModelPackageSummaryList": [known]})
    capsys.readouterr()
    register(tmp_path, catalog, "dear")
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"dear {RUN} is registered already: {package_arn(1)} (Approved)"


def test_only_the_version_of_the_run_is_registered(
    aws: Stubbed, catalog: DataCatalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(tmp_path, catalog, "cheap", "dear", run_id=SECOND)
    assert capsys.readouterr() == ("", "")
    assert aws.requests.all == []


@pytest.mark.slow
def test_a_warning_is_said_before_the_registration(
    aws: Stubbed, catalog: DataCatalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"type": "json.JSONDataset", "filepath": str(tmp_path / "metrics.json"), "versioned": True}
    catalog["metrics"] = DataCatalog.from_config({"metrics": metrics}, save_version=RUN)["metrics"]
    aws.answers("DescribeModelPackageGroup", answers.group())
    aws.answers("ListModelPackages", {"ModelPackageSummaryList": []})
    aws.refuses("HeadObject", "404", "Not Found", 404)
    aws.answers("PutObject", {"ETag": "e"})
    aws.answers("CreateModelPackage", {"ModelPackageArn": package_arn(1)})
    aws.answers("DescribeModelPackage", answers.package(1))
    registry = Registry(group="flights", model="dear", metrics="metrics")
    project = Project(tmp_path, "flights", CONFIG)
    register_models(PendingRegistrations(project, {}, (registry,), {}), catalog, RUN)
    *warnings, last = capsys.readouterr().err.splitlines()
    assert f"Warning: Run {RUN} saved no `metrics`: dear is registered without metrics." in warnings
    assert last.startswith(f"Registered dear {RUN}: ")
