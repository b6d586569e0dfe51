"""Data capture of transform jobs: manifests of the objects that were read and written."""

import json
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from uuid import uuid4

from local_aws.sagemaker.objects import Objects, S3Object, split_uri
from local_aws.sagemaker.transform.inputs import Input


def write_manifests(objects: Objects, destination: str, inputs: Sequence[Input], started: datetime) -> None:
    """Write a manifest of the inputs and one of the outputs, below the hour in which the job has started.

    Raises:
        NotStored: If S3 refuses them.
    """
    place = split_uri(destination)
    name = f"{uuid4()}.jsonl"
    of_kinds = {"input": [each.source for each in inputs], "output": [each.output for each in inputs]}
    for kind, listed in of_kinds.items():
        above = f"{place.key.rstrip('/')}/" if place.key else ""
        target = S3Object(place.bucket, f"{above}{kind}/{started:%Y/%m/%d/%H}/{name}")
        objects.write(target, BytesIO(_write_manifest(listed)), "application/jsonlines")


def _write_manifest(listed: Sequence[S3Object]) -> bytes:
    keys = [each.key for each in listed]
    first, last = min(keys), max(keys)
    shared = next(
        (at for at, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), len(first)
    )
    above = first[: first.rfind("/", 0, shared) + 1]
    prefix = {"prefix": f"s3://{listed[0].bucket}/{above}"}
    return json.dumps([prefix, *(key[len(above) :] for key in keys)]).encode() + b"\n"
