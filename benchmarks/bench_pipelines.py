"""What a pipeline of the local AWS takes beyond the commands of its steps.

Six processing steps, five of which wait for each other; the sixth runs beside the second. Each imports what
the steps of a project import. The makespan: from StartPipelineExecution until the execution is seen to have
Succeeded. The other side: the same five commands, one after the other, with the sixth beside the second, by
plain subprocesses.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import uuid
from typing import Any

from common import environment, in_turn, judge, ratio_of, row, spread, workshop

import local_aws

GOAL = 1.1
_BUCKET = "benchmark"
_REGION = "eu-west-1"
_ROLE = "arn:aws:iam::123456789012:role/benchmark"
_SCRIPT = "import pandas, sklearn.linear_model, boto3, time\ntime.sleep(0.5)\nprint('done')\n"
_AFTER = {"a": [], "b": ["a"], "beside": ["a"], "c": ["b"], "d": ["c"], "e": ["d", "beside"]}
_PATH = ("a", "b", "c", "d", "e")
_LOOK = 0.02


class Side:
    """The pipeline.

    Args:
        aws: The local AWS.

    Attributes:
        paths: The seconds of the jobs of the critical path, from start to end, of each run.
    """

    def __init__(self, aws: local_aws.LocalAws) -> None:
        self._client = aws.client("sagemaker")
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": _REGION})
        s3.put_object(Bucket=_BUCKET, Key="step.py", Body=_SCRIPT)
        steps = [make_step(name, after) for name, after in _AFTER.items()]
        self._client.create_pipeline(
            PipelineName="six",
            RoleArn=_ROLE,
            ClientRequestToken=uuid.uuid4().hex,
            PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": steps}),
        )
        self.paths: list[float] = []

    def run(self) -> float:
        """Run it, and return its seconds."""
        began = time.perf_counter()
        arn = self._client.start_pipeline_execution(PipelineName="six")["PipelineExecutionArn"]
        while True:
            status = self._client.describe_pipeline_execution(PipelineExecutionArn=arn)[
                "PipelineExecutionStatus"
            ]
            if status != "Executing":
                break
            time.sleep(_LOOK)
        took = time.perf_counter() - began
        if status != "Succeeded":
            sys.exit(f"The execution is {status}.")
        answer = self._client.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        steps = {each["StepName"]: each for each in answer["PipelineExecutionSteps"]}
        self.paths.append(sum(self._measure(steps[name]) for name in _PATH))
        return took

    def _measure(self, step: dict[str, Any]) -> float:
        name = step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
        job = self._client.describe_processing_job(ProcessingJobName=name)
        return float((job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds())


def make_step(name: str, after: list[str]) -> dict[str, Any]:
    """Make a step that runs the script."""
    source = {
        "S3Uri": f"s3://{_BUCKET}/step.py",
        "LocalPath": "/opt/ml/processing/input/code",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    arguments = {
        "RoleArn": _ROLE,
        "AppSpecification": {
            "ImageUri": "image",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/step.py"],
        },
        "ProcessingResources": {"ClusterConfig": cluster},
        "ProcessingInputs": [{"InputName": "code", "S3Input": source}],
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, "DependsOn": after}


def run_commands() -> float:
    """Run the commands of the steps without a pipeline, and return the seconds."""
    command = [sys.executable, "-c", _SCRIPT]
    began = time.perf_counter()
    beside = None
    for name in _PATH:
        if name == "b":
            beside = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment())
        if name == "e" and beside is not None:
            beside.wait()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=5)
    chosen = options.parse_args()
    os.environ.update(environment())
    print("A pipeline of six steps by the commands of its critical path of five")
    with workshop() as folder:
        aws, _ = local_aws.start(folder / ".kedro-aws", region=_REGION, exit_with_parent=True)
        side = Side(aws)
        pairs = in_turn(side.run, run_commands, chosen.pairs)
        row("pipeline", spread([pair[0] for pair in pairs]))
        row("the commands", spread([pair[1] for pair in pairs]))
        own = [(pair[0], path) for pair, path in zip(pairs, side.paths[-len(pairs) :], strict=True)]
        row("by its own jobs' times", str(ratio_of(own)))
        judge(ratio_of(pairs), GOAL)


if __name__ == "__main__":
    main()
