"""Stacks, after a kill and a stop."""

import json

import pytest
from botocore.exceptions import ClientError
from lasting import Lasting

pytestmark = pytest.mark.slow
TEMPLATE = {
    "Resources": {"Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "kept-data"}}},
    "Outputs": {"Bucket": {"Value": {"Ref": "Data"}}},
}


def test_a_stack_is_kept_until_it_is_deleted(lasting: Lasting) -> None:
    lasting.client("cloudformation").create_stack(
        StackName="kept", TemplateBody=json.dumps(TEMPLATE), Tags=[{"Key": "a", "Value": "b"}]
    )
    before = lasting.client("cloudformation").describe_stacks(StackName="kept")["Stacks"]
    lasting.kill()
    assert lasting.client("cloudformation").describe_stacks(StackName="kept")["Stacks"] == before
    lasting.stop()
    stacks = lasting.client("cloudformation")
    assert json.loads(json.dumps(stacks.get_template(StackName="kept")["TemplateBody"])) == TEMPLATE
    stacks.delete_stack(StackName="kept")
    assert lasting.client("s3").list_buckets()["Buckets"] == []
    lasting.kill()
    with pytest.raises(ClientError, match="does not exist"):
        lasting.client("cloudformation").describe_stacks(StackName="kept")
