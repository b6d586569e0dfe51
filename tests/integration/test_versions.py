"""Which version of a model is registered: the one that is named, or the newest."""

import json

import pytest
from click.testing import CliRunner

from kedro_aws_plugin.cli import commands
from local_aws import LocalAws

OLD, NEW = "2026-11-21T10.00.00.000Z", "2026-11-22T10.00.00.000Z"

pytestmark = pytest.mark.usefixtures("small_project")


@pytest.mark.parametrize(("options", "version"), [(["--version", OLD], OLD), ([], NEW)])
def test_the_named_version_is_registered_else_the_newest(
    local_aws: LocalAws, options: list[str], version: str
) -> None:
    copy = {"Bucket": "small-data", "Key": f"regressor.pkl/{OLD}/regressor.pkl"}
    local_aws.client("s3").copy_object(
        Bucket="small-data", Key=f"regressor.pkl/{NEW}/regressor.pkl", CopySource=copy
    )
    done = CliRunner().invoke(commands, ["aws", "register-model", *options, "--dry-run", "-o", "json"])
    assert done.exit_code == 0, done.stderr
    request = json.loads(done.stdout)["steps"][-1]["request"]
    assert request["CustomerMetadataProperties"]["model_version"] == version
    assert request["ModelPackageDescription"].startswith(f"regressor {version}, ")
