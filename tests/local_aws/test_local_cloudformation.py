"""The local CloudFormation: templates in each form, what it refuses by name, and what it undoes."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_cloud import Cloud

SHORT = """
Resources:
  Data:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {BucketName: !Sub "mine-${AWS::AccountId}"}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
      Policies:
        - PolicyName: read
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: !Sub "${Data.Arn}/*"}]
  Database:
    Type: AWS::Glue::Database
    DependsOn: Data
    Properties: {CatalogId: !Ref "AWS::AccountId", DatabaseInput: {Name: mine}}
Outputs:
  Role: {Value: !GetAtt Role.Arn, Description: the role}
  Bucket: {Value: !Ref Data}
"""
DATABASE = {
    "Type": "AWS::Glue::Database",
    "Properties": {"CatalogId": "1", "DatabaseInput": {"Name": "mine"}},
}


@pytest.fixture
def stacks(cloud: Cloud) -> Any:
    """The client of CloudFormation."""
    return cloud.aws.client("cloudformation")


def create(stacks: Any, template: str | dict[str, Any], name: str = "mine", **others: Any) -> None:
    text = template if isinstance(template, str) else json.dumps(template)
    stacks.create_stack(StackName=name, TemplateBody=text, Capabilities=["CAPABILITY_IAM"], **others)


def describe(stacks: Any, name: str = "mine") -> dict[str, Any]:
    [stack] = stacks.describe_stacks(StackName=name)["Stacks"]
    return dict(stack)


def test_the_short_forms_of_functions(stacks: Any, cloud: Cloud) -> None:
    create(stacks, SHORT)
    stack = describe(stacks)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs["Bucket"] == "mine-123456789012"
    assert outputs["Role"].startswith("arn:aws:iam::123456789012:role/mine-Role-")
    policy = cloud.aws.client("iam").get_role_policy(
        RoleName=outputs["Role"].rpartition("/")[2], PolicyName="read"
    )["PolicyDocument"]
    assert policy["Statement"][0]["Resource"] == "arn:aws:s3:::mine-123456789012/*"
    assert stacks.get_template(StackName=stack["StackId"])["TemplateBody"] == SHORT
    events = stacks.describe_stack_events(StackName="mine")["StackEvents"]
    assert [event["LogicalResourceId"] for event in events] == ["mine", "Database", "Role", "Data", "mine"]
    assert (events[0]["ResourceStatus"], events[-1]["ResourceStatus"]) == (
        "CREATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    )


def test_an_update_changes_what_has_changed_and_nothing_else(stacks: Any, cloud: Cloud) -> None:
    trust = "{Effect: Allow, Principal: {Service: sagemaker.amazonaws.com}, Action: 'sts:AssumeRole'}"
    template = SHORT.replace("Statement: []", f"Statement: [{trust}]")
    create(stacks, template)
    [role] = [each for each in describe(stacks)["Outputs"] if each["OutputKey"] == "Role"]
    stacks.update_stack(
        StackName="mine",
        TemplateBody=template.replace("s3:GetObject", "s3:PutObject"),
        Capabilities=["CAPABILITY_IAM"],
    )
    assert describe(stacks)["StackStatus"] == "UPDATE_COMPLETE"
    policy = cloud.aws.client("iam").get_role_policy(
        RoleName=role["OutputValue"].rpartition("/")[2], PolicyName="read"
    )["PolicyDocument"]
    assert policy["Statement"][0]["Action"] == "s3:PutObject"
    events = stacks.describe_stack_events(StackName="mine")["StackEvents"]
    updated = [each["LogicalResourceId"] for each in events if each["ResourceStatus"] == "UPDATE_COMPLETE"]
    assert updated == ["mine", "Role"]


def test_a_deleted_stack_leaves_what_is_retained(stacks: Any, cloud: Cloud) -> None:
    create(stacks, SHORT)
    stacks.delete_stack(StackName="mine")
    stacks.get_waiter("stack_delete_complete").wait(StackName="mine")
    with pytest.raises(ClientError, match="Stack with id mine does not exist"):
        describe(stacks)
    assert "mine-123456789012" in [each["Name"] for each in cloud.s3.list_buckets()["Buckets"]]
    assert cloud.aws.client("iam").list_roles()["Roles"] == []
    stacks.delete_stack(StackName="mine")  # as on AWS, that is fine


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{", "Template format error"),
        ("Resources: {}", "At least one Resources member must be defined"),
        ({"Resources": {"A": {}}}, "Every Resources object must contain a Type member"),
        ({"Resources": {"A": {"Type": "AWS::EC2::Instance"}}}, "resources of the type AWS::EC2::Instance"),
        ({"Parameters": {}, "Resources": {"A": DATABASE}}, "does not support Parameters of templates"),
        (
            {"Resources": {"A": {**DATABASE, "Condition": "x"}}},
            "does not support Condition of the resource A",
        ),
        (
            {"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"ObjectLockEnabled": True}}}},
            r"does not support ObjectLockEnabled of AWS::S3::Bucket \(A\)",
        ),
        (
            {"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Join": []}}}}},
            "does not support the function Fn::Join",
        ),
        (
            {"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "B"}}}}},
            r"Unresolved resource dependencies \[B\]",
        ),
        (
            {"Resources": {"A": {**DATABASE, "DependsOn": "B"}, "B": {**DATABASE, "DependsOn": ["A"]}}},
            r"Circular dependency between resources: \[A, B\]",
        ),
        ("a: &a [1]\nResources: {A: *a}", "YAML aliases are not allowed"),
        ("[" * 5000, "Template format error"),
        ("{1: a, b: c, Resources: {A: {Type: x}}}", "does not support 1 of templates"),
        ("Resources: {A: {Type: [x]}}", r"resources of the type \['x'\]"),
        ("Resources: {A: {Type: 'AWS::S3::Bucket', Properties: x}}", "Properties must be a map"),
        ({"Resources": {"A": DATABASE}, "Outputs": "x"}, "Outputs must be a map"),
        ({"Resources": {"A": DATABASE}, "Outputs": {"x": {}}}, "must contain a Value object"),
        *(
            (
                {"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": form}}}},
                f"does not support this form of {next(iter(form))}",
            )
            for form in (
                {"Fn::Sub": ["${x}", {"x": "mine"}]},
                {"Fn::Sub": "mine", "x": "y"},
                {"Fn::GetAtt": ["A"]},
                {"Ref": ["A"]},
            )
        ),
    ],
)
def test_what_it_does_not_run_is_refused_by_name(
    stacks: Any, template: str | dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        create(stacks, template)
    assert stacks.describe_stacks()["Stacks"] == []


def test_other_requests_are_refused_by_name(stacks: Any) -> None:
    with pytest.raises(ClientError, match="The local AWS does not support ListStacks of CloudFormation"):
        stacks.list_stacks()
    with pytest.raises(ClientError, match="The local AWS does not support TemplateURL of stacks"):
        stacks.create_stack(StackName="mine", TemplateURL="https://example.com/x")
    with pytest.raises(ClientError, match="InsufficientCapabilities"):
        stacks.create_stack(StackName="mine", TemplateBody=SHORT)


def test_a_stack_is_made_once_and_updated_to_something_else(stacks: Any) -> None:
    create(stacks, {"Resources": {"A": DATABASE}})
    with pytest.raises(ClientError, match=r"AlreadyExistsException.*Stack \[mine\] already exists"):
        create(stacks, {"Resources": {"A": DATABASE}})
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update_stack(StackName="mine", TemplateBody=json.dumps({"Resources": {"A": DATABASE}}))


def test_a_failed_update_restores_what_was_there(stacks: Any, cloud: Cloud) -> None:
    glue = cloud.aws.client("glue")
    create(stacks, {"Resources": {"A": DATABASE}})
    described = {**DATABASE, "Properties": {"DatabaseInput": {"Name": "mine", "Description": "new"}}}
    taken = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "taken-data"}}
    cloud.s3.create_bucket(Bucket="taken-data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    wanted = {
        "Resources": {
            "A": {**described, "Properties": {**DATABASE["Properties"], **described["Properties"]}},
            "B": taken,
        }
    }
    stacks.update_stack(StackName="mine", TemplateBody=json.dumps(wanted))
    stack = describe(stacks)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "UPDATE_ROLLBACK_COMPLETE",
        "taken-data already exists",
    )
    assert "Description" not in glue.get_database(Name="mine")["Database"]
    failed = [
        each["ResourceStatusReason"]
        for each in stacks.describe_stack_events(StackName="mine")["StackEvents"]
        if each["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert failed == ["taken-data already exists (AlreadyExists)"]
    # AWS's UPDATE_ROLLBACK_COMPLETE is a state from which a stack is updated.
    taken["Properties"] = {"BucketName": "free-data"}
    stacks.update_stack(StackName="mine", TemplateBody=json.dumps(wanted))
    assert describe(stacks)["StackStatus"] == "UPDATE_COMPLETE"
    stacks.delete_stack(StackName=stack["StackId"])
    assert stacks.describe_stacks()["Stacks"] == []


def test_properties_that_lack_something_fail_the_stack(stacks: Any) -> None:
    create(stacks, {"Resources": {"A": DATABASE, "B": {"Type": "AWS::S3::BucketPolicy"}}})
    stack = describe(stacks)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "The properties of B cannot be read" in stack["StackStatusReason"]


def test_a_change_that_replaces_a_resource_is_refused(stacks: Any) -> None:
    create(
        stacks, {"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "one-data"}}}}
    )
    other = {"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "two-data"}}}}
    stacks.update_stack(StackName="mine", TemplateBody=json.dumps(other))
    stack = describe(stacks)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (
        "a change of BucketName of AWS::S3::Bucket, which replaces the resource" in stack["StackStatusReason"]
    )
