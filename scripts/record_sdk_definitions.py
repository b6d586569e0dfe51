"""Record what SageMaker's own SDK writes as the definition of the pipelines in tests/cases/workflow.

    python -m venv /some/folder && /some/folder/bin/pip install sagemaker-mlops   # 1 GB
    /some/folder/bin/python scripts/record_sdk_definitions.py

The SDK is given what a case's `workflow.json` says of the steps, by its own classes: processors, steps, retry
policies, parameters. `tests/unit/plan/test_sdk_definitions.py` compares ours with what this writes, without
the SDK. It sends no request.

    python scripts/record_sdk_definitions.py --schema FILE   # checks the recorded cases by AWS's JSON schema

AWS's schema is in aws-sagemaker-mlops/sagemaker-model-building-pipeline-definition-JSON-schema on GitHub. It
is not kept here; the points in which it is older than AWS's documentation are named below.
"""

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "unit" / "plan" / "sdk_definitions.json"
CASES = ("named-steps", "spaceflights-by-node", "spaceflights-all")
PLACE = {
    "files": "s3://my-flights-data/kedro-aws/my_flights/aws/jobs/0a1b2c3d",
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1",
    "role_arn": "arn:aws:iam::123456789012:role/sagemaker",
    "tags": {"kedro-aws:project": "my_flights", "kedro-aws:env": "aws"},
}
FOLDER = "/opt/ml/processing/input/job"
STALE = ("PipelineExperimentConfig", "ExceptionType as a list")
"""Where AWS's schema of April 2025 refuses what AWS's documentation and SDK have."""


def record(case: str) -> dict[str, Any]:
    """Let the SDK write the definition of a case."""
    import boto3  # noqa: TID251 - the SDK wants a session; nothing is sent
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow.pipeline import Pipeline

    session = PipelineSession(boto_session=boto3.Session(region_name="eu-west-1"), default_bucket="b")
    names = {name: ParameterString(name=name, default_value="") for name in ("RunId", "Request", "Scheduled")}
    asked = [
        *("--run-id", names["RunId"]),
        *("--started", ExecutionVariables.START_DATETIME),
        *("--execution", ExecutionVariables.PIPELINE_EXECUTION_ID),
        *("--request", names["Request"]),
        *("--scheduled", names["Scheduled"]),
    ]
    workflow = json.loads((ROOT / "tests/cases/workflow" / case / "workflow.json").read_text("utf-8"))
    steps = [make_step(each, asked, session) for each in workflow["steps"]]
    pipeline = Pipeline(
        name=case,
        parameters=list(names.values()),
        pipeline_experiment_config=None,
        steps=steps,
        sagemaker_session=session,
    )
    written: dict[str, Any] = json.loads(pipeline.definition())
    return written


def make_step(group: dict[str, Any], asked: list[Any], session: Any) -> Any:
    """Make a step of the SDK."""
    from sagemaker.core.processing import Processor
    from sagemaker.core.shapes import ProcessingInput, ProcessingS3Input
    from sagemaker.mlops.workflow.retry import (
        SageMakerJobExceptionTypeEnum,
        SageMakerJobStepRetryPolicy,
        StepExceptionTypeEnum,
        StepRetryPolicy,
    )
    from sagemaker.mlops.workflow.steps import ProcessingStep

    resources = group["resources"]
    processor = Processor(
        role=PLACE["role_arn"],
        image_uri=PLACE["image"],
        instance_count=1,
        instance_type=resources["instance_type"],
        volume_size_in_gb=resources["volume_gb"],
        max_runtime_in_seconds=60 * resources["timeout_minutes"],
        entrypoint=["python3", f"{FOLDER}/bootstrap.py"],
        env=resources["environment"] or None,
        tags=[{"Key": key, "Value": value} for key, value in PLACE["tags"].items()],  # type: ignore[attr-defined]
        sagemaker_session=session,
    )
    source = ProcessingS3Input(
        s3_uri=PLACE["files"],
        local_path=FOLDER,
        s3_data_type="S3Prefix",
        s3_input_mode="File",
        s3_data_distribution_type="FullyReplicated",
    )
    often = {
        "interval_seconds": 30,
        "backoff_rate": 2.0,
        "max_attempts": resources["infrastructure_retries"],
    }
    step, job = StepExceptionTypeEnum, SageMakerJobExceptionTypeEnum
    return ProcessingStep(
        name=group["name"],
        description=", ".join(group["nodes"]),
        step_args=processor.run(
            inputs=[ProcessingInput(input_name="job", s3_input=source)],
            arguments=["--step", group["name"], *asked],
        ),
        depends_on=group["parents"] or None,
        retry_policies=[
            StepRetryPolicy(exception_types=[step.SERVICE_FAULT, step.THROTTLING], **often),
            SageMakerJobStepRetryPolicy(exception_types=[job.INTERNAL_ERROR, job.CAPACITY_ERROR], **often),
        ],
    )


def check_by_schema(schema: Path) -> list[str]:
    """Check our definitions of the recorded cases by AWS's schema, but for `STALE`; what it refuses."""
    import jsonschema

    sys.path.insert(0, str(ROOT / "tests"))
    sys.path.insert(0, str(ROOT / "tests" / "unit" / "plan"))
    from test_sdk_definitions import build_ours  # the same as the test compares

    check = jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8")))
    return [
        f"{case}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for case in CASES
        for error in check.iter_errors(take_old_form(build_ours(case)))
    ]


def take_old_form(definition: dict[str, Any]) -> dict[str, Any]:
    """Write a definition without what the schema does not know: one exception type for a list of them."""
    del definition["PipelineExperimentConfig"]
    for step in definition["Steps"]:
        for policy in step.get("RetryPolicies", ()):
            policy["ExceptionType"] = policy["ExceptionType"][0]
    return definition


def main() -> int:
    """Record, or check by the schema."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--schema", type=Path, help="a file with AWS's JSON schema")
    given = parser.parse_args()
    if given.schema:
        refused = check_by_schema(given.schema)
        print("\n".join(refused) or f"AWS's schema accepts {', '.join(CASES)}, but for {', '.join(STALE)}.")
        return 1 if refused else 0
    recorded = {
        "versions": {name: version(name) for name in ("sagemaker-mlops", "sagemaker-core")},
        "place": PLACE,
        "definitions": {case: record(case) for case in CASES},
    }
    RECORDED.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Wrote {RECORDED.relative_to(ROOT)}, by {recorded['versions']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
