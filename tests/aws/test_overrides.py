"""`overrides:` of aws.yml: checked against botocore's service model, shown in plans, and sent."""

from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from case_plans import CASES, plan_case, step_classes
from every_step import Told
from stubbed import FakeTime

from kedro_aws_plugin.apply import apply
from kedro_aws_plugin.aws.overrides import check_overrides
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.plan.overrides import Each, list_operations, override
from kedro_aws_plugin.plan.plan import Plan
from local_aws.protocol.service_model import load_service_model


def _check(overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    return check_overrides(overrides, lambda _: "conf/aws/aws.yml")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"CreateModle": {}},
            "`overrides.CreateModle`: no command sends CreateModle to change something; did you mean "
            "`CreateModel`? Operations: ",
        ),
        (
            {"DescribeEndpoint": {"EndpointName": "e"}},
            "`overrides.DescribeEndpoint`: no command sends DescribeEndpoint to change something",
        ),
        (
            {"CreateModel": {"PrimaryContainer": {"Enviroment": {}}}},
            "`overrides.CreateModel.PrimaryContainer.Enviroment` is not known; did you mean `Environment`? "
            "Members of ContainerDefinition: ",
        ),
        (
            {"CreateEndpointConfig": {"ProductionVariants": {"RoutingConfig": {"Strategy": "X"}}}},
            "`overrides.CreateEndpointConfig.ProductionVariants.RoutingConfig.Strategy` is not known; did "
            "you "
            "mean `RoutingStrategy`? ",
        ),
        (
            {"CreateEndpointConfig": {"ProductionVariants": [{"ModelName": "mine"}]}},
            "`overrides.CreateEndpointConfig.ProductionVariants.0.ModelName` cannot be overridden: the plan "
            "finds "
            "it again by this name. Remove it.",
        ),
        (
            {"CreateProcessingJob": {"NetworkConfig": {"EnableNetworkIsolation": True}}},
            "`overrides.CreateProcessingJob.NetworkConfig.EnableNetworkIsolation` cannot be overridden: the "
            "job reads and writes S3. Remove it.",
        ),
        (
            {"CreateTrainingJob": {"ResourceConfig": {"InstanceCount": 2}}},
            "`overrides.CreateTrainingJob.ResourceConfig.InstanceCount` cannot be overridden: several "
            "instances would run the same nodes, and write the same files. Remove it.",
        ),
        (
            {"CreateProcessingJob": {"ProcessingInputs": [{"S3Input": {}}]}},
            "`overrides.CreateProcessingJob.ProcessingInputs` is a list, and its members need InputName, "
            "which the plan sets. ",
        ),
        (
            {"CreateTrainingJob": {"SpotCheck": True}},
            "`overrides.CreateTrainingJob.SpotCheck` is not known",
        ),
        (
            {"CreatePipeline": {"PipelineDefinition": "{}"}},
            "`overrides.CreatePipeline.PipelineDefinition` cannot be overridden: it is what the command is "
            "to send. Remove it.",
        ),
        (
            {"StartPipelineExecution": {"ParallelismConfiguration": {"MaxParallelExecutionSteps": 1}}},
            "`overrides.StartPipelineExecution.ParallelismConfiguration` cannot be overridden: "
            "`pipelines.max_parallel_steps` of aws.yml says it. Remove it.",
        ),
        (
            {"CreateEndpoint": {"EndpointName": "mine"}},
            "`overrides.CreateEndpoint.EndpointName` cannot be overridden: the plan finds it again by this "
            "name.",
        ),
        (
            {"CreateModel": {"Tags": []}},
            "`overrides.CreateModel.Tags` cannot be overridden: by its tags the plugin finds what it made; "
            "add "
            "tags with `deploy.tags` or `transform.tags`. Remove it.",
        ),
        (
            {"CreateModel": {"EnableNetworkIsolation": "yes"}},
            "`overrides.CreateModel.EnableNetworkIsolation` is `yes`, and AWS takes true or false there. "
            "Correct it.",
        ),
        (
            {"CreateTransformJob": {"MaxPayloadInMB": True}},
            "`overrides.CreateTransformJob.MaxPayloadInMB` is `True`, and AWS takes a whole number there.",
        ),
        (
            {"CreateModel": {"PrimaryContainer": {"Environment": {"WORKERS": 2}}}},
            "`overrides.CreateModel.PrimaryContainer.Environment.WORKERS` is `2`, and AWS takes a text (in "
            "quotes) there.",
        ),
        (
            {"CreateModel": {"VpcConfig": {"Subnets": "subnet-1"}}},
            "`overrides.CreateModel.VpcConfig.Subnets` is `subnet-1`, and AWS takes a list there. Correct "
            "it.",
        ),
        (
            {"CreateModel": {"VpcConfig": ["subnet-1"]}},
            "`overrides.CreateModel.VpcConfig` is `['subnet-1']`, and AWS takes keys and values there.",
        ),
        (
            {"CreateEndpointConfig": {"ProductionVariants": [{"InstanceType": "ml.m5.large"}]}},
            "`overrides.CreateEndpointConfig.ProductionVariants` is a list, and its members need "
            "VariantName, which the plan sets. Write what each of them gets instead: keys and values, "
            "without a list.",
        ),
        (
            {"CreateEndpointConfig": {"ShadowProductionVariants": []}},
            "`overrides.CreateEndpointConfig.ShadowProductionVariants` is a list, and its members need",
        ),
        (
            {"PutObject": {"Bucket": "another"}},
            "`overrides.PutObject.Bucket` cannot be overridden: the plan finds it again by this name.",
        ),
    ],
)
def test_what_aws_or_the_plan_cannot_take_is_refused(overrides: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        _check(overrides)
    assert refused.value.message.startswith(f"conf/aws/aws.yml: {message}")


def test_operations_of_every_kind_of_step_can_be_overridden() -> None:
    known = list_operations()
    for each in step_classes().values():
        assert each.operation in known or each.operation.startswith(("Describe", "Get", "List")), each
    assert {
        "CreateStack",
        "CreateModelPackage",
        "PutObject",
        "UploadPart",
        "CreateTransformJob",
    } <= known.keys()
    for operation, service in known.items():
        assert operation in load_service_model(service).operation_names


def test_keys_and_values_for_a_list_go_into_each_of_its_members() -> None:
    checked = _check({"CreateEndpointConfig": {"ProductionVariants": {"VolumeSizeInGB": 9}}})
    assert isinstance(checked["CreateEndpointConfig"]["ProductionVariants"], Each)
    request = {"ProductionVariants": [{"VariantName": "a"}, {"VariantName": "b", "VolumeSizeInGB": 1}]}
    assert override("CreateEndpointConfig", request, checked) == {
        "ProductionVariants": [
            {"VariantName": "a", "VolumeSizeInGB": 9},
            {"VariantName": "b", "VolumeSizeInGB": 9},
        ]
    }
    assert override("CreateEndpointConfig", {"KmsKeyId": "k"}, checked) == {"KmsKeyId": "k"}
    assert override("CreateModel", request, checked) == request


def test_mappings_are_merged_and_lists_are_replaced() -> None:
    checked = _check(
        {
            "CreateModel": {
                "VpcConfig": {"Subnets": ["subnet-2"]},
                "PrimaryContainer": {"Environment": {"B": "2"}},
            }
        }
    )
    request = {
        "PrimaryContainer": {"ModelPackageName": "p", "Environment": {"A": "1", "B": "1"}},
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    }
    assert override("CreateModel", request, checked) == {
        "PrimaryContainer": {"ModelPackageName": "p", "Environment": {"A": "1", "B": "2"}},
        "VpcConfig": {"Subnets": ["subnet-2"], "SecurityGroupIds": ["sg-1"]},
    }
    assert request["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


@pytest.mark.parametrize("case", ["endpoint/overrides", "register/overrides"])
def test_what_a_plan_shows_is_what_is_sent(case: str, time: FakeTime) -> None:
    """The requests as botocore's Stubber gets them, against the case's plan, which is a file."""
    planned = plan_case(CASES / case)
    steps = tuple(
        step
        for step in planned.steps
        if type(step).__name__ in {"CreateModel", "CreateEndpointConfig", "CreateEndpoint", "PutObject"}
        or type(step).__name__ == "CreateModelPackageGroup"
    )
    plan = Plan("as planned", steps, "", overrides=planned.overrides)
    session = boto3.Session("AKIATEST", "secret", region_name="eu-west-1")
    clients: dict[Any, Any] = {name: session.client(name) for name in ("sagemaker", "s3")}  # type: ignore[call-overload]
    stubbers = {name: Stubber(client) for name, client in clients.items()}
    answers = {
        "CreateModel": {"ModelArn": "a" * 30},
        "CreateEndpointConfig": {"EndpointConfigArn": "a" * 30},
        "CreateEndpoint": {"EndpointArn": "a" * 30},
        "CreateModelPackageGroup": {"ModelPackageGroupArn": "a" * 30},
    }
    methods = {"CreateModelPackageGroup": "create_model_package_group", "PutObject": "put_object"}
    for shown, step in zip(plan.as_json()["steps"], steps, strict=True):
        operation = shown["operation"]
        method = (
            methods.get(operation) or "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)[1:]
        )
        expected = shown["request"]
        if isinstance(expected.get("Body"), str):
            expected = {**expected, "Body": expected["Body"].encode()}
        stubbers[step.service].add_response(method, answers.get(operation, {}), expected)
    for stubber in stubbers.values():
        stubber.activate()
    apply(plan, Aws("aws", "eu-west-1", clients, overrides=planned.overrides), Told(), time.clock())
    for stubber in stubbers.values():
        stubber.assert_no_pending_responses()
