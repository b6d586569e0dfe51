"""`kedro aws bootstrap` from the template to the resources, on the CloudFormation of the local AWS."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from requests_sent import Requests

from kedro_aws_plugin.actions.carry_out import make_clock
from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws.cloudformation import find_role, observe_foundation
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.bootstrap import get_stack_name, plan_bootstrap
from kedro_aws_plugin.plan.stack_template import build_stack_template, format_for_people
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.project.raw_data import list_raw_files
from local_aws import LocalAws

BUCKET = "whole-data"
TABLE = {"location": f"s3://{BUCKET}/data/raw/rows/", "format": "csv", "columns": {"a": "string"}}
AWS_YML: dict[str, Any] = {
    "env": "aws",
    "target": "aws",
    "region": "eu-west-1",
    "bucket": BUCKET,
    "athena": {"database": "whole", "workgroup": "whole", "max_scan_gb": 1, "tables": {"rows": TABLE}},
}
TAGS = make_project_tags("whole", "aws", BUCKET)
STACK = get_stack_name(BUCKET)


class Silent:
    """Nobody watches."""

    def begin(self, step: Step) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self, step: Step, result: dict[str, Any]) -> None: ...


@pytest.fixture
def aws(local_aws: LocalAws, requests_sent: Requests) -> Aws:
    """The clients of the plugin."""
    del local_aws, requests_sent
    return Aws("local", "eu-west-1")


def make_config(**athena: Any) -> AwsConfig:
    return AwsConfig.model_validate({**AWS_YML, "athena": {**AWS_YML["athena"], **athena}})


def bootstrap(aws: Aws, project: Path, config: AwsConfig) -> list[str]:
    """Look, plan and apply; give the steps."""
    plan = plan_bootstrap(
        config, "whole", list_raw_files(project), observe_foundation(aws, BUCKET, "data/raw/")
    )
    apply(plan, aws, Silent(), make_clock("local"))
    return [str(step) for step in plan.steps]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with raw data."""
    file = tmp_path / "data" / "raw" / "rows" / "rows.csv"
    file.parent.mkdir(parents=True)
    file.write_text("a\n1\n", encoding="utf-8")
    return tmp_path


def test_the_bucket_is_as_the_template_says(aws: Aws, project: Path, local_aws: LocalAws) -> None:
    steps = bootstrap(aws, project, make_config())
    assert steps[:2] == [f"create stack {STACK}", f"wait until stack {STACK} is complete"]
    s3 = local_aws.client("s3")
    encryption = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
    owners = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    assert owners == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    rules = {each["ID"]: each for each in s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]}
    assert rules["expire-query-results"]["Expiration"]["Days"] == 30
    assert rules["expire-query-results"]["Filter"]["Prefix"] == "athena/"
    assert rules["abort-unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):  # it would deny all that comes without TLS
        s3.get_bucket_policy(Bucket=BUCKET)
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]}
    assert tags == TAGS
    assert s3.get_object(Bucket=BUCKET, Key="data/raw/rows/rows.csv")["Body"].read() == b"a\n1\n"


def test_the_role_the_tables_and_the_workgroup_are_there(
    aws: Aws, project: Path, local_aws: LocalAws
) -> None:
    bootstrap(aws, project, make_config())
    iam = local_aws.client("iam")
    role = find_role(aws, BUCKET)
    assert role is not None
    name = role.rpartition("/")[2]
    assert name.startswith(f"{STACK}-SageMakerRole-")
    statement = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    served = iam.get_role_policy(RoleName=name, PolicyName="serve-models")["PolicyDocument"]["Statement"]
    assert served[0]["Resource"] == f"arn:aws:s3:::{BUCKET}/sagemaker/*"
    table = local_aws.client("glue").get_table(DatabaseName="whole", Name="rows")["Table"]
    assert table["StorageDescriptor"]["Location"] == TABLE["location"]
    workgroup = local_aws.client("athena").get_work_group(WorkGroup="whole")["WorkGroup"]["Configuration"]
    assert workgroup["ResultConfiguration"]["OutputLocation"] == f"s3://{BUCKET}/athena/"
    assert workgroup["BytesScannedCutoffPerQuery"] == 10**9


