"""The IAM policies of a project. tests/integration/test_policy_replay.py replays recorded calls on them."""

import json
from types import SimpleNamespace
from typing import Any, get_args

import hcl2
import pytest
from botocore.loaders import Loader
from hcl_values import read_blocks, read_statements

from kedro_aws_plugin.actions import policy as policies
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.plan.hcl import Block, Expression, format_blocks
from kedro_aws_plugin.plan.policy.callers import AUDIENCES, DATASETS, Audience, DataUse
from kedro_aws_plugin.plan.policy.document import build_policy, explain_size
from kedro_aws_plugin.plan.policy.reach import (
    Data,
    Reach,
    find_partition,
    make_role_pattern,
    merge_folders,
)
from kedro_aws_plugin.plan.policy.terraform import format_policy

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"
AWS_YML: dict[str, Any] = {
    "env": "aws",
    "target": "aws",
    "region": "eu-west-1",
    "bucket": "my-flights-data",
    "registry": {"group": "my-flights-price", "model": "regressor"},
    "deploy": {"endpoint": "my-flights-live"},
}
DATA = Data(
    uses=frozenset(get_args(DataUse)),
    read=frozenset({"s3://my-flights-data/data/", "s3://theirs/data/"}),
    written=frozenset({"s3://my-flights-data/data/"}),
    databases=frozenset({"shop"}),
    tables=frozenset({"shop/prices"}),
    workgroups=frozenset({"small"}),
)


def make_reach(data: Data = DATA, **changes: Any) -> Reach:
    return Reach(AwsConfig.model_validate({**AWS_YML, **changes}), "my_flights", ACCOUNT, ROLE, data)


def statements(policy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["Sid"]: each for each in policy["Statement"]}


@pytest.mark.parametrize("audience", AUDIENCES)
def test_terraform_has_the_same_statements(audience: Audience) -> None:
    policy = build_policy(audience, make_reach())
    as_lists = [
        {
            **each,
            **{
                key: each[key] if isinstance(each[key], list) else [each[key]]
                for key in ("Action", "Resource")
            },
            **(
                {
                    "Condition": {
                        test: {
                            name: value if isinstance(value, list) else [value]
                            for name, value in keys.items()
                        }
                        for test, keys in each["Condition"].items()
                    }
                }
                if "Condition" in each
                else {}
            ),
        }
        for each in policy["Statement"]
    ]
    assert read_statements(format_policy(policy, "mine")) == as_lists


def test_terraform_takes_texts_as_they_are() -> None:
    text = 'a "b" ${c} %{d} \\ \n é'
    made = format_blocks(
        [Block("resource", ("a", "b"), (("text", text), ("code", Expression("x.y.id")), ("map", {"a b": 1})))]
    )
    [block] = read_blocks(made)["resource"]
    assert block == {"a": {"b": {"text": text, "code": "${x.y.id}", "map": {"a b": 1}}}}
    assert "$${c}" in made
    assert (
        hcl2.loads(format_blocks([Block("a", (), (("none", []), ("empty", {})))]) + "\n")["a"][0]["none"]
        == []
    )


def test_another_partition_is_in_every_arn() -> None:
    for audience in AUDIENCES:
        text = json.dumps(build_policy(audience, make_reach(region="cn-north-1")))
        assert "arn:aws:" not in text.replace(ROLE, "")
        assert "arn:aws-cn:" in text


def test_every_region_of_aws_is_in_its_partition() -> None:
    known = {
        region: partition["id"]
        for partition in Loader().load_data("partitions")["partitions"]
        for region in partition["regions"]
        if not region.endswith("-global")
    }
    assert {region: find_partition(region) for region in known} == known


def test_what_a_project_does_not_have_is_not_in_its_policy() -> None:
    bare = statements(build_policy("developer", make_reach(Data(), deploy=None, registry=None)))
    assert set(bare) == {
        "Stack",
        "FindByTagAndReadQuotas",
        "FindObjectsAndLookAtTheBucket",
        "GiveTheRoleToSageMaker",
        "LookAtTheRole",
        "LookForSchedules",
        "ReadLogs",
        "ReadMetrics",
        "ReadObjects",
        "WriteObjects",
    }
    assert bare["ReadLogs"]["Resource"] == [
        f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/sagemaker/TransformJobs:*"
    ]


