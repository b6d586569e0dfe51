"""What is asked of an account, and what doctor says of the answers."""

import json
import socket
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from stubbed import REGION, Stubbed

from kedro_aws_plugin.aws.account import (
    BucketReport,
    can_reach,
    is_assumable,
    measure_skew,
    read_quotas,
    report_bucket,
)
from kedro_aws_plugin.aws.s3 import observe_bucket
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.doctor.account import check_bucket, check_quotas, check_skew, examine_account
from kedro_aws_plugin.errors import AwsError

NOW = datetime(2026, 11, 29, 12, 0, 0, tzinfo=timezone.utc)
ROLE = "arn:aws:iam::123456789012:role/team/sagemaker"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def test_a_bucket_and_a_role_of_moto(local_aws: Any) -> None:
    """moto's own answers, over HTTP."""
    s3, iam = local_aws.client("s3"), local_aws.client("iam")
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="seen-by-doctor", CreateBucketConfiguration=where)
    aws = Aws("local", REGION, {"s3": s3, "iam": iam, "sts": local_aws.client("sts")})
    assert report_bucket(aws, "seen-by-doctor") == BucketReport("own", REGION)
    every = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket="seen-by-doctor", PublicAccessBlockConfiguration=every)
    s3.put_bucket_encryption(
        Bucket="seen-by-doctor",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )
    assert report_bucket(aws, "seen-by-doctor") == BucketReport("own", REGION, True, "aws:kms")
    s3.put_public_access_block(
        Bucket="seen-by-doctor",
        PublicAccessBlockConfiguration={**every, "RestrictPublicBuckets": False},
    )
    assert not report_bucket(aws, "seen-by-doctor").is_private
    assert report_bucket(aws, "never-seen-by-doctor") == BucketReport("absent")
    iam.create_role(RoleName="doctors", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert is_assumable(aws, "arn:aws:iam::123456789012:role/doctors") is True
    assert is_assumable(aws, "arn:aws:iam::123456789012:role/nobodys") is None
    assert abs(measure_skew(aws, datetime.now(timezone.utc))) < 5


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1"])
def test_whether_the_proxy_on_the_way_to_aws_takes_a_connection(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the region's domain is."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(10)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert can_reach(region)
        proxy.accept()[0].close()
    assert not can_reach(region)


@pytest.mark.parametrize(
    "change",
    [{"Effect": "Deny"}, {"Principal": {"Service": "ec2.amazonaws.com"}}, {"Action": "sts:TagSession"}],
)
def test_a_role_that_sagemaker_may_not_assume(local_aws: Any, change: dict[str, Any]) -> None:
    iam = local_aws.client("iam")
    policy = {**TRUST, "Statement": [{**TRUST["Statement"][0], **change}]}  # type: ignore[dict-item]
    iam.create_role(RoleName="others", AssumeRolePolicyDocument=json.dumps(policy))
    try:
        assert is_assumable(Aws("local", REGION, {"iam": iam}), "arn:aws:iam::1:role/others") is False
    finally:
        iam.delete_role(RoleName="others")


def test_quotas_are_read_by_their_names(stubbed: Stubbed) -> None:
    first = [{"QuotaName": "ml.m5.large for endpoint usage", "Value": 4.0}]
    second = [{"QuotaName": "ml.m5.xlarge for endpoint usage", "Value": 0.0}]
    stubbed.answers("ListServiceQuotas", {"Quotas": first, "NextToken": "more"}, {"ServiceCode": "sagemaker"})
    stubbed.answers("ListServiceQuotas", {"Quotas": second})
    assert read_quotas(stubbed.aws, ["ml.m5.large", "ml.m5.xlarge", "ml.p4d.24xlarge"]) == {
        "ml.m5.large": 4.0,
        "ml.m5.xlarge": 0.0,
    }


def test_what_is_said_of_quotas() -> None:
    found = list(check_quotas({"a": 2, "b": 2, "c": 1}, {"a": 1.0, "b": 2.0}))
    assert [each.state for each in found] == ["problem", "ok", "unknown"]
    assert found[0].message == "aws.yml needs 2 x a, and endpoints of this account may have 1."


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "ok"), (-59, "ok"), (90, "warning"), (301, "problem"), (-4000, "problem")]
)
def test_what_is_said_of_the_clock(seconds: float, state: str) -> None:
    assert check_skew(seconds).state == state
    if state != "ok":
        assert ("ahead of" if seconds > 0 else "behind") in check_skew(seconds).message


