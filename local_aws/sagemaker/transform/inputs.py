"""The objects that a transform job reads, and where the output of each of them goes."""

from dataclasses import dataclass
from pathlib import Path

from local_aws.sagemaker.data_source import find_objects
from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.objects import Objects, S3Object, split_uri
from local_aws.sagemaker.transform.definition import Definition


@dataclass(frozen=True)
class Input:
    """An object to read.

    Attributes:
        source: The object.
        output: The object with what the model makes of it.
    """

    source: S3Object
    output: S3Object


def find_inputs(objects: Objects, definition: Definition, folder: Path) -> list[Input]:
    """Find the objects of a prefix or a manifest.

    Args:
        objects: The S3.
        definition: What the job is to do.
        folder: A folder for the manifest.

    Raises:
        JobFailed: If there is none, or the manifest is not one.
    """
    found = find_objects(objects, definition.data_type, definition.input_uri, folder / "manifest")
    if not found:
        raise JobFailed(f"ClientError: S3 key: {definition.input_uri} matched no files on s3")
    inputs = [Input(source, _place_output(definition.output_uri, below)) for source, below in found]
    _check_outputs(inputs)
    return inputs


def _check_outputs(inputs: list[Input]) -> None:
    """Check that no two inputs have one output, as can be if a prefix does not end with a slash."""
    sources: dict[S3Object, S3Object] = {}
    for each in inputs:
        other = sources.setdefault(each.output, each.source)
        if other != each.source:
            raise JobFailed(
                f"ClientError: s3://{other} and s3://{each.source} would have the same output, "
                f"s3://{each.output}. Give a prefix that ends with a slash."
            )


def _place_output(uri: str, below: str) -> S3Object:
    folder = split_uri(uri)
    above = f"{folder.key.rstrip('/')}/" if folder.key else ""
    return S3Object(folder.bucket, f"{above}{below}.out")
