"""A version whose archive was deleted, with its bucket: AWS refuses, and the message names the way out."""

import pytest
from shop import BUCKET, client, keys

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.errors import AwsError
from local_aws import LocalAws

ROLE = "arn:aws:iam::123456789012:role/kedro-aws"


def test_a_version_without_its_archive_is_not_served(aws: LocalAws) -> None:
    sagemaker, uri = client(aws, "sagemaker"), f"s3://{BUCKET}/models/model.tar.gz"
    client(aws, "s3").put_object(Bucket=BUCKET, Key="models/model.tar.gz", Body=b"x")
    sagemaker.create_model_package_group(ModelPackageGroupName="g")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="g",
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [{"Image": "image:1", "ModelDataUrl": uri}]},
    )["ModelPackageArn"]
    for key in keys(aws):
        client(aws, "s3").delete_object(Bucket=BUCKET, Key=key)
    client(aws, "s3").delete_bucket(Bucket=BUCKET)
    with pytest.raises(AwsError) as caught, translate_errors("create model m"):
        sagemaker.create_model(
            ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": package}
        )
    assert caught.value.message == (
        f"Could not create model m: AWS answered ValidationException: Could not find model data at {uri}. "
        "The archive of this version is gone: make a new version with `kedro run` and `kedro aws "
        "register-model`, or choose another one with --package."
    )