def test_the_skew_is_measured_against_the_date_of_the_answer(stubbed: Stubbed) -> None:
    meta = {"HTTPHeaders": {"date": "Sun, 29 Nov 2026 12:00:00 GMT"}, "HTTPStatusCode": 200}
    stubbed.answers("GetCallerIdentity", {"Account": "1", "ResponseMetadata": meta})
    assert measure_skew(stubbed.aws, NOW + timedelta(seconds=120)) == 120


@pytest.mark.parametrize(
    ("report", "states"),
    [
        (BucketReport("own", REGION, True, "AES256"), ["ok"]),
        (BucketReport("own", "us-east-1", True, "AES256"), ["problem"]),
        (BucketReport("own", REGION, False, None), ["warning", "warning"]),
        (BucketReport("absent"), ["problem"]),
        (BucketReport("foreign"), ["problem"]),
    ],
)
def test_what_is_said_of_a_bucket(report: BucketReport, states: list[str]) -> None:
    config = AwsConfig(env="prod", target="aws", region=REGION, bucket="mine")
    found = list(check_bucket(config, report))
    assert [each.state for each in found] == states
    if report.state == "foreign":
        assert found[0].fix == "Choose another name for `bucket` in conf/prod/globals.yml."


def test_what_may_not_be_looked_at_is_unknown(stubbed: Stubbed) -> None:
    """The other checks go on."""
    config = AwsConfig.model_validate(
        {
            "env": "prod",
            "target": "aws",
            "region": REGION,
            "bucket": "my-data",
            "role_arn": ROLE,
            "deploy": {"endpoints": {"a": {"instance_count": 2}, "b": {}, "c": {"mode": "serverless"}}},
        }
    )
    date = {"HTTPHeaders": {"date": "Sun, 29 Nov 2026 12:00:00 GMT"}}
    stubbed.answers("GetCallerIdentity", {"Account": "1", "ResponseMetadata": date})
    stubbed.refuses("HeadBucket", "404", status=404)
    stubbed.refuses("GetRole", "AccessDenied", "not authorized", 403)
    quota = {"QuotaName": "ml.m5.large for endpoint usage", "Value": 2.0}
    stubbed.answers("ListServiceQuotas", {"Quotas": [quota]})
    found = list(examine_account(stubbed.aws, config, lambda: NOW))
    assert [(each.check, each.state) for each in found] == [
        ("clock", "ok"),
        ("bucket", "problem"),
        ("role", "unknown"),
        ("quotas", "problem"),
    ]
    assert found[2].message == "Could not look at role sagemaker: AWS does not allow it (not authorized)."
    assert found[2].fix == "Ask for the permission to call GetRole."


def test_a_bucket_that_a_wrong_clock_hides(stubbed: Stubbed) -> None:
    """The answer to HEAD says 403 and not why: it is not taken for another account's bucket."""
    stubbed.refuses("HeadBucket", "403", status=403)
    stubbed.refuses("ListObjectsV2", "RequestTimeTooSkewed", "The difference is too large", 403)
    with pytest.raises(AwsError, match="this machine's clock is wrong"):
        report_bucket(stubbed.aws, "flights")


@pytest.mark.parametrize(
    ("code", "state"),
    [("AccessDenied", "foreign"), ("AllAccessDisabled", "foreign"), ("NoSuchBucket", "absent")],
)
def test_what_s3_says_of_a_bucket_when_it_is_asked_why(stubbed: Stubbed, code: str, state: str) -> None:
    stubbed.refuses("HeadBucket", "403", status=403)
    stubbed.refuses("ListObjectsV2", code, "It is so.", 403)
    assert observe_bucket(stubbed.aws.s3, "flights") == state
