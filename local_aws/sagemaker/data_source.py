"""The objects that a job reads: those below a prefix, or those that a manifest lists."""

import json
from collections.abc import Iterator
from pathlib import Path

from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.objects import Objects, S3Object, split_uri

_MANIFEST_LIMIT = 64 * 1024**2


def find_objects(objects: Objects, data_type: str, uri: str, manifest: Path) -> list[tuple[S3Object, str]]:
    """Find the objects of a job's input.

    Args:
        objects: The S3.
        data_type: ``S3Prefix`` or ``ManifestFile``.
        uri: The prefix, or the manifest.
        manifest: A name for the manifest's content.

    Returns:
        Each object, and its path below the input; none if there are none, or no manifest.

    Raises:
        JobFailed: If the manifest is not one.
    """
    if data_type == "ManifestFile":
        return list(dict.fromkeys(_read_manifest(objects, uri, manifest)))
    place = split_uri(uri)
    keys = [each.key for each in objects.list(place.bucket, place.key) if not each.key.endswith("/")]
    return [(S3Object(place.bucket, key), _find_below(place.key, key)) for key in keys]


def _find_below(prefix: str, key: str) -> str:
    """Find the part of a key below a prefix, which may end within a name."""
    if prefix and not prefix.endswith("/") and key.startswith(f"{prefix}/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def _read_manifest(objects: Objects, uri: str, path: Path) -> Iterator[tuple[S3Object, str]]:
    with objects.open(split_uri(uri), path) as content:
        if content is None:
            return
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
