"""Let SageMaker's own SDK make, start, await, list, stop and delete pipelines on a local AWS.

    python -m venv /some/folder && /some/folder/bin/pip install sagemaker-mlops   # 1 GB
    python scripts/try_sagemaker_sdk.py --python /some/folder/bin/python

This starts a local AWS, and runs itself with the other Python, whose client is the SDK's: `Pipeline.upsert`,
`start`, `wait`, `list_steps`, `list_parameters`, `stop`, `delete`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

REGION = "eu-west-1"
BUCKET = "sdk-data"
ROLE = "arn:aws:iam::123456789012:role/any"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
"""The SDK looks whether SageMaker may assume the role."""
CODE = "/opt/ml/processing/input/code"
SCRIPT = "import sys, time\nprint('runs')\ntime.sleep(float(sys.argv[1]))\nsys.exit(int(sys.argv[2]))\n"


def serve(python: Path) -> int:
    """Start a local AWS, and run the clients in another Python."""
    import local_aws

    with tempfile.TemporaryDirectory() as folder:
        aws, _ = local_aws.start(Path(folder), region=REGION, exit_with_parent=True)
        try:
            s3 = aws.client("s3")
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_object(Bucket=BUCKET, Key="code/script.py", Body=SCRIPT)
            aws.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps(TRUST))
            variables = {**aws.environment(), "AWS_DEFAULT_REGION": REGION, "PATH": "/usr/bin:/bin"}
            return subprocess.run([python, __file__], env=variables, check=False).returncode
        finally:
            local_aws.stop(Path(folder))


def make_pipeline(name: str, seconds: str, code: str) -> Any:
    """Make a pipeline of two steps by the SDK's classes."""
    from sagemaker.core.processing import Processor
    from sagemaker.core.shapes import ProcessingInput, ProcessingS3Input
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.steps import ProcessingStep

    session = PipelineSession(default_bucket=BUCKET)
    given = ParameterString(name="Code", default_value=code)
    source = ProcessingS3Input(
        s3_uri=f"s3://{BUCKET}/code", local_path=CODE, s3_data_type="S3Prefix", s3_input_mode="File"
    )

    def make_step(step: str, after: list[str], *arguments: Any) -> Any:
        processor = Processor(
            role=ROLE,
            image_uri="image",
            instance_count=1,
            instance_type="ml.m5.large",
            entrypoint=["python3", f"{CODE}/script.py"],
            sagemaker_session=session,
        )
        run = processor.run(
            inputs=[ProcessingInput(input_name="code", s3_input=source)], arguments=list(arguments)
        )
        return ProcessingStep(name=step, step_args=run, depends_on=after)

    steps = [make_step("first", [], "0", "0"), make_step("second", ["first"], seconds, given)]
    return Pipeline(name=name, parameters=[given], steps=steps, sagemaker_session=session)


def use_the_sdk() -> int:
    """Be its client."""
    pipeline = make_pipeline("runs", "0", "0")
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start()
    execution.wait(delay=1, max_attempts=60)
    statuses = {each["StepName"]: each["StepStatus"] for each in execution.list_steps()}
    assert statuses == {"first": "Succeeded", "second": "Succeeded"}, statuses
    assert execution.describe()["PipelineExecutionStatus"] == "Succeeded"
    values = execution.list_parameters()["PipelineParameters"]
    assert values == [{"Name": "Code", "Value": "0"}], values
    fails = pipeline.start(parameters={"Code": "3"})
    try:
        fails.wait(delay=1, max_attempts=60)
    except Exception as error:  # noqa: BLE001 - the SDK's own
        print(f"wait() of a run that fails: {type(error).__name__}")
    else:
        raise AssertionError("a run whose step fails has succeeded")
    [failed] = [each for each in fails.list_steps() if each["StepStatus"] == "Failed"]
    assert failed["FailureReason"].endswith("exit code: 3"), failed
    make_pipeline("runs", "0", "1").upsert(role_arn=ROLE)  # another version
    assert '"1"' in pipeline.describe()["PipelineDefinition"]
    pipeline.delete()
    stopped = make_pipeline("stops", "600", "0")
    stopped.create(role_arn=ROLE)
    execution = stopped.start()
    execution.stop()
    assert execution.describe()["PipelineExecutionStatus"] in ("Stopping", "Stopped")
    print("The SDK's pipelines run on the local AWS.")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", type=Path, help="the Python that has the SDK")
    chosen = parser.parse_args()
    sys.exit(serve(chosen.python) if chosen.python else use_the_sdk())
