"""The objects that a transform job reads, and where the output of each of them goes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_aws.sagemaker.objects import Objects, S3Object, split_uri
from local_aws.sagemaker.transform.definition import Definition
from local_aws.sagemaker.transform.failures import JobFailed

_MANIFEST_LIMIT = 64 * 1024**2


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
    if definition.data_type == "ManifestFile":
        found = list(dict.fromkeys(_read_manifest(objects, definition.input_uri, folder / "manifest")))
    else:
        place = split_uri(definition.input_uri)
        keys = [each.key for each in objects.list(place.bucket, place.key) if not each.key.endswith("/")]
        found = [(S3Object(place.bucket, key), _find_below(place.key, key)) for key in keys]
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


def _find_below(prefix: str, key: str) -> str:
    """Find the part of a key below a prefix, which may end within a name."""
    if prefix and not prefix.endswith("/") and key.startswith(f"{prefix}/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def _place_output(uri: str, below: str) -> S3Object:
    folder = split_uri(uri)
    above = f"{folder.key.rstrip('/')}/" if folder.key else ""
    return S3Object(folder.bucket, f"{above}{below}.out")


def _read_manifest(objects: Objects, uri: str, path: Path) -> Iterator[tuple[S3Object, str]]:
    with objects.open(split_uri(uri), path) as content:
        if content is None:
            raise JobFailed(f"ClientError: S3 key: {uri} matched no files on s3")
        text = content.read(_MANIFEST_LIMIT)
    try:
        first, *rest = json.loads(text)
        prefix = first["prefix"]
        names = [str(each) for each in rest]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise JobFailed(
            f"ClientError: {uri} is not a manifest. It must be a JSON list: an object with the prefix, then "
            "the rest of each S3 URI."
        ) from error
    if not isinstance(prefix, str) or not prefix.startswith("s3://"):
        raise JobFailed(f"ClientError: the prefix in the manifest {uri} must begin with s3://.")
    for name in names:
        yield split_uri(f"{prefix}{name}"), name
