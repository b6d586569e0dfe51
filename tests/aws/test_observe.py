"""What AWS has: every page of it, and absent told from denied."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import answers
import pytest
from answers import ABSENT, ENDPOINT_ARN, package_arn
from botocore.response import StreamingBody
from stubbed import Stubbed

from kedro_aws_plugin.aws.owned import add_registry, observe_owned, observe_reports
from kedro_aws_plugin.aws.sagemaker.endpoints import (
    _observe_former,
    observe_deployed,
    observe_endpoint,
    observe_serving,
)
from kedro_aws_plugin.aws.sagemaker.registry import observe_details, observe_group, observe_sample
from kedro_aws_plugin.aws.session import Aws, find_account
from kedro_aws_plugin.cli.models import describe_other_groups
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.observed import (
    Deployed,
    Endpoint,
    EndpointReport,
    Former,
    ModelPackage,
    Owned,
    RegisteredGroup,
    Sample,
    Serving,
    Variant,
    VariantReport,
)
from kedro_aws_plugin.plan.tags import FAILED_CHECK


def body(content: bytes) -> dict[str, StreamingBody]:
    return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def absent(stubbed: Stubbed, operation: str) -> None:
    stubbed.refuses(operation, "ValidationException", ABSENT[operation])


def test_the_account(stubbed: Stubbed) -> None:
    stubbed.answers("GetCallerIdentity", {"Account": "123456789012"}, {})
    assert find_account(stubbed.aws, "aws") == "123456789012"


def test_a_group_with_every_page_of_its_versions_newest_first(stubbed: Stubbed) -> None:
    asked = {"ModelPackageGroupName": "flights", "SortBy": "CreationTime", "SortOrder": "Descending"}
    stubbed.answers("DescribeModelPackageGroup", answers.group(), {"ModelPackageGroupName": "flights"})
    first = [answers.package_summary(version) for version in (1, 11)]
    stubbed.answers("ListModelPackages", {"ModelPackageSummaryList": first, "NextToken": "more"}, asked)
    second = [{**answers.package_summary(2, "Rejected"), "ModelPackageStatus": "Failed"}]
    stubbed.answers("ListModelPackages", {"ModelPackageSummaryList": second}, {**asked, "NextToken": "more"})
    group = observe_group(stubbed.aws, "flights")
    assert [(each.version, each.approval) for each in group.packages] == [
        (11, "Approved"),
        (2, "Rejected"),
        (1, "Approved"),
    ]
    assert group.exists
    assert [each.status for each in group.packages] == ["Completed", "Failed", "Completed"]
    assert group.packages[1].arn == package_arn(2)
    assert group.packages[1].description == "regressor, content 2"
    assert group.packages[1].created == "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ('{"version": 1, "input": null, "output": {"method": "predict"}}', True),
        ('{"data": [1, 3]}', False),
        ("another tool's words", False),
        ("[1]", False),
        (None, False),
    ],
)
def test_the_signature_of_each_version(stubbed: Stubbed, text: str | None, signature: bool) -> None:
    package = ModelPackage(package_arn(1), "flights", 1, "Approved", "", "")
    found = answers.package(1)
    if text is not None:
        found["InferenceSpecification"]["Containers"][0]["ModelInput"] = {"DataInputConfig": text}
    stubbed.answers("DescribeModelPackage", found, {"ModelPackageName": package_arn(1)})
    group = observe_details(stubbed.aws, RegisteredGroup("flights", exists=True, packages=(package,)))
    expected = json.loads(text) if text is not None and signature else None
    assert group.packages == (replace(package, signature=expected),)


def test_no_group(stubbed: Stubbed) -> None:
    absent(stubbed, "DescribeModelPackageGroup")
    assert observe_group(stubbed.aws, "flights") == RegisteredGroup(name="flights", exists=False)


def test_an_endpoint_under_way(stubbed: Stubbed) -> None:
    pending = {"EndpointConfigName": "flights-2"}
    shown = answers.endpoint("Updating", FailureReason="once", PendingDeploymentSummary=pending)
    stubbed.answers("DescribeEndpoint", shown, {"EndpointName": "flights"})
    endpoint = observe_endpoint(stubbed.aws, "flights")
    assert endpoint == Endpoint("flights", "Updating", "flights-1", "once", "flights-2", arn=ENDPOINT_ARN)
    assert endpoint.coming == "flights-2"


def test_nothing_of_a_deployment_exists(stubbed: Stubbed) -> None:
    for operation in ("DescribeEndpoint", "DescribeModel", "DescribeEndpointConfig"):
        absent(stubbed, operation)
    assert observe_serving(stubbed.aws, "flights", ["flights-m"], "flights-1") == Serving(
        None, frozenset(), config_exists=False
    )


def list_tags(stubbed: Stubbed, tags: Mapping[str, str]) -> None:
    """The tags of the endpoint, on two pages."""
    found = [{"Key": key, "Value": value} for key, value in tags.items()]
    asked = {"ResourceArn": ENDPOINT_ARN}
    stubbed.answers("ListTags", {"Tags": found[:1], "NextToken": "more"}, asked)
    stubbed.answers("ListTags", {"Tags": found[1:]}, {**asked, "NextToken": "more"})


def describe_tagged(stubbed: Stubbed, tags: Mapping[str, str], variant: Mapping[str, object]) -> None:
    """What is looked up of an endpoint with its tags and its kind."""
    list_tags(stubbed, tags)
    stubbed.answers("DescribeEndpointConfig", answers.config(**variant), {"EndpointConfigName": "flights-1"})


@pytest.mark.parametrize(
    ("variant", "serverless"),
    [({}, False), ({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}, True)],
)
def test_all_of_a_deployment_exists(stubbed: Stubbed, variant: dict[str, object], serverless: bool) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    describe_tagged(stubbed, answers.TAGS, variant)
    stubbed.answers("DescribeModel", answers.model(package=None), {"ModelName": "flights-m"})
    stubbed.answers("DescribeEndpointConfig", answers.config(), {"EndpointConfigName": "flights-1"})
    found = observe_serving(stubbed.aws, "flights", ["flights-m"], "flights-1")
    endpoint = Endpoint(
        "flights", "InService", "flights-1", serverless=serverless, tags=answers.TAGS, arn=ENDPOINT_ARN
    )
    assert found == Serving(endpoint, frozenset({"flights-m"}), config_exists=True)


@pytest.mark.parametrize(
    ("variant", "known"),
    [
        ({}, Variant("flights-m", "realtime", "ml.m5.large", 2)),
        (
            {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
            Variant("flights-m", "serverless", memory_mb=2048, max_concurrency=5),
        ),
        ({"InitialInstanceCount": 1}, Variant("flights-m", "realtime", None, 1)),
    ],
)
def test_what_an_endpoint_serves(stubbed: Stubbed, variant: dict[str, object], known: Variant) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeEndpointConfig", answers.config(**variant))
    stubbed.answers("DescribeModel", answers.model(), {"ModelName": "flights-m"})
    found = observe_deployed(stubbed.aws, "flights")
    serverless = "ServerlessConfig" in variant
    endpoint = Endpoint("flights", "InService", "flights-1", serverless=serverless, arn=ENDPOINT_ARN)
    assert found == Deployed(endpoint, package_arn(2), known)


def test_an_endpoint_that_outlived_its_model(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    stubbed.answers("DescribeEndpointConfig", answers.config())
    absent(stubbed, "DescribeModel")
    found = observe_deployed(stubbed.aws, "flights")
    assert found is not None
    assert found.package is None


def test_an_endpoint_that_outlived_its_config(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    absent(stubbed, "DescribeEndpointConfig")
    found = observe_deployed(stubbed.aws, "flights")
    assert found == Deployed(Endpoint("flights", "InService", "flights-1", arn=ENDPOINT_ARN), None, None)


def test_no_endpoint_serves_nothing(stubbed: Stubbed) -> None:
    absent(stubbed, "DescribeEndpoint")
    assert observe_deployed(stubbed.aws, "flights") is None


def test_the_sample_lies_beside_the_archive(stubbed: Stubbed) -> None:
    folder = {"Bucket": "flights-data"}
    stubbed.answers("DescribeModelPackage", answers.package(2), {"ModelPackageName": package_arn(2)})
    stubbed.answers("GetObject", body(b"a\n1\n"), {**folder, "Key": "sagemaker/flights/0a/sample.csv"})
    stubbed.answers("GetObject", body(b"[1]"), {**folder, "Key": "sagemaker/flights/0a/sample-answer.json"})
    assert observe_sample(stubbed.aws, package_arn(2)) == Sample(body=b"a\n1\n", answer=b"[1]")


def test_a_package_without_a_sample(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeModelPackage", answers.package(2))
    stubbed.refuses("GetObject", "NoSuchKey", status=404)
    stubbed.answers("GetObject", body(b"[1]"))
    assert observe_sample(stubbed.aws, package_arn(2)) is None


def test_a_package_without_an_archive_of_ours(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeModelPackage", answers.package(2, url=""))
    assert observe_sample(stubbed.aws, package_arn(2)) is None


def resources(*names: str, token: str = "") -> dict[str, object]:
    found = [{"ResourceARN": f"{answers.ACCOUNT}:{name}"} for name in names]
    return {"ResourceTagMappingList": found, "PaginationToken": token}


def test_what_carries_the_tags_on_every_page(stubbed: Stubbed) -> None:
    asked = {
        "TagFilters": [
            {"Key": "kedro-aws:project", "Values": ["my_flights"]},
            {"Key": "kedro-aws:env", "Values": ["aws"]},
        ],
        "ResourceTypeFilters": ["sagemaker"],
    }
    first = resources("endpoint/b", "model/b", "endpoint-config/b", "pipeline/p", token="more")
    stubbed.answers("GetResources", first, asked)
    last = resources("endpoint/gone", "model/a", "endpoint-config/a", "model-package-group/flights")
    stubbed.answers("GetResources", last, {**asked, "PaginationToken": "more"})
    stubbed.answers("DescribeEndpoint", answers.endpoint("Updating", "flights-1"), {"EndpointName": "b"})
    absent(stubbed, "DescribeEndpoint")
    stubbed.answers("DescribeEndpointConfig", answers.config())
    owned = observe_owned(stubbed.aws, answers.TAGS, ())
    assert owned == Owned(
        endpoints=(Endpoint("b", "Updating", "flights-1", arn=ENDPOINT_ARN),),
        configs=("a", "b", "flights-1"),
        models=("a", "b", "flights-m"),
        served={"flights-1": ("flights-m",)},
    )


@pytest.mark.parametrize(
    ("tags", "ours"), [(answers.TAGS, True), ({"kedro-aws:env": "aws", "a": "b"}, False)]
)
def test_the_endpoint_of_aws_yml_is_found_before_the_index_of_tags_knows_it(
    stubbed: Stubbed, tags: dict[str, str], ours: bool
) -> None:
    stubbed.answers("GetResources", resources())
    stubbed.answers("DescribeEndpoint", answers.endpoint(), {"EndpointName": "flights"})
    list_tags(stubbed, tags)
    if ours:
        stubbed.answers("DescribeEndpointConfig", answers.config())
    owned = observe_owned(stubbed.aws, answers.TAGS, {"flights"})
    assert [endpoint.name for endpoint in owned.endpoints] == (["flights"] if ours else [])
    assert owned.foreign == (() if ours else ("flights",))
    assert (owned.configs, owned.models) == ((("flights-1",), ("flights-m",)) if ours else ((), ()))


def deployed(stubbed: Stubbed, name: str, tags: Mapping[str, str], **others: object) -> None:
    """What is looked up of an endpoint that serves version 2 of flights."""
    stubbed.answers("DescribeEndpoint", answers.endpoint(**others), {"EndpointName": name})
    stubbed.answers("DescribeEndpointConfig", answers.config(), {"EndpointConfigName": "flights-1"})
    stubbed.answers("DescribeModel", answers.model())
    list_tags(stubbed, tags)


def test_the_reports_are_of_the_endpoints_of_aws_yml_and_of_those_with_the_tags(stubbed: Stubbed) -> None:
    tagged = resources(
        *("endpoint/b", "endpoint/stale", "endpoint-config/b-0000000a", "endpoint-config/by-hand"),
        *("endpoint-config/lost-0000000b", "endpoint-config/old-0000000c", "model/flights-m"),
    )
    stubbed.answers("GetResources", tagged)
    deployed(stubbed, "flights", {"team": "search"}, FailureReason="no capacity")
    absent(stubbed, "DescribeEndpoint")  # score
    deployed(stubbed, "b", {f"{FAILED_CHECK}flights-1": "answers 2"})
    absent(stubbed, "DescribeEndpoint")  # lost
    stubbed.answers("DescribeEndpointConfig", answers.config(), {"EndpointConfigName": "lost-0000000b"})
    stubbed.answers("DescribeModel", answers.model())
    absent(stubbed, "DescribeEndpoint")  # old
    absent(stubbed, "DescribeEndpointConfig")
    absent(stubbed, "DescribeEndpoint")  # stale
    found = observe_reports(stubbed.aws, answers.TAGS, {"flights": "flights", "score": "tips"})
    size = {"mode": "realtime", "instance_type": "ml.m5.large", "instance_count": 2, "config": "flights-1"}
    version = {"group": "flights", "version": 2, "package": package_arn(2)}
    instances = {"instance_type": "ml.m5.large", "instance_count": 2}
    serves = {**version, **size, "variants": (VariantReport("AllTraffic", **version, **instances),)}
    assert found == (
        EndpointReport("flights", "InService", failure="no capacity", **serves),
        EndpointReport("score", "not deployed", "tips"),
        EndpointReport("b", "InService", failure="answers 2", **serves),
        EndpointReport("lost", "missing", "flights"),
    )


def test_one_report_alone(stubbed: Stubbed) -> None:
    deployed(stubbed, "flights", {"team": "search"})
    [found] = observe_reports(stubbed.aws, answers.TAGS, {"score": None}, "flights")
    assert (found.name, found.status, found.version) == ("flights", "InService", 2)
    absent(stubbed, "DescribeEndpoint")
    stubbed.answers("GetResources", resources("endpoint/other", "endpoint-config/score-0000000a"))
    stubbed.answers("DescribeEndpointConfig", answers.config())
    absent(stubbed, "DescribeModel")
    [found] = observe_reports(stubbed.aws, answers.TAGS, {"score": "tips"}, "score")
    assert found == EndpointReport("score", "missing", "tips")


@pytest.mark.parametrize(
    ("status", "failure", "broken"),
    [
        ("InService", None, False),
        ("InService", "the update failed", True),
        ("Updating", "the one before failed", False),
        ("Creating", None, False),
        ("Deleting", None, False),
        ("not deployed", None, False),
        ("Failed", "no capacity", True),
        ("OutOfService", None, True),
        ("UpdateRollbackFailed", None, True),
        ("missing", None, True),
    ],
)
def test_which_endpoints_somebody_has_to_look_at(status: str, failure: str | None, broken: bool) -> None:
    assert EndpointReport("flights", status, failure=failure).is_broken is broken


def test_the_other_groups_in_one_line(stubbed: Stubbed) -> None:
    stubbed.answers("GetResources", resources(*(f"model-package-group/{name}" for name in ("b", "a", "c"))))
    assert describe_other_groups(stubbed.aws, answers.TAGS, "b") == (
        "This project has other model package groups: a, c. List one: kedro aws models --group a"
    )
    stubbed.answers("GetResources", resources("model-package-group/b", "model/m"))
    assert describe_other_groups(stubbed.aws, answers.TAGS, "b") == ""
    stubbed.refuses("GetResources", "AccessDeniedException", "no", 403)
    assert describe_other_groups(stubbed.aws, answers.TAGS, "b").startswith(
        "Warning: Could not find what carries this project's tags: AWS does not allow it (no)."
    )


def test_what_an_endpoint_serves_that_is_to_serve_another_thing(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    describe_tagged(stubbed, {f"{FAILED_CHECK}flights-1": "", **answers.TAGS}, {})
    absent(stubbed, "DescribeModel")
    absent(stubbed, "DescribeEndpointConfig")
    stubbed.answers("DescribeEndpointConfig", answers.config(), {"EndpointConfigName": "flights-1"})
    stubbed.answers("DescribeModel", answers.model(), {"ModelName": "flights-m"})
    assert observe_serving(stubbed.aws, "flights", ["flights-x"], "flights-2").serves == (package_arn(2),)


def test_with_the_registry_versions_and_every_page_of_artifacts_too(stubbed: Stubbed) -> None:
    stubbed.answers("GetResources", resources("model-package-group/flights", "model/m"))
    asked = {"Bucket": "flights-data", "Prefix": "sagemaker/flights/"}
    stubbed.answers(
        "ListObjectsV2",
        {"Contents": [{"Key": "a"}], "IsTruncated": True, "NextContinuationToken": "more"},
        asked,
    )
    stubbed.answers("ListObjectsV2", {"Contents": [{"Key": "b"}]}, {**asked, "ContinuationToken": "more"})
    stubbed.answers("DescribeModelPackageGroup", answers.group())
    stubbed.answers("ListModelPackages", {"ModelPackageSummaryList": [answers.package_summary(1)]})
    owned = add_registry(stubbed.aws, Owned(models=("n",)), answers.TAGS, "flights-data")
    assert (owned.models, owned.objects) == (("n",), ("a", "b"))
    assert [(group.name, len(group.packages)) for group in owned.groups] == [("flights", 1)]


def test_a_bucket_that_is_gone_holds_no_artifacts(stubbed: Stubbed) -> None:
    stubbed.answers("GetResources", resources("model-package-group/flights"))
    stubbed.refuses("ListObjectsV2", "NoSuchBucket", status=404)
    absent(stubbed, "DescribeModelPackageGroup")
    owned = add_registry(stubbed.aws, Owned(), answers.TAGS, "flights-data")
    assert owned == Owned(groups=(RegisteredGroup("flights", exists=False),))


@pytest.mark.parametrize(
    ("operation", "call", "what"),
    [
        (
            "GetCallerIdentity",
            lambda aws: find_account(aws, "aws"),
            "find out the AWS account of the environment `aws`",
        ),
        (
            "DescribeModelPackageGroup",
            lambda aws: observe_group(aws, "flights"),
            "list the versions in model package group flights",
        ),
        (
            "DescribeEndpoint",
            lambda aws: observe_endpoint(aws, "flights"),
            "describe endpoint flights",
        ),
        (
            "DescribeModelPackage",
            lambda aws: observe_sample(aws, package_arn(2)),
            f"read the sample payload of {package_arn(2)}",
        ),
        (
            "GetResources",
            lambda aws: observe_owned(aws, answers.TAGS, ()),
            "find what carries this project's tags",
        ),
    ],
)
def test_denied_is_not_absent(
    stubbed: Stubbed, operation: str, call: Callable[[Aws], object], what: str
) -> None:
    stubbed.refuses(operation, "AccessDeniedException", "User kedro is not authorized", 403)
    with pytest.raises(AwsError) as refused:
        call(stubbed.aws)
    assert refused.value.message == (
        f"Could not {what}: AWS does not allow it (User kedro is not authorized). "
        f"Ask for the permission to call {operation}."
    )


@pytest.mark.parametrize("operation", ["DescribeModel", "DescribeEndpointConfig"])
def test_denied_within_a_deployment_is_not_absent(stubbed: Stubbed, operation: str) -> None:
    stubbed.answers("DescribeEndpoint", answers.endpoint())
    describe_tagged(stubbed, answers.TAGS, {})
    if operation == "DescribeEndpointConfig":
        stubbed.answers("DescribeModel", answers.model())
    stubbed.refuses(operation, "AccessDeniedException", "no", 403)
    with pytest.raises(AwsError, match=f"permission to call {operation}"):
        observe_serving(stubbed.aws, "flights", ["flights-m"], "flights-1")


def test_a_sample_that_may_not_be_read_is_not_absent(stubbed: Stubbed) -> None:
    stubbed.answers("DescribeModelPackage", answers.package(2))
    stubbed.refuses("GetObject", "AccessDenied", "Access Denied", 403)
    with pytest.raises(AwsError, match="permission to call GetObject"):
        observe_sample(stubbed.aws, package_arn(2))


def updating(now: str, coming: str) -> Endpoint:
    return Endpoint("flights", "Updating", now, pending_config=coming)


SERVES = Endpoint("flights", "InService", "flights-1")
WANTED = Endpoint("flights", "InService", "flights-2")


@pytest.mark.parametrize(
    ("endpoint", "tags", "exists", "former"),
    [
        (SERVES, {}, True, "flights-1"),
        (SERVES, {}, False, None),
        (SERVES, {"kedro-aws:failed-check/flights-1": "it answers 2"}, True, None),
        (WANTED, {"kedro-aws:former-config": "flights-1"}, True, "flights-1"),
        (WANTED, {"kedro-aws:former-config": "flights-2"}, True, None),
        (WANTED, {}, True, None),
        (updating("flights-0", "flights-2"), {"kedro-aws:former-config": "flights-1"}, True, "flights-1"),
        (updating("flights-0", "flights-1"), {}, True, "flights-1"),
    ],
)
def test_the_config_to_go_back_to(
    stubbed: Stubbed, endpoint: Endpoint, tags: dict[str, str], exists: bool, former: str | None
) -> None:
    """What serves once the change under way is over, or, if that is the wanted one, what the tag names."""
    if former and exists:
        stubbed.answers("DescribeEndpointConfig", answers.config(), {"EndpointConfigName": former})
        stubbed.answers("DescribeModel", answers.model(package=None))
    elif not exists:
        absent(stubbed, "DescribeEndpointConfig")
    found = _observe_former(stubbed.aws, replace(endpoint, tags=tags), "flights-2")
    assert found == (Former(former) if former else None)
