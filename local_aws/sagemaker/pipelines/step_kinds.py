"""The kinds of steps that are requests of SageMaker: which request, and what it makes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StepKind:
    """A kind of steps.

    Attributes:
        create: The operation whose request the step's Arguments are.
        describe: The operation that shows what Gets of the step can name.
        name: The member with the name of what it makes, which the pipeline chooses.
        arn: The member with its ARN.
        metadata: The member of the step's Metadata.
        stop: The operation that stops it; empty if it is made at once.
        status: The member with its status; empty likewise.
    """

    create: str
    describe: str
    name: str
    arn: str
    metadata: str
    stop: str = ""
    status: str = ""


def _make_job_kind(word: str) -> StepKind:
    return StepKind(
        create=f"Create{word}Job",
        describe=f"Describe{word}Job",
        name=f"{word}JobName",
        arn=f"{word}JobArn",
        metadata=f"{word}Job",
        stop=f"Stop{word}Job",
        status=f"{word}JobStatus",
    )


KINDS = {
    "Processing": _make_job_kind("Processing"),
    "Training": _make_job_kind("Training"),
    "Transform": _make_job_kind("Transform"),
    "Model": StepKind("CreateModel", "DescribeModel", "ModelName", "ModelArn", "Model"),
}
"""The kinds by the Type of a step."""

CONTROL = frozenset({"Condition", "Fail"})
"""The Types of steps that decide how an execution goes on."""

UNSUPPORTED = frozenset(
    {
        "Athena",
        "AutoML",
        "BedrockCustomModel",
        "BedrockCustomModelDeployment",
        "BedrockModelImport",
        "BedrockProvisionedModelThroughput",
        "Callback",
        "ClarifyCheck",
        "Cleanup",
        "EMR",
        "EMRServerless",
        "Endpoint",
        "EndpointConfig",
        "ForEach",
        "InferenceComponent",
        "Job",
        "Lambda",
        "Lineage",
        "NotebookJob",
        "QualityCheck",
        "RegisterModel",
        "Tuning",
    }
)
"""The Types of AWS's steps that the local AWS does not run."""