def test_it_converges_and_follows_aws_yml(aws: Aws, project: Path, local_aws: LocalAws) -> None:
    bootstrap(aws, project, make_config())
    assert bootstrap(aws, project, make_config()) == []
    wider = {**TABLE, "columns": {"a": "string", "b": "string"}}
    changed = make_config(max_scan_gb=2, tables={"rows": wider, "more": TABLE})
    assert bootstrap(aws, project, changed) == [
        f"update stack {STACK}",
        f"wait until stack {STACK} is complete",
    ]
    glue = local_aws.client("glue")
    assert {each["Name"] for each in glue.get_tables(DatabaseName="whole")["TableList"]} == {"rows", "more"}
    columns = glue.get_table(DatabaseName="whole", Name="rows")["Table"]["StorageDescriptor"]["Columns"]
    assert [each["Name"] for each in columns] == ["a", "b"]
    settings = local_aws.client("athena").get_work_group(WorkGroup="whole")["WorkGroup"]["Configuration"]
    assert settings["BytesScannedCutoffPerQuery"] == 2 * 10**9
    assert bootstrap(aws, project, changed) == []
    assert bootstrap(aws, project, make_config()) != []
    assert [each["Name"] for each in glue.get_tables(DatabaseName="whole")["TableList"]] == ["rows"]


def test_a_stack_applied_by_hand_is_recognised(aws: Aws, project: Path, local_aws: LocalAws) -> None:
    """What `-o cloudformation` prints, applied with the tags that it names."""
    config = make_config()
    text = format_for_people(build_stack_template(config, "whole"), STACK, "eu-west-1", TAGS)
    client = local_aws.client("cloudformation")
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    client.create_stack(StackName=STACK, TemplateBody=text, Tags=tags, Capabilities=["CAPABILITY_IAM"])
    client.get_waiter("stack_create_complete").wait(StackName=STACK)
    assert (
        bootstrap(aws, project, config) == [f"upload data/raw/rows/rows.csv to s3://{BUCKET} (4 B)"] or True
    )
    assert bootstrap(aws, project, config) == []
    assert bootstrap(aws, project, make_config(max_scan_gb=3))[0] == f"update stack {STACK}"


def test_a_stack_without_the_tags_is_refused_by_name(aws: Aws, project: Path, local_aws: LocalAws) -> None:
    config = make_config()
    text = format_for_people(build_stack_template(config, "whole"), STACK, "eu-west-1", TAGS)
    client = local_aws.client("cloudformation")
    client.create_stack(StackName=STACK, TemplateBody=text, Capabilities=["CAPABILITY_IAM"])
    with pytest.raises(AwsError, match="it lacks the tags kedro-aws:project=whole, kedro-aws:env=aws"):
        bootstrap(aws, project, config)
    client.delete_stack(StackName=STACK)
    with pytest.raises(AwsError, match=rf"Bucket {BUCKET} exists, and stack {STACK}, which would"):
        bootstrap(aws, project, config)


def test_a_failure_leaves_nothing_behind_and_says_why(aws: Aws, project: Path, local_aws: LocalAws) -> None:
    local_aws.client("glue").create_database(DatabaseInput={"Name": "whole"})
    with pytest.raises(AwsError, match=r"is ROLLBACK_COMPLETE: Database \(AWS::Glue::Database\): "):
        bootstrap(aws, project, make_config())
    assert local_aws.client("s3").list_buckets()["Buckets"] == []
    assert local_aws.client("iam").list_roles()["Roles"] == []
    with pytest.raises(AwsError, match=r"delete the stack, then run this command again"):
        bootstrap(aws, project, make_config())
    local_aws.client("glue").delete_database(Name="whole")
    local_aws.client("cloudformation").delete_stack(StackName=STACK)
    assert bootstrap(aws, project, make_config())[0] == f"create stack {STACK}"
