"""Endpoints, with the real processes that serve them."""

import pytest
from local_cloud import ARN, BUCKET, ENVIRONMENT, IMAGE, ROLE, Cloud, archive, refused, variant

SLOW_TO_LOAD = """
import time
def model_fn(model_dir): time.sleep(1.5)
def transform_fn(model, data, content_type, accept): return data, accept
"""


def test_an_endpoint_comes_into_service(cloud: Cloud):
    cloud.create_model("m")
    cloud.create_config("m")
    arn = cloud.sagemaker.create_endpoint(EndpointName="Flights", EndpointConfigName="m")["EndpointArn"]
    assert arn == f"{ARN}:endpoint/flights"
    assert cloud.sagemaker.describe_endpoint(EndpointName="Flights")["EndpointStatus"] == "Creating"
    described = cloud.wait_until_settled("Flights")
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "m"
    assert described["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "CurrentWeight": 1.0,
            "DesiredWeight": 1.0,
            "CurrentInstanceCount": 1,
            "DesiredInstanceCount": 1,
        }
    ]
    assert cloud.invoke("Flights", "2,3") == "m:2,3:text/csv"


def test_while_it_is_being_created_it_is_neither_invoked_nor_changed(cloud: Cloud):
    cloud.create_model("m", SLOW_TO_LOAD)
    cloud.create_config("m")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    in_progress = ("ValidationException", f'Cannot update in-progress endpoint "{ARN}:endpoint/e".', 400)
    assert refused(cloud.sagemaker.delete_endpoint, EndpointName="e") == in_progress
    assert refused(cloud.sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="m") == in_progress
    assert refused(cloud.runtime.invoke_endpoint, EndpointName="e", Body=b"1") == (
        "ValidationError",
        "Endpoint e of account 123456789012 not found.",
        400,
    )
    assert cloud.wait_until_settled("e")["EndpointStatus"] == "InService"


def test_a_serverless_endpoint_serves_too(cloud: Cloud):
    cloud.create_model("m")
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    cloud.create_config("c", variant("m", ServerlessConfig=serverless))
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    shown = cloud.wait_until_settled("e")["ProductionVariants"][0]
    assert shown["CurrentServerlessConfig"] == shown["DesiredServerlessConfig"] == serverless
    assert cloud.invoke("e", "1") == "m:1:text/csv"


def test_as_on_aws_instances_do_not_become_serverless_but_serverless_becomes_instances(cloud: Cloud):
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    cloud.deploy("e", "m")
    cloud.create_config("c", variant("m", ServerlessConfig=serverless))
    assert refused(cloud.sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="c") == (
        "ValidationException",
        f'Cannot update instance-based endpoint "{ARN}:endpoint/e" to serverless endpoint configuration '
        f'"{ARN}:endpoint-config/c"; delete the endpoint and create it anew.',
        400,
    )
    described = cloud.sagemaker.describe_endpoint(EndpointName="e")
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "m")
    cloud.sagemaker.create_endpoint(EndpointName="f", EndpointConfigName="c")
    cloud.wait_until_settled("f")
    for config in ("c", "m"):
        cloud.sagemaker.update_endpoint(EndpointName="f", EndpointConfigName=config)
        assert cloud.wait_until_settled("f")["EndpointConfigName"] == config
    assert "CurrentServerlessConfig" not in cloud.wait_until_settled("f")["ProductionVariants"][0]


