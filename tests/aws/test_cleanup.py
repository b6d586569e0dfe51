"""What was made for an endpoint, found by tags."""

from dataclasses import replace

import answers
from answers import ABSENT
from stubbed import Stubbed

from kedro_aws_plugin.aws.owned import observe_made
from kedro_aws_plugin.plan.observed import Endpoint, Former, Serving

TAGS = {"kedro-aws:project": "p"}
HERE = "arn:aws:sagemaker:eu-west-1:123456789012"
SERVING = Serving(
    Endpoint("flights", "InService", "flights-aaaaaaaa"),
    models=frozenset({"flights-11111111"}),
    config_exists=True,
)


def config(name: str, *models: str) -> dict[str, object]:
    variants = [{"VariantName": f"v{number}", "ModelName": model} for number, model in enumerate(models)]
    return {
        "EndpointConfigName": name,
        "EndpointConfigArn": f"{HERE}:endpoint-config/{name}",
        "CreationTime": 0,
        "ProductionVariants": variants,
    }


def tagged(*names: str) -> dict[str, object]:
    return {"ResourceTagMappingList": [{"ResourceARN": f"{HERE}:{name}", "Tags": []} for name in names]}


def serve(stubbed: Stubbed, *names: str) -> None:
    """Let ListEndpoints answer with endpoints of these names."""
    summaries = [
        {
            "EndpointName": name,
            "EndpointArn": f"{HERE}:endpoint/{name}",
            "EndpointStatus": "InService",
            "CreationTime": 0,
            "LastModifiedTime": 0,
        }
        for name in names
    ]
    stubbed.answers("ListEndpoints", {"Endpoints": summaries})


def test_configs_that_other_endpoints_serve_or_come_to_are_found(stubbed: Stubbed) -> None:
    configs = [f"flights-{letter * 8}" for letter in "abcd"]
    stubbed.answers("GetResources", tagged(*(f"endpoint-config/{name}" for name in configs)))
    for name in configs:
        stubbed.answers("DescribeEndpointConfig", config(name, "m"), {"EndpointConfigName": name})
    stubbed.answers("ListTransformJobs", {"TransformJobSummaries": []})
    serve(stubbed, "flights", "theirs", "gone")
    coming = {"EndpointConfigName": configs[2]}
    described = {**answers.endpoint(config=configs[1]), "PendingDeploymentSummary": coming}
    stubbed.answers("DescribeEndpoint", described, {"EndpointName": "theirs"})
    stubbed.refuses("DescribeEndpoint", "ValidationException", ABSENT["DescribeEndpoint"])
    found = observe_made(stubbed.aws, TAGS, SERVING)
    assert found.served_elsewhere == {configs[1], configs[2]}


def test_only_what_has_the_tags_and_the_name_is_found(stubbed: Stubbed) -> None:
    stubbed.answers(
        "GetResources",
        tagged(
            *("endpoint-config/flights-aaaaaaaa", "endpoint-config/flights-bbbbbbbb"),
            *("endpoint-config/flights-cccccccc", "endpoint-config/other-aaaaaaaa"),
            *("endpoint-config/by-hand", "model/flights-11111111"),
        ),
        {"TagFilters": [{"Key": "kedro-aws:project", "Values": ["p"]}], "ResourceTypeFilters": ["sagemaker"]},
    )
    first = config("flights-aaaaaaaa", "flights-11111111", "flights-22222222")
    stubbed.answers("DescribeEndpointConfig", first, {"EndpointConfigName": "flights-aaaaaaaa"})
    second = config("flights-bbbbbbbb", "flights-11111111", "flights-11111111")
    stubbed.answers("DescribeEndpointConfig", second, {"EndpointConfigName": "flights-bbbbbbbb"})
    stubbed.refuses("DescribeEndpointConfig", "ValidationException", ABSENT["DescribeEndpointConfig"])
    job = {
        "TransformJobName": "j",
        "TransformJobArn": f"{HERE}:transform-job/j",
        "CreationTime": 0,
        "TransformJobStatus": "InProgress",
    }
    stubbed.answers("ListTransformJobs", {"TransformJobSummaries": [job]}, {"StatusEquals": "InProgress"})
    details = {
        **job,
        "ModelName": "flights-11111111",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/i"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    stubbed.answers("DescribeTransformJob", details, {"TransformJobName": "j"})
    serve(stubbed, "flights")
    found = observe_made(stubbed.aws, TAGS, SERVING)
    assert found.served_elsewhere == frozenset()
    assert found.made == {
        "flights-aaaaaaaa": ("flights-11111111", "flights-22222222"),  # it serves, whatever tags it has
        "flights-bbbbbbbb": ("flights-11111111",),
    }
    assert found.in_use == {"flights-11111111"}


def test_what_a_rollback_needs_is_known_before_the_index_of_tags_has_it(stubbed: Stubbed) -> None:
    """An older config of the same model is found: its model must be known as one that is needed."""
    stubbed.answers("GetResources", tagged("endpoint-config/flights-cccccccc", "model/flights-11111111"))
    for name in ("flights-aaaaaaaa", "flights-bbbbbbbb", "flights-cccccccc"):
        stubbed.answers(
            "DescribeEndpointConfig", config(name, "flights-11111111"), {"EndpointConfigName": name}
        )
    stubbed.answers("ListTransformJobs", {"TransformJobSummaries": []})
    serve(stubbed)
    serving = replace(SERVING, former=Former("flights-bbbbbbbb"))
    models = ("flights-11111111",)
    assert observe_made(stubbed.aws, TAGS, serving).made == {
        "flights-aaaaaaaa": models,
        "flights-bbbbbbbb": models,
        "flights-cccccccc": models,
    }


def test_jobs_are_not_looked_for_where_nothing_could_be_deleted(stubbed: Stubbed) -> None:
    stubbed.answers("GetResources", tagged("endpoint-config/flights-aaaaaaaa", "model/m"))
    stubbed.answers("DescribeEndpointConfig", config("flights-aaaaaaaa", "m"))
    assert observe_made(stubbed.aws, TAGS, SERVING).made == {"flights-aaaaaaaa": ("m",)}


def test_a_first_deployment_looks_for_nothing(stubbed: Stubbed) -> None:
    first = Serving(None, models=frozenset(), config_exists=False)
    assert observe_made(stubbed.aws, TAGS, first) == first
