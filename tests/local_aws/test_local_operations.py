"""Every operation of the local AWS's own services: it works, it is recorded, or it is refused at once."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from local_cloud import Cloud, refused
from sample_requests import add_member, make_request

from local_aws import LocalAws
from local_aws.protocol.operations import TABLES, Support
from local_aws.protocol.service_model import load_service_model

ROOT = Path(__file__).parents[2]
SERVICES = ["sagemaker", "sagemaker-runtime", "athena", "glue", "stepfunctions", "emr-serverless"]
NEEDS_MORE = {"Search", "CreateProcessingJob", "CreateTrainingJob", "CreateApplication"}
"""Operations whose least request asks for what the local AWS refuses."""

CODES = {"athena": "InvalidRequestException", "sagemaker-runtime": "ValidationError"}


def list_operations(service: str, *supports: Support) -> list[str]:
    model = load_service_model(service)
    # What has a host of its own on AWS does not come to the local one.
    names = [each for each in model.operation_names if model.operation_model(each).endpoint is None]
    return [each for each in names if TABLES[service].find(each) in supports]


def ask(client: Any, operation: str, params: dict[str, Any]) -> tuple[str, str, int, int]:
    """Call an operation, and return the error's code, message, status and retries; empty if it succeeds."""
    try:
        answer, error = getattr(client, xform_name(operation))(**params), {"Code": "", "Message": ""}
    except ClientError as caught:
        answer, error = caught.response, caught.response["Error"]
    head = answer["ResponseMetadata"]
    return error["Code"], error["Message"], head["HTTPStatusCode"], head["RetryAttempts"]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_refused_is_refused_at_once(local_aws: LocalAws, service: str) -> None:
    client, code = local_aws.client(service), CODES.get(service, "ValidationException")
    wrong = {}
    for operation in list_operations(service, Support.REFUSED):
        answer = ask(client, operation, make_request(service, operation))
        expected = re.compile(rf"The local AWS does not support {operation}\b.*\.")
        if (answer[0], *answer[2:]) != (code, 400, 0) or not expected.fullmatch(answer[1]):
            wrong[operation] = answer
    assert wrong == {}


@pytest.mark.parametrize("service", SERVICES)
def test_everything_else_is_answered(local_aws: LocalAws, service: str) -> None:
    client = local_aws.client(service)
    wrong = {}
    for operation in list_operations(service, Support.WORKS, Support.RECORDED):
        answer = ask(client, operation, make_request(service, operation))
        allowed = "with these parameters" in answer[1] or operation in NEEDS_MORE
        if answer[2] >= 500 or answer[3] or ("does not support" in answer[1] and not allowed):
            wrong[operation] = answer
    assert wrong == {}


@pytest.mark.parametrize(("service", "prefix"), [("sagemaker", "SageMaker"), ("glue", "AWSGlue")])
def test_an_operation_that_nobody_knows_is_refused(local_aws: LocalAws, service: str, prefix: str) -> None:
    client = local_aws.client(service)

    def rename(request: Any, **_: Any) -> None:
        request.headers.replace_header("X-Amz-Target", f"{prefix}.CreateMoonBase")

    client.meta.events.register("before-sign", rename)
    operation = client.list_models if service == "sagemaker" else client.get_databases
    message = "The local AWS does not support CreateMoonBase."
    assert refused(operation) == ("ValidationException", message, 400)


def list_refused_settings() -> list[tuple[str, str, str]]:
    script = load_script()
    return [
        (service, operation, path)
        for service, table in TABLES.items()
        for operation in table.settings
        for path, support in script.list_settings(service, operation)
        if support is Support.REFUSED
    ]


def load_script() -> Any:
    file = ROOT / "scripts" / "write_operations_table.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_refused_settings_are_refused_by_name(local_aws: LocalAws) -> None:
    clients = {service: local_aws.client(service) for service in SERVICES}
    wrong = {}
    for service, operation, path in list_refused_settings():
        answer = ask(clients[service], operation, add_member(service, operation, path))
        code = CODES.get(service, "ValidationException")
        if answer != (code, f"The local AWS does not support {path} of {operation}.", 400, 0):
            wrong[operation, path] = answer
    assert wrong == {}


@pytest.mark.parametrize(
    "path",
    [
        "ShadowProductionVariants.CoreDumpConfig",
        "ExplainerConfig",
        "ProductionVariants.CoreDumpConfig",
    ],
)
def test_what_promises_an_output_is_among_them(path: str) -> None:
    assert ("sagemaker", "CreateEndpointConfig", path) in list_refused_settings()


def test_a_setting_that_is_off_is_no_setting(cloud: Cloud) -> None:
    cloud.create_model("m")
    cloud.create_config("m")
    missing = refused(
        cloud.sagemaker.update_endpoint,
        EndpointName="absent",
        EndpointConfigName="m",
        RetainAllVariantProperties=False,
        ExcludeRetainedVariantProperties=[],
    )
    assert "Could not find endpoint" in missing[1]


def test_no_operation_of_moto_is_html(local_aws: LocalAws) -> None:
    glue = local_aws.client("glue")
    answer = ask(glue, "GetRegistry", {"RegistryId": {}})
    message = "The local AWS does not support GetRegistry with these parameters."
    assert answer == ("ValidationException", message, 400, 0)


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("resourcegroupstaggingapi", "DescribeReportCreation", {}),
        ("iam", "SimulatePrincipalPolicy", {"PolicySourceArn": "a" * 20, "ActionNames": ["s3:GetObject"]}),
    ],
)
def test_what_other_services_of_moto_lack_is_refused_in_their_protocol(
    local_aws: LocalAws, service: str, operation: str, params: dict[str, Any]
) -> None:
    code, message, status, retries = ask(local_aws.client(service), operation, params)
    assert (status, retries) == (400, 0)
    assert code in {"UnsupportedOperationException", "UnsupportedOperation"}
    assert message.startswith("The local AWS does not support this request: ")
    assert message.endswith(". Its log has the reason: local-aws logs")


@pytest.mark.parametrize("service", ["sagemaker-featurestore-runtime", "sagemaker-metrics", "sagemaker-edge"])
def test_other_apis_of_sagemakers_family_are_refused(local_aws: LocalAws, service: str) -> None:
    client = local_aws.client(service)
    operation = {
        "sagemaker-featurestore-runtime": "GetRecord",
        "sagemaker-metrics": "BatchPutMetrics",
        "sagemaker-edge": "SendHeartbeat",
    }[service]
    code, message, status, retries = ask(client, operation, make_request(service, operation))
    assert (code, status, retries) == ("ValidationException", 400, 0)
    assert message.endswith("which is none of SageMaker's own API.")


def test_the_page_has_the_table() -> None:
    """Rows of operations that the installed botocore does not know, or the page's not yet, do not count."""
    script = load_script()
    written, made = script.PAGE.read_text(encoding="utf-8"), script.make_page()
    head = re.compile(r"botocore ([\d.]+)\.\s")
    if head.findall(written) == head.findall(made):
        assert written == made
    rows = re.compile(r"^\| (\w+) \| (works|recorded|refused) \| .*$", re.MULTILINE)
    sections = {text: dict(each) for text, each in ((t, rows.findall(t)) for t in written.split("\n## ")[1:])}
    for section, (service, table) in zip(sections.values(), TABLES.items(), strict=True):
        known = set(load_service_model(service).operation_names)
        shown = {operation: support for operation, support in section.items() if operation in known}
        assert shown == {operation: table.find(operation).value for operation in shown}
        assert known - set(shown) <= {each for each in known if table.find(each) is Support.REFUSED}