@pytest.mark.parametrize(
    ("script", "environment", "reason"),
    [
        ("def model_fn(model_dir): raise KeyError('weights')", {}, "KeyError: 'weights'"),
        ("import not_a_module", {}, "ModuleNotFoundError: No module named 'not_a_module'"),
        ("import os; os._exit(3)", {}, "The container's last line: the process printed nothing."),
        ("import os; print('dying', flush=True); os._exit(3)", {}, "The container's last line: dying"),
        ("x = 1", {"SAGEMAKER_PROGRAM": "other.py"}, "SAGEMAKER_PROGRAM other.py is not in"),
        (
            "x = 1",
            {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/../other"},
            "SAGEMAKER_SUBMIT_DIRECTORY /opt/ml/model/../other must be inside /opt/ml/model or on S3.",
        ),
        ("x = 1", {}, "NotImplementedError: The script defines no model_fn, which must load the model."),
        (
            "def output_fn(prediction, accept): pass\ndef transform_fn(model, data, kind, accept): pass",
            {},
            "ScriptError: transform_fn cannot be combined with input_fn, predict_fn or output_fn.",
        ),
        ("x = 1", {"SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{BUCKET}/nope"}, "Failed to download model data"),
    ],
)
def test_a_model_that_does_not_start_fails_with_its_reason(cloud: Cloud, script, environment, reason):
    described = cloud.deploy("e", "m", script, **environment)
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert reason in described["FailureReason"]
    code, message, _ = refused(cloud.sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="m")
    assert code == "ValidationException"
    assert "in status Failed" in message
    cloud.sagemaker.delete_endpoint(EndpointName="e")
    cloud.wait_until_deleted("e")


def test_a_requirement_that_is_not_installed_is_named_with_its_remedy(cloud: Cloud):
    body = archive({"code/inference.py": "x = 1", "code/requirements.txt": "surely-not-installed==1.0\n"})
    cloud.s3.put_object(Bucket=BUCKET, Key="m", Body=body)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m", "Environment": ENVIRONMENT}
    cloud.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    cloud.create_config("m")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    reason = cloud.wait_until_settled("e")["FailureReason"]
    assert "surely-not-installed==1.0 is not installed in this Python" in reason
    assert "pip install 'surely-not-installed==1.0'" in reason


def test_code_may_be_an_archive_of_its_own(cloud: Cloud):
    script = (
        "def model_fn(d): return 'own'\ndef transform_fn(model, data, kind, accept): return model, accept"
    )
    cloud.s3.put_object(Bucket=BUCKET, Key="code.tar.gz", Body=archive({"serve.py": script}))
    described = cloud.deploy(
        "e", "m", SAGEMAKER_PROGRAM="serve.py", SAGEMAKER_SUBMIT_DIRECTORY=f"s3://{BUCKET}/code.tar.gz"
    )
    assert described["EndpointStatus"] == "InService", described
    assert cloud.invoke("e") == "own"


@pytest.mark.parametrize("folder", [{}, {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code"}])
def test_a_model_that_names_its_script_alone_fails_as_in_the_image(cloud: Cloud, folder):
    container = {
        "Image": IMAGE,
        "ModelDataUrl": cloud.put_model("m"),
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", **folder},
    }
    cloud.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    cloud.create_config("m")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    described = cloud.wait_until_settled("e")
    assert described["EndpointStatus"] == "Failed"
    assert (
        "inference.py is not in /opt/ml/code, which is empty in the image. Set SAGEMAKER_SUBMIT_DIRECTORY to "
        "/opt/ml/model/code" in described["FailureReason"]
    )


def test_what_the_local_aws_cannot_serve_it_refuses_at_once(cloud: Cloud):
    container = {"Image": IMAGE, "ModelDataUrl": cloud.put_model("m"), "Environment": ENVIRONMENT}
    prefix = {
        "S3DataSource": {"S3Uri": f"s3://{BUCKET}/m", "S3DataType": "S3Prefix", "CompressionType": "None"}
    }
    cases = {
        "two": {"Containers": [container, container]},
        "many": {"PrimaryContainer": {**container, "Mode": "MultiModel"}},
        "prefix": {"PrimaryContainer": {"Image": IMAGE, "ModelDataSource": prefix}},
    }
    answers = {
        name: refused(cloud.sagemaker.create_model, ModelName=name, ExecutionRoleArn=ROLE, **params)
        for name, params in cases.items()
    }
    reasons = {
        "two": "models of 2 containers; it serves models of one",
        "many": "multi-model containers",
        "prefix": "models from an S3 prefix; it serves models from a model.tar.gz",
    }
    assert answers == {
        name: ("ValidationException", f"The local AWS does not support {reason}.", 400)
        for name, reason in reasons.items()
    }


def test_duplicates_and_what_does_not_exist_are_refused(cloud: Cloud):
    cloud.deploy("e", "m")
    assert refused(cloud.sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="m") == (
        "ValidationException",
        f'Cannot create already existing endpoint "{ARN}:endpoint/e".',
        400,
    )
    missing = f'Could not find endpoint "{ARN}:endpoint/nope".'
    for call in (cloud.sagemaker.describe_endpoint, cloud.sagemaker.delete_endpoint):
        assert refused(call, EndpointName="nope") == ("ValidationException", missing, 400)
    no_config = f'Could not find endpoint configuration "{ARN}:endpoint-config/nope".'
    assert (
        refused(cloud.sagemaker.create_endpoint, EndpointName="f", EndpointConfigName="nope")[1] == no_config
    )
    assert (
        refused(cloud.sagemaker.update_endpoint, EndpointName="e", EndpointConfigName="nope")[1] == no_config
    )


def test_endpoints_are_listed_by_status_and_time(cloud: Cloud):
    cloud.deploy("good", "m")
    cloud.deploy("bad", "x", "import not_a_module")

    def names(**params):
        return [each["EndpointName"] for each in cloud.sagemaker.list_endpoints(**params)["Endpoints"]]

    assert names() == ["bad", "good"]
    assert names(StatusEquals="InService") == ["good"]
    assert names(SortBy="Status", SortOrder="Ascending") == ["bad", "good"]
    modified = cloud.sagemaker.describe_endpoint(EndpointName="good")["LastModifiedTime"]
    assert names(LastModifiedTimeAfter=modified) == ["bad"]