def test_only_the_projects_own_bucket_must_be_in_the_account() -> None:
    found = statements(build_policy("ci", make_reach()))
    assert found["ReadObjectsElsewhere"]["Resource"] == ["arn:aws:s3:::theirs/data/*"]
    assert "Condition" not in found["ReadObjectsElsewhere"]
    assert found["ReadObjects"]["Condition"] == {"StringEquals": {"aws:ResourceAccount": ACCOUNT}}
    assert "arn:aws:s3:::theirs" in found["FindObjectsAndLookAtTheBucket"]["Resource"]


def test_secrets_and_parameters_by_name_or_arn() -> None:
    other = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:theirs-a1b2c3"
    globals_ = {
        "a": {"secret": {"id": "mine/key"}},
        "b": {"secret": {"id": other}},
        "c": {"ssm": {"name": "/mine/rates"}},
        "d": {"ssm": {"name": f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/theirs"}},
    }
    found = statements(build_policy("ci", make_reach(globals=globals_)))
    here = f"eu-west-1:{ACCOUNT}"
    assert found["ReadSecrets"]["Resource"] == [
        f"arn:aws:secretsmanager:{here}:secret:mine/key-??????",
        other,
    ]
    assert found["ReadParameters"]["Resource"] == [
        f"arn:aws:ssm:{here}:parameter/mine/rates",
        f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/theirs",
    ]


def test_a_model_of_a_transform_is_named_after_a_group_without_an_endpoint() -> None:
    reach = make_reach(transform={"group": "other-price"})
    models = [
        arn
        for arn in statements(build_policy("developer", reach))["CreateWithTheTagsOfTheProject"]["Resource"]
        if ":model/" in arn
    ]
    start = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model"
    assert models == [f"{start}/my-flights-live-????????", f"{start}/other-price-????????"]


def test_folders_within_folders_are_left_out() -> None:
    found = merge_folders({"s3://b/data/", "s3://b/data/raw/", "s3://b/data.csv", "s3://b/data/x"})
    assert found == ["s3://b/data.csv", "s3://b/data/"]


@pytest.mark.parametrize(("bucket", "is_whole"), [("a" * 27, True), ("a" * 28, False)])
def test_a_role_has_64_characters_at_most(bucket: str, is_whole: bool) -> None:
    """kedro-aws-, the bucket, -SageMakerRole-, twelve characters."""
    config = AwsConfig.model_validate({**AWS_YML, "bucket": bucket})
    assert make_role_pattern(config, ACCOUNT) == (
        f"arn:aws:iam::{ACCOUNT}:role/kedro-aws-{bucket}-SageMakerRole-*",
        is_whole,
    )


@pytest.mark.parametrize(
    ("length", "stated", "is_told"), [(30, "", False), (31, "", True), (31, ROLE, False)]
)
def test_a_role_of_step_functions_whose_name_is_shortened_is_told(
    monkeypatch: pytest.MonkeyPatch, length: int, stated: str, is_told: bool
) -> None:
    """kedro-aws-, the bucket, -StatesRole-, twelve characters: 64 at most."""
    own = {"role_arn": stated or None}
    pipelines = {"target": "stepfunctions", "role_arn": ROLE, "stepfunctions": own}
    changes = {"bucket": "a" * length, "role_arn": ROLE, "pipelines": pipelines}
    session: Any = SimpleNamespace(
        config=AwsConfig.model_validate({**AWS_YML, **changes}), project=SimpleNamespace(package="my_flights")
    )
    monkeypatch.setattr(policies, "_find_data", lambda _: DATA)
    made = policies.make_policy(session, "developer", ACCOUNT)
    assert any("the role of Step Functions" in each for each in made.warnings) == is_told
    pattern = f"arn:aws:iam::{ACCOUNT}:role/kedro-aws-{'a' * length}-StatesRole-*"
    passed = statements(made.document)["GiveTheRoleToStepFunctions"]["Resource"]
    assert passed == ([stated or pattern])


def test_a_policy_that_is_too_long_says_where_it_fits() -> None:
    def make(count: int) -> dict[str, Any]:
        return {"Statement": [{"Resource": ["x " * count]}]}

    assert explain_size(make(6000)) is None
    assert "a managed policy takes 6144: put it into a role as an inline policy" in str(
        explain_size(make(7000))
    )
    assert "IAM takes 10240 inline" in str(explain_size(make(11000)))


def test_the_actions_of_the_datasets_are_granted_with_their_entries() -> None:
    for use, actions in DATASETS.items():
        data = Data(
            uses=frozenset({use}),
            **{
                name: getattr(DATA, name) for name in ("read", "written", "databases", "tables", "workgroups")
            },
            replaced=DATA.written,
        )
        granted = {
            action for each in build_policy("ci", make_reach(data))["Statement"] for action in each["Action"]
        }
        assert set(actions) <= granted, use


def test_who_deploys_may_change_instances_and_weights_and_reads_the_groups_of_variants() -> None:
    sid = "ChangeWeightsAndNumbersOfInstances"
    variants = {"champion": {"weight": 9}, "challenger": {"group": "my-flights-next"}}
    endpoints = {"my-flights-live": {"variants": variants}, "my-flights-other": {"mode": "serverless"}}
    found = statements(build_policy("ci", make_reach(deploy={"endpoints": endpoints})))
    assert found[sid]["Action"] == ["sagemaker:UpdateEndpointWeightsAndCapacities"]
    assert found[sid]["Resource"] == [f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint/my-flights-live"]
    package = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/my-flights-next/*"
    assert package in found["ReadAndUpdate"]["Resource"]
    serverless = {"endpoints": {"my-flights-other": {"mode": "serverless"}}}
    assert sid not in statements(build_policy("ci", make_reach(deploy=serverless)))


def test_only_images_in_ecr_are_looked_for() -> None:
    """What a mark of the catalog names is not checked yet when the policy is made."""
    image = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/team/flights@sha256:" + "0" * 64
    elsewhere = {"flights", "flights:1.0", "docker.io/flights:1.0", "a.b.c.d/e", ""}
    found = statements(build_policy("ci", make_reach(Data(images=frozenset({image, *elsewhere})))))
    assert found["LookForImages"]["Resource"] == [
        "arn:aws:ecr:eu-west-1:210987654321:repository/team/flights"
    ]
    assert "LookForImages" not in statements(
        build_policy("ci", make_reach(Data(images=frozenset(elsewhere))))
    )


KEY = "0a1b2c3d-0000-1111-2222-333344445555"
HERE_KMS = f"arn:aws:kms:eu-west-1:{ACCOUNT}:"
WITH_KEYS: dict[str, Any] = {
    "deploy": {"volume_kms_key": "alias/disks", "endpoints": {"a": {}, "b": {"volume_kms_key": KEY}}},
    "transform": {"output_kms_key": f"arn:aws:kms:eu-central-1:210987654321:key/{KEY}"},
    "overrides": {"PutObject": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/objects"}},
}


def test_who_starts_instances_gives_a_service_the_use_of_their_keys() -> None:
    found = statements(build_policy("ci", make_reach(**WITH_KEYS)))
    service = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert {key: found["EncryptVolumes"][key] for key in ("Action", "Resource", "Condition")} == {
        "Action": ["kms:CreateGrant"],
        "Resource": [f"{HERE_KMS}key/{KEY}"],
        "Condition": service,
    }
    by_alias = found["EncryptVolumesByAlias"]
    assert by_alias["Resource"] == [f"{HERE_KMS}key/*"]
    assert by_alias["Condition"] == {
        **service,
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/disks"]},
    }
    jobs = {"transform": {"volume_kms_key": KEY}}
    assert "EncryptVolumes" not in statements(build_policy("ci", make_reach(**jobs)))  # it runs no transform
    assert "EncryptVolumes" in statements(build_policy("developer", make_reach(**jobs)))


def test_who_puts_objects_may_use_their_key_and_who_transforms_reads_the_predictions() -> None:
    ci = statements(build_policy("ci", make_reach(**WITH_KEYS)))
    objects = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/objects"]}}
    for sid, action in (("EncryptObjects", "kms:GenerateDataKey"), ("DecryptObjects", "kms:Decrypt")):
        assert sid not in ci
        assert (ci[f"{sid}ByAlias"]["Action"], ci[f"{sid}ByAlias"]["Condition"]) == ([action], objects)
    developer = statements(build_policy("developer", make_reach(**WITH_KEYS)))
    assert developer["DecryptObjects"]["Resource"] == [WITH_KEYS["transform"]["output_kms_key"]]
    assert not [sid for sid in statements(build_policy("developer", make_reach())) if "crypt" in sid]


def test_the_role_uses_the_keys_of_objects_and_joins_the_network() -> None:
    networks = [
        {"subnets": [f"subnet-0a1b2c3{n}", "subnet-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d"]}
        for n in (4, 5)
    ]
    settings = {
        "deploy": {"endpoints": {"a": {"vpc": networks[0]}}},
        "transform": {**WITH_KEYS["transform"], "vpc": networks[1]},
        "overrides": WITH_KEYS["overrides"],
    }
    found = statements(build_policy("role", make_reach(**settings)))
    assert found["EncryptPredictions"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert found["EncryptPredictions"]["Resource"] == [WITH_KEYS["transform"]["output_kms_key"]]
    assert found["DecryptModelsByAlias"]["Action"] == ["kms:Decrypt"]
    ec2 = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:"
    assert found["JoinTheNetwork"]["Resource"] == [
        f"{ec2}network-interface/*",
        f"{ec2}security-group/sg-0a1b2c3d",
        *(f"{ec2}subnet/subnet-0a1b2c3{n}" for n in "45d"),
    ]
    # "How to use SageMaker AI execution roles" in the developer guide: CreateModel with a VPC.
    assert {action for each in found.values() for action in each["Action"] if action.startswith("ec2:")} == {
        *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
        *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
        *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"),
        *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    }
    bare = statements(build_policy("role", make_reach()))
    assert not {"JoinTheNetwork", "EncryptPredictions", "DecryptModelsByAlias"} & bare.keys()


def test_who_scales_an_endpoint_may_scale_in_sagemaker_alone() -> None:
    found = statements(build_policy("ci", make_reach()))
    assert found["LookAtScaling"]["Action"] == ["application-autoscaling:DescribeScalableTargets"]
    assert not {"Scale", "WakeAsynchronousEndpoints"} & found.keys()
    deploy = {
        "mode": "async",
        "endpoints": {
            "my-flights-queue": {"autoscaling": {"min": 0, "max": 2, "target": 5}},
            "my-flights-live": {"mode": "realtime", "autoscaling": {"max": 2, "target": 100}},
            "my-flights-other": {},
        },
    }
    found = statements(build_policy("ci", make_reach(deploy=deploy)))
    assert found["Scale"]["Resource"] == [
        f"arn:aws:application-autoscaling:eu-west-1:{ACCOUNT}:scalable-target/*"
    ]
    assert found["Scale"]["Condition"] == {
        "StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}
    }
    alarm = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:kedro-aws-my-flights-queue-waits"
    assert found["WakeAsynchronousEndpoints"]["Resource"] == [alarm]
    assert found["ReadAlarms"]["Resource"] == [alarm]
    endpoints = [
        f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint/{name}"
        for name in ("my-flights-queue", "my-flights-live")
    ]
    changed = found["ChangeWeightsAndNumbersOfInstances"]["Resource"]
    other = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint/my-flights-other"
    assert sorted(changed) == sorted([*endpoints, other])
