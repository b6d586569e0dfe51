"""Record the folder of a local AWS that was killed, with what it held, for the test that opens it again.

    cd EARLIER
    tests=NOW/tests/local_aws
    PYTHONPATH=$PWD:$tests:$tests/kept python $tests/kept/record_folder.py FILE

EARLIER is a checkout of the version whose folder is recorded, NOW is this one. FILE becomes a tar archive of
the folder `kept` and of what was read just before the kill, in `answers.json`.
"""

import importlib.metadata
import json
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import control_planes
import every_service
from lasting import Lasting
from local_cloud import BUCKET, Cloud

OBJECTS = {"raw/a b+c.csv": b"id,price\n1,2.5\n", "raw/empty": b"", "models/\u2603": bytes(range(256)) * 64}


def make(lasting: Lasting) -> None:
    """Make objects, a registry, queries, an endpoint, and something in every other service."""
    s3 = lasting.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key, body in OBJECTS.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"first")
        s3.put_object(Bucket=BUCKET, Key=key, Body=body, Tagging="team=blue", Metadata={"by": "us"})
    s3.put_object(Bucket=BUCKET, Key="raw/deleted", Body=b"gone")
    s3.delete_object(Bucket=BUCKET, Key="raw/deleted")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="raw/parts")["UploadId"]
    s3.upload_part(Bucket=BUCKET, Key="raw/parts", UploadId=upload, PartNumber=1, Body=b"half")
    control_planes.make_registry(lasting.client("sagemaker"))
    control_planes.make_athena(lasting.client("athena"))
    clients = (lasting.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime"))
    Cloud(lasting.aws, *clients).deploy("e", "m")
    every_service.make_all(lasting.client)


def read(lasting: Lasting) -> dict[str, Any]:
    """Read all of it as JSON; the server's address is left out."""
    s3, athena = lasting.client("s3"), lasting.client("athena")
    [query] = athena.list_query_executions()["QueryExecutionIds"]
    versions = s3.list_object_versions(Bucket=BUCKET)
    found = {
        "objects": {
            f"{each['Key']} {each['VersionId']}": _read_object(s3, each) for each in versions["Versions"]
        },
        "deleted": versions["DeleteMarkers"],
        "uploads": s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"],
        "registry": control_planes.read_registry(lasting.client("sagemaker")),
        "athena": control_planes.read_athena(athena, query),
        "endpoint": control_planes.without_metadata(
            lasting.client("sagemaker").describe_endpoint(EndpointName="e")
        ),
        **every_service.read_all(lasting.client),
    }
    text = json.dumps(found, default=str, sort_keys=True)
    read_again: dict[str, Any] = json.loads(text.replace(lasting.aws.endpoint_url, "http://address"))
    return read_again


def _read_object(s3: Any, version: dict[str, Any]) -> dict[str, Any]:
    where = {"Bucket": BUCKET, "Key": version["Key"], "VersionId": version["VersionId"]}
    answer = s3.get_object(**where)
    return {
        "body": answer["Body"].read().hex(),
        "tags": s3.get_object_tagging(**where)["TagSet"],
        **{name: answer[name] for name in ("ETag", "LastModified", "Metadata", "ContentLength")},
        "latest": version["IsLatest"],
    }


def main() -> None:
    """Record a folder."""
    with tempfile.TemporaryDirectory() as temporary:
        lasting = Lasting(Path(temporary, "state"))
        try:
            make(lasting)
            answers = {
                "moto": importlib.metadata.version("moto"),
                "python": sys.version.split()[0],
                "answers": read(lasting),
            }
            lasting.kill()
        finally:
            lasting.stop()
        file = lasting.state_dir / "answers.json"
        file.write_text(json.dumps(answers, indent=1), encoding="utf-8")
        with tarfile.open(sys.argv[1], "w:xz") as archive:
            archive.add(file, file.name)
            archive.add(lasting.state_dir / "kept", "kept")


if __name__ == "__main__":
    main()
