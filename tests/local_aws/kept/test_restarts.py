"""The control planes after a kill and a stop, as their clients see them."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from control_planes import (
    describe_query,
    make_athena,
    make_registry,
    read_athena,
    read_registry,
    run_query,
    without_metadata,
)
from lasting import Lasting
from local_cloud import BUCKET, ECHO, Cloud, archive, variant

from local_aws.kept.folder import UnusableError
from local_aws.kept.services import KeptServices

pytestmark = pytest.mark.slow

# Runs for longer than a test waits.
ENDLESS = (
    "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x), UNNEST(sequence(1, 10000)) b(y), "
    "UNNEST(sequence(1, 10000)) c(z) WHERE x * y % 7 = z % 11"
)
SLOW_TO_LOAD = ECHO.replace("    print", "    import time; time.sleep(120)\n    print")


@pytest.fixture
def open_cloud(lasting: Lasting) -> Callable[[], Cloud]:
    """Make the clients of the server that runs now."""
    lasting.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return lambda: Cloud(
        lasting.aws, *(lasting.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime"))
    )


def wait_for_streams(lasting: Lasting, group: str, count: int) -> set[str]:
    """Wait until a log group has streams, and return their names."""
    logs = lasting.client("logs")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
            if len(streams) == count:
                return {each["logStreamName"] for each in streams}
        time.sleep(0.1)
    pytest.fail(f"{group} has not {count} streams")


def test_a_stop_delivers_the_last_lines_of_models(lasting: Lasting, open_cloud: Callable[[], Cloud]):
    """Otherwise lines wait some seconds for the next ones."""
    cloud = open_cloud()
    cloud.deploy("e", "m", ECHO.replace("text = data", "print('was asked for', data)\n    text = data"))
    for number in range(3):
        cloud.invoke("e", str(number))
    lasting.stop()
    events = lasting.client("logs").filter_log_events(logGroupName="/aws/sagemaker/Endpoints/e")["events"]
    lines = [event["message"] for event in events if "was asked for" in event["message"]]
    assert lines == [f"was asked for {number}" for number in range(3)]


def test_registry_and_athena_survive_a_kill_and_a_stop_and_go_on(
    lasting: Lasting, open_cloud: Callable[[], Cloud]
):
    make_registry(open_cloud().sagemaker)
    query = make_athena(lasting.client("athena"))
    before = [read_registry(open_cloud().sagemaker), read_athena(lasting.client("athena"), query)]
    for end in (lasting.kill, lasting.stop):
        end()
        sagemaker, athena = lasting.client("sagemaker"), lasting.client("athena")
        assert [read_registry(sagemaker), read_athena(athena, query)] == before
    arn = sagemaker.create_model_package(ModelPackageGroupName="prices")["ModelPackageArn"]
    assert arn.endswith("/4")
    newer = run_query(athena, "SELECT 2")
    assert athena.list_query_executions()["QueryExecutionIds"] == [newer, query]


def test_what_was_under_way_at_a_kill_settles(lasting: Lasting, open_cloud: Callable[[], Cloud]):
    cloud, athena = open_cloud(), lasting.client("athena")
    cloud.deploy("serving", "m")
    cloud.create_model("slow", SLOW_TO_LOAD)
    cloud.create_config("slow")
    cloud.sagemaker.create_endpoint(EndpointName="new", EndpointConfigName="slow")
    cloud.sagemaker.update_endpoint(EndpointName="serving", EndpointConfigName="slow")
    query = run_query(athena, ENDLESS)
    describe_query(athena, query, until={"RUNNING"})
    lasting.kill()
    status = describe_query(lasting.client("athena"), query, until={"FAILED"})["Status"]
    assert status["StateChangeReason"].startswith("INTERNAL_ERROR_QUERY_ENGINE: ")
    assert status["AthenaError"]["ErrorCategory"] == 1
    assert status["AthenaError"]["Retryable"] is True
    new = open_cloud().sagemaker.describe_endpoint(EndpointName="new")
    assert new["EndpointStatus"] == "Failed"
    assert new["FailureReason"].startswith("Request to service failed")
    updated = open_cloud().sagemaker.describe_endpoint(EndpointName="serving")
    assert (updated["EndpointStatus"], updated["EndpointConfigName"]) == ("InService", "m")
    assert "PendingDeploymentSummary" not in updated
    assert open_cloud().invoke("serving", "1") == "m:1:text/csv"


def test_an_endpoint_is_in_service_and_starts_with_the_first_request(
    lasting: Lasting, open_cloud: Callable[[], Cloud]
):
    cloud = open_cloud()
    described = without_metadata(cloud.deploy("e", "m"))
    cloud.sagemaker.delete_endpoint_config(EndpointConfigName="m")  # as on AWS, it serves on
    cloud.sagemaker.delete_model(ModelName="m")
    former = wait_for_streams(lasting, "/aws/sagemaker/Endpoints/e", 1)
    lasting.kill()
    cloud = open_cloud()
    assert without_metadata(cloud.sagemaker.describe_endpoint(EndpointName="e")) == described
    assert "Serving" not in described
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda number: cloud.invoke("e", str(number)), range(4)))
    assert answers == [f"m:{number}:text/csv" for number in range(4)]
    assert wait_for_streams(lasting, "/aws/sagemaker/Endpoints/e", 2) > former


def list_captured(cloud: Cloud, variant: str) -> list[str]:
    found = cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/e/{variant}/").get("Contents", [])
    bodies = [cloud.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found]
    records = [json.loads(line) for body in bodies for line in body.splitlines()]
    return sorted(record["captureData"]["endpointInput"]["data"] for record in records)


def test_captures_and_shadow_variants_go_on_and_a_stop_writes_what_was_captured(
    lasting: Lasting, open_cloud: Callable[[], Cloud]
):
    cloud = open_cloud()
    for name in ("m", "s"):
        cloud.create_model(name)
    cloud.sagemaker.create_endpoint_config(
        EndpointConfigName="c",
        ProductionVariants=[variant("m", "production")],
        ShadowProductionVariants=[variant("s", "shadow")],
        DataCaptureConfig={
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/captured",
            "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        },
    )
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    described = without_metadata(cloud.wait_until_settled("e"))
    assert "Capturing" not in described
    lasting.kill()
    cloud = open_cloud()
    assert without_metadata(cloud.sagemaker.describe_endpoint(EndpointName="e")) == described
    assert cloud.invoke("e", "1") == "m:1:text/csv"
    lasting.stop()
    cloud = open_cloud()
    assert list_captured(cloud, "production") == ["1"]
    assert cloud.invoke("e", "2") == "m:2:text/csv"
    lasting.stop()
    assert list_captured(open_cloud(), "production") == ["1", "2"]


def test_an_endpoint_that_cannot_start_again_says_why(lasting: Lasting, open_cloud: Callable[[], Cloud]):
    cloud = open_cloud()
    cloud.deploy("e", "m")
    cloud.s3.put_object(Bucket=BUCKET, Key="m", Body=archive({"code/inference.py": "broken ="}))
    lasting.kill()
    cloud = open_cloud()
    with pytest.raises(ClientError, match="did not pass the ping health check") as caught:
        cloud.invoke("e")
    assert caught.value.response["Error"]["Code"] == "ModelError"
    cloud.put_model("m")
    assert cloud.invoke("e", "1") == "m:1:text/csv"


def test_an_attribute_that_is_only_set_survives_a_kill(lasting: Lasting):
    glue, kms = lasting.client("glue"), lasting.client("kms")
    glue.create_database(DatabaseInput={"Name": "shop"})
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    lasting.kill()  # so that nothing but the next requests can have written it
    lasting.client("glue").update_database(
        Name="shop", DatabaseInput={"Name": "shop", "Description": "of the shop"}
    )
    lasting.client("kms").disable_key(KeyId=key)
    lasting.kill()
    assert lasting.client("glue").get_database(Name="shop")["Database"]["Description"] == "of the shop"
    assert lasting.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_reset_forgets_all_of_it(lasting: Lasting, open_cloud: Callable[[], Cloud]):
    make_registry(open_cloud().sagemaker)
    make_athena(lasting.client("athena"))
    lasting.client("glue").create_database(DatabaseInput={"Name": "shop"})
    lasting.reset()
    lasting.kill()
    assert lasting.client("glue").get_databases()["DatabaseList"] == []
    assert lasting.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert lasting.client("athena").list_query_executions()["QueryExecutionIds"] == []


def test_a_service_that_a_newer_version_cannot_read_begins_empty_and_the_others_do_not(lasting: Lasting):
    lasting.client("sns").create_topic(Name="t")
    lasting.client("glue").create_database(DatabaseInput={"Name": "shop"})
    lasting.stop()
    file = lasting.state_dir / "kept" / "services.sqlite"
    with sqlite3.connect(file) as database:
        database.execute(
            "UPDATE cells SET class = 'moto.sns.models:Gone' WHERE class = 'moto.sns.models:Topic'"
        )
    database.close()
    assert lasting.client("sns").list_topics()["Topics"] == []
    assert [each["Name"] for each in lasting.client("glue").get_databases()["DatabaseList"]] == ["shop"]
    (copy,) = file.parent.glob("*.backup")
    said = [line for line in lasting.log.splitlines() if "could not be taken over" in line]
    assert len(said) == 1
    assert "The state of sns " in said[0]
    assert said[0].endswith(str(copy))
    with sqlite3.connect(copy) as kept:
        assert kept.execute("SELECT count(*) FROM cells WHERE class = 'moto.sns.models:Gone'").fetchone() == (
            1,
        )
    kept.close()
    lasting.client("sns").create_topic(Name="t")
    lasting.kill()
    assert len(lasting.client("sns").list_topics()["Topics"]) == 1


def test_with_an_attribute_that_only_a_newer_moto_has_a_service_is_not_half_taken_over(lasting: Lasting):
    lasting.client("sns").create_topic(Name="t")
    lasting.stop()
    file = lasting.state_dir / "kept" / "services.sqlite"
    script = (
        "import sys; from pathlib import Path; from moto.sns.models import Topic, sns_backends\n"
        "from local_aws.kept.services import KeptServices\n"
        "kept = KeptServices(Path(sys.argv[1]))\n"
        "topic = next(iter(sns_backends['123456789012']['eu-west-1'].topics.values()))\n"
        "del topic.display_name; kept.moto.close()\n"
    )
    run(script, file.parent)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE facts SET value = '1.0' WHERE name = 'moto'")
    database.close()
    assert lasting.client("sns").list_topics()["Topics"] == []
    assert "Topic has display_name now" in lasting.log


def run(script: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, timeout=60)


def test_eight_clients_at_once_and_a_kill_leave_each_answered_request_and_no_half_one(lasting: Lasting):
    glue, sns = lasting.client("glue"), lasting.client("sns")
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput={"Name": "t", "PartitionKeys": [{"Name": "k"}]})
    answered: list[str] = []
    ending = threading.Event()

    def work(number: int) -> None:
        for count in range(1000):
            name = f"{number}x{count}"
            try:
                glue.create_partition(DatabaseName="shop", TableName="t", PartitionInput={"Values": [name]})
                arn = sns.create_topic(Name=f"t{name}", Tags=[{"Key": "k", "Value": name}])["TopicArn"]
                sns.delete_topic(TopicArn=arn) if count % 3 == 0 else None
            except (BotoCoreError, ClientError):
                assert ending.is_set()
                return
            answered.append(name)

    with ThreadPoolExecutor(8) as clients:
        working = [clients.submit(work, number) for number in range(8)]
        while len(answered) < 100:
            time.sleep(0.05)
        ending.set()
        known = list(answered)
        lasting.kill()
        for each in working:
            each.result()
    glue, sns = lasting.client("glue"), lasting.client("sns")
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName="shop", TableName="t")
    partitions = {each["Values"][0] for page in pages for each in page["Partitions"]}
    assert set(known) <= partitions
    topics = {
        each["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for each in page["Topics"]
    }
    names = {arn.rsplit(":t", 1)[1]: arn for arn in topics}
    assert {each for each in known if int(each.split("x")[1]) % 3} <= set(names)
    for name, arn in names.items():
        assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": name}]


def test_what_is_damaged_is_named(tmp_path: Path):
    (tmp_path / "services.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(UnusableError, match=r"services\.sqlite cannot be used"):
        KeptServices(tmp_path)
