"""Transform jobs: what is read, how it is cut into requests, and what is written."""

import csv
import gzip
import io
import json
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import pytest
from local_cloud import ARN, BUCKET, ENVIRONMENT, IMAGE, ROLE, Cloud, refused
from transform_jobs import ECHO, MODEL, Jobs

SCOPE: dict[str, Any] = {}
exec(MODEL, SCOPE)
predict = SCOPE["predict"]
ROWS = (("id-1", 1.0, 2.0), ('a "quoted", id', -3.0, 4.5))
SET = (
    "SAGEMAKER_PROGRAM",
    "SAGEMAKER_BATCH",
    "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
    "SAGEMAKER_BATCH_STRATEGY",
)


@pytest.fixture
def jobs(cloud: Cloud) -> Jobs:
    cloud.create_model("linear", MODEL)
    cloud.create_model("echo", ECHO)
    return Jobs(cloud)


def register(cloud: Cloud, name: str) -> None:
    """Make a model of an approved package, as `kedro aws` does."""
    container = {"Image": IMAGE, "ModelDataUrl": cloud.put_model(name, MODEL), "Environment": ENVIRONMENT}
    kinds = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    cloud.sagemaker.create_model_package_group(ModelPackageGroupName="flights")
    package = cloud.sagemaker.create_model_package(
        ModelPackageGroupName="flights",
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [container], **kinds},
    )
    cloud.sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        Containers=[{"ModelPackageName": package["ModelPackageArn"]}],
    )


