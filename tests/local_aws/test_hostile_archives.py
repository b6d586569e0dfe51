"""Archives that somebody else has made: none writes outside its folder, fills the disk, or is another one."""

import gzip
import hashlib
import io
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from local_cloud import BUCKET, ENVIRONMENT, IMAGE, ROLE, Cloud, archive

from local_aws.sagemaker.unpack import CannotUnpack, unpack

LEAVES_A_MARK = """
open(MARK, "w").close()

def model_fn(model_dir):
    return "theirs"

def transform_fn(model, data, content_type, accept):
    return model, accept
"""


def pack(*members: tarfile.TarInfo, content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([member("../escaped")], "would be written outside the folder"),
        ([member("a/../../escaped")], "would be written outside the folder"),
        ([member("/tmp/escaped")], "would be written outside the folder"),
        ([member("..\\escaped")], "would be written outside the folder"),
        ([member("C:escaped")], "would be written outside the folder"),
        ([member("link", tarfile.SYMTYPE, "/etc"), member("link/escaped")], "is neither a plain file"),
        ([member("link", tarfile.LNKTYPE, "../../escaped")], "is neither a plain file"),
        ([member("pipe", tarfile.FIFOTYPE)], "is neither a plain file"),
        ([member("device", tarfile.CHRTYPE)], "is neither a plain file"),
        ([member("same"), member("same")], "File exists"),
    ],
    ids=lambda value: value[0].name if isinstance(value, list) else "",
)
def test_an_archive_writes_plain_files_in_its_folder_or_nothing(tmp_path: Path, members, why):
    file = tmp_path / "m.tar.gz"
    file.write_bytes(pack(*members))
    with pytest.raises(CannotUnpack, match=re.escape(why)):
        unpack(file, tmp_path / "inner" / "model")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


def test_a_bomb_is_not_unpacked_beyond_the_limit(tmp_path: Path):
    file = tmp_path / "m.tar.gz"
    with gzip.open(file, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("zeros")
        info.size = 200 * 1024 * 1024
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    assert file.stat().st_size < 1024 * 1024
    with pytest.raises(CannotUnpack, match="do not fit on the disk"):
        unpack(file, tmp_path / "model", limit=100 * 1024 * 1024)
    assert not (tmp_path / "model").exists()


def register(cloud: Cloud, body: bytes) -> Any:
    """Register an archive with its digest, as `kedro aws register-model` does, and make a model of it."""
    cloud.s3.put_object(Bucket=BUCKET, Key="m.tar.gz", Body=body)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/m.tar.gz", "Environment": ENVIRONMENT}
    cloud.sagemaker.create_model_package_group(ModelPackageGroupName="g")
    package = cloud.sagemaker.create_model_package(
        ModelPackageGroupName="g",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={"artifact_sha256": hashlib.sha256(body).hexdigest()},
    )["ModelPackageArn"]
    primary = {"ModelPackageName": package}
    cloud.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=primary)
    cloud.create_config("m")
    return cloud.sagemaker.describe_model(ModelName="m")


def test_an_archive_that_is_not_the_registered_one_is_not_unpacked(cloud: Cloud, tmp_path: Path):
    """Loading a model runs what is in it: whoever may write to the bucket could run it on this machine."""
    mark = tmp_path / "mark"
    theirs = archive({"code/inference.py": LEAVES_A_MARK.replace("MARK", repr(str(mark)))})
    ours = archive({"code/inference.py": LEAVES_A_MARK.replace("MARK", repr(str(mark))), "name.txt": "ours"})
    described = register(cloud, ours)
    assert "ArtifactSha256" not in str(described)
    cloud.s3.put_object(Bucket=BUCKET, Key="m.tar.gz", Body=theirs)
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    described = cloud.wait_until_settled("e")
    assert described["EndpointStatus"] == "Failed"
    found, wanted = (hashlib.sha256(body).hexdigest() for body in (theirs, ours))
    assert (
        f"its SHA-256 is {found}, and the version's artifact_sha256 is {wanted}" in described["FailureReason"]
    )
    assert not mark.exists()
    cloud.s3.put_object(Bucket=BUCKET, Key="m.tar.gz", Body=ours)
    cloud.sagemaker.delete_endpoint(EndpointName="e")
    cloud.wait_until_deleted("e")
    cloud.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="m")
    assert cloud.wait_until_settled("e")["EndpointStatus"] == "InService"
    assert mark.exists()