def test_every_object_below_a_prefix_gets_the_models_predictions(jobs: Jobs) -> None:
    rows = {
        "one.csv": [(1.5, 2.0), (3.0, -4.0)],
        "deep/two.csv": [(0.1 * each, each) for each in range(70_000)],
        "../up ü?.csv": [(7.0, 7.0)],
    }
    for name, each in rows.items():
        jobs.put_key(f"in/{name}", "".join(f"{a},{b}\n" for a, b in each).encode())
    jobs.put_key("in/empty.csv", b"")
    jobs.put_key("in/folder/", b"")
    jobs.put_key("inside.csv", b"1,1\n")
    register(jobs.cloud, "packaged")
    tags = [{"Key": "team", "Value": "a"}]
    many = {"MaxPayloadInMB": 1, "MaxConcurrentTransforms": 2, "instances": 3}
    created = jobs.create("packaged", name="Flights-1", Tags=tags, **many)
    job = jobs.wait(created)
    assert job["TransformJobStatus"] == "Completed", (job, jobs.read_log(created))
    expected = {
        f"{name}.out": "".join(f"{value}\n" for value in predict(each)).encode()
        for name, each in rows.items()
    }
    assert jobs.read() == {**expected, "empty.csv.out": b""}
    arn = f"{ARN}:transform-job/flights-1"
    assert job["TransformJobArn"] == arn
    assert job["CreationTime"] < job["TransformStartTime"] < job["TransformEndTime"]
    assert job["TransformInput"]["CompressionType"] == "None"
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert jobs.cloud.sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    log = jobs.read_log(created)
    assert log[0] == "MaxConcurrentTransforms=2, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD"
    assert f"{BUCKET}/in/deep/two.csv: Transformed 70000 lines." in log
    requests = [line for line in jobs.read_log(created, data=False) if "HTTP/1.1" in line]
    size = len(jobs.cloud.s3.get_object(Bucket=BUCKET, Key="in/deep/two.csv")["Body"].read())
    assert len(requests) == 2 + -(-size // 1024**2)
    summary = jobs.cloud.sagemaker.list_transform_jobs(SortBy="Status", StatusEquals="Completed")
    (listed,) = summary["TransformJobSummaries"]
    assert listed["TransformJobArn"] == arn
    assert listed["LastModifiedTime"] >= listed["TransformEndTime"]


def test_how_inputs_are_cut_and_outputs_are_assembled(jobs: Jobs) -> None:
    jobs.put(in__a_csv=b'h\r\n1\n\n2,"x\ny"', other__b_gz=gzip.compress(b"3\n4\n"))
    head = "[text/csv|text/csv|"

    def run(**changes: Any) -> dict[str, bytes]:
        jobs.clear()
        job = jobs.run("echo", **changes)
        assert job["TransformJobStatus"] == "Completed", (job, jobs.read_log(job["TransformJobName"]))
        return jobs.read()

    whole = f'{head}h\r\n1\n\n2,"x\ny"]'
    assert run() == {"a.csv.out": f"{whole}\n".encode()}
    assert run(result={"AssembleWith": None}, given={"SplitType": None}) == {"a.csv.out": whole.encode()}
    single = "".join(f"{head}{record}]\n" for record in ("h", "1", '2,"x', 'y"'))
    assert run(BatchStrategy="SingleRecord", MaxConcurrentTransforms=4) == {"a.csv.out": single.encode()}
    nothing = run(result={"Accept": None}, given={"ContentType": None})
    assert nothing["a.csv.out"].startswith(b"[application/json|application/json|h")
    manifest = [{"prefix": f"s3://{BUCKET}/"}, "in/a.csv", "other/b.gz", "other/b.gz"]
    jobs.put(list_manifest=json.dumps(manifest).encode())
    both = run(uri="list.manifest", data_type="ManifestFile", given={"SplitType": "None"})
    assert both["in/a.csv.out"] == f"{whole}\n".encode()
    assert list(both) == ["in/a.csv.out", "other/b.gz.out"]
    unpacked = run(uri="other/b", given={"CompressionType": "Gzip"}, BatchStrategy="SingleRecord")
    assert unpacked == {"b.gz.out": f"{head}3]\n{head}4]\n".encode()}


def test_the_container_knows_that_it_runs_a_job(jobs: Jobs) -> None:
    jobs.put(in__a_csv=b"environment\n")

    def run(**changes: Any) -> tuple[dict[str, str], str]:
        name = jobs.create("echo", **changes)
        assert jobs.wait(name)["TransformJobStatus"] == "Completed"
        variables = json.loads(jobs.read()["a.csv.out"])
        return {k: v for k, v in variables.items() if k in SET}, jobs.read_log(name)[0]

    assert run() == (
        {"SAGEMAKER_BATCH": "true", "SAGEMAKER_PROGRAM": "inference.py"},
        "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD",
    )
    proposed = {"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 7}
    given, line = run(
        MaxPayloadInMB=2, Environment={"PROPOSED": json.dumps(proposed), "SAGEMAKER_BATCH": "no"}
    )
    assert given["SAGEMAKER_BATCH"] == "true"
    assert given["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "2"
    assert line == "MaxConcurrentTransforms=3, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD"
    given, _ = run(MaxPayloadInMB=3, MaxConcurrentTransforms=4, BatchStrategy="SingleRecord")
    assert given == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
    }


def test_rows_are_filtered_and_joined_with_their_predictions(jobs: Jobs) -> None:
    rows, predictions = list(ROWS), predict([row[1:] for row in ROWS])
    jobs.put(in__a_csv=b'id-1,1.0,2.0\r\n\n"a ""quoted"", id",-3.0,4.5')

    def run(uri: str = "in/a.csv", **changes: Any) -> list[list[str]]:
        processing = {"InputFilter": "$[1:]", "JoinSource": "Input", **changes.pop("processing", {})}
        name = jobs.create("linear", uri, DataProcessing=processing, **changes)
        assert jobs.wait(name)["TransformJobStatus"] == "Completed", jobs.read_log(name)
        return list(csv.reader(io.StringIO(jobs.read()[f"{uri.removeprefix('in/')}.out"].decode())))

    expected = [[*map(str, row), str(y)] for row, y in zip(rows, predictions, strict=True)]
    assert run() == expected
    assert run(BatchStrategy="SingleRecord", MaxConcurrentTransforms=3) == expected
    ends = [[row[0], row[-1]] for row in expected]
    assert run(processing={"OutputFilter": "$[0,-1]"}) == ends
    assert run(processing={"OutputFilter": "$[0,3:]"}) == ends
    assert run(processing={"OutputFilter": "$[:1]"}) == [row[:2] for row in expected]  # AWS counts the end in
    assert run(processing={"JoinSource": "None"}) == [[row[-1]] for row in expected]


def test_documents_are_filtered_and_joined_with_their_predictions(jobs: Jobs) -> None:
    rows, predictions = list(ROWS), predict([row[1:] for row in ROWS])
    documents = [{"id": row[0], "features": list(row[1:])} for row in rows]
    lines = "\n".join(json.dumps(each) for each in documents)
    jobs.put(in__b_jsonl=lines.encode(), in__c_json=b"[1.0,2.0]")
    kind = "application/jsonlines"
    filters = {"InputFilter": "$.features", "JoinSource": "Input"}

    def run_json(uri: str = "in/b.jsonl", split: str = "Line", **changes: Any) -> list[Any]:
        name = jobs.create(
            "linear", uri, given={"ContentType": kind, "SplitType": split}, result={"Accept": kind}, **changes
        )
        assert jobs.wait(name)["TransformJobStatus"] == "Completed", jobs.read_log(name)
        return [json.loads(line) for line in jobs.read()[f"{uri.removeprefix('in/')}.out"].splitlines()]

    joined = [{**each, "SageMakerOutput": {"y": y}} for each, y in zip(documents, predictions, strict=True)]
    assert run_json(DataProcessing=filters) == joined
    named = {**filters, "OutputFilter": "$['id','SageMakerOutput']"}
    short = [{"id": each["id"], "SageMakerOutput": each["SageMakerOutput"]} for each in joined]
    assert run_json(DataProcessing=named, BatchStrategy="SingleRecord") == short
    assert run_json(DataProcessing={**filters, "OutputFilter": "$.SageMakerOutput.y"}) == predictions
    assert run_json(split="None", DataProcessing=filters) == joined
    assert run_json("in/c.json", "None", DataProcessing={"JoinSource": "Input"}) == [
        {"SageMakerInput": [1.0, 2.0], "SageMakerOutput": {"y": predict([(1.0, 2.0)])[0]}}
    ]


def test_captured_data_are_manifests_and_ids(jobs: Jobs) -> None:
    jobs.put(in__x__a_csv=b"1,2\n3,4\n", in__x__y__b_csv=b"5,6\n")
    capture = {"DestinationS3Uri": f"s3://{BUCKET}/captured", "GenerateInferenceId": True}
    job = jobs.run("linear", "in/x", DataCaptureConfig=capture)
    assert job["TransformJobStatus"] == "Completed"
    rows = [line.split(",") for line in jobs.read()["a.csv.out"].decode().splitlines()]
    assert [float(row[0]) for row in rows] == predict([(1, 2), (3, 4)])
    started = job["TransformStartTime"].astimezone(timezone.utc)
    assert all(
        abs((datetime.fromisoformat(row[2].replace("Z", "+00:00")) - started).total_seconds()) < 5
        for row in rows
    )
    assert len({UUID(row[1]) for row in rows}) == 2
    hour = f"{started:%Y/%m/%d/%H}"
    manifests = {key.rpartition("/")[0]: json.loads(body) for key, body in jobs.read("captured/").items()}
    assert manifests == {
        f"input/{hour}": [{"prefix": f"s3://{BUCKET}/in/x/"}, "a.csv", "y/b.csv"],
        f"output/{hour}": [{"prefix": f"s3://{BUCKET}/out/"}, "a.csv.out", "y/b.csv.out"],
    }


def test_what_aws_refuses_is_refused_at_once(jobs: Jobs) -> None:
    name = jobs.create("echo", "nothing-there/")
    jobs.wait(name)

    def refuse(model: str = "echo", **changes: Any) -> str:
        code, message, status = refused(lambda **params: jobs.create(model, **params), **changes)
        assert (code, status) == ("ValidationException", 400)
        return message

    taken = refused(lambda **params: jobs.create("echo", **params), name=name)
    assert taken[0] == "ResourceInUse"
    assert f"transform job with this name already exists ({ARN}:transform-job/{name})" in taken[1]
    assert refuse("absent") == f'Could not find model "{ARN}:model/absent".'
    assert "'transformOutput.s3OutputPath' failed to satisfy" in refuse(result={"S3OutputPath": "/tmp/x"})
    assert "does not support SplitType TFRecord" in refuse(given={"SplitType": "TFRecord"})
    assert "RecordIO" in refuse(given={"SplitType": "RecordIO"})
    assert "MaxPayloadInMB cannot be greater than 100 MB" in refuse(MaxPayloadInMB=101)
    assert "cannot exceed 100 MB, and is 10 * 11 = 110" in refuse(
        MaxPayloadInMB=11, MaxConcurrentTransforms=10
    )
    assert "InputFilter $.a names attributes" in refuse(DataProcessing={"InputFilter": "$.a"})
    assert "OutputFilter $[0 is not a supported JSONPath" in refuse(DataProcessing={"OutputFilter": "$[0"})
    join = {"JoinSource": "Input"}
    assert "both CSV, or both JSON" in refuse(DataProcessing=join, result={"Accept": "application/json"})
    assert "not image/png" in refuse(DataProcessing=join, given={"ContentType": "image/png"})
    assert "SplitType and AssembleWith to be Line" in refuse(DataProcessing=join, given={"SplitType": "None"})
    client = jobs.cloud.sagemaker
    for call in (client.describe_transform_job, client.stop_transform_job):
        assert refused(call, TransformJobName="absent")[:2] == (
            "ValidationException",
            "Could not find requested job with name: absent",
        )
    assert refused(client.stop_transform_job, TransformJobName=name)[1] == (
        "The request was rejected because the transform job is in status Failed."
    )
