"""Objects of the local S3 lie in files: what comes back is what was sent, and never in memory whole."""

import base64
import hashlib
import http.client
import io
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from local_cloud import BUCKET, Cloud, refused
from raw_requests import Raw, host_of, send, sign

from local_aws.s3.models import StoredKeys

MIB = 1024**2
DATA = bytes(range(256)) * (MIB // 256) * 12 + b"the end"
PART = 5 * MIB


def stored_files(cloud: Cloud) -> list[Path]:
    folder = cloud.aws.log_file.parent / "objects"
    return [path for path in folder.rglob("*") if path.is_file()]


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def read(cloud: Cloud, key: str, **params: Any) -> bytes:
    return bytes(cloud.s3.get_object(Bucket=BUCKET, Key=key, **params)["Body"].read())


def without_retries() -> Any:
    return boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))


def upload_in_parts(cloud: Cloud, key: str, *parts: bytes, **params: Any) -> dict[str, Any]:
    names = {"Bucket": BUCKET, "Key": key}
    upload = {**names, "UploadId": cloud.s3.create_multipart_upload(**names, **params)["UploadId"]}
    sent = [
        cloud.s3.upload_part(**upload, PartNumber=number, Body=part) for number, part in enumerate(parts, 1)
    ]
    tags = [{"PartNumber": number, "ETag": each["ETag"]} for number, each in enumerate(sent, 1)]
    completed: dict[str, Any] = cloud.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": tags})
    return completed


def etag_of(*parts: bytes) -> str:
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


def test_an_object_comes_back_as_it_was_sent_whatever_its_key(cloud: Cloud) -> None:
    for key in ("plain", "../../etc/passwd", "ü/ \x07*?%", "a//b/", "k" * 1000):
        put = cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        assert put["ETag"] == f'"{hashlib.md5(key.encode()).hexdigest()}"'
        assert read(cloud, key) == key.encode()
    assert all(len(path.name) == 30 and not path.stat().st_mode & 0o077 for path in stored_files(cloud))
    cloud.s3.put_object(Bucket=BUCKET, Key="empty")
    assert read(cloud, "empty") == b""


def test_keys_of_any_bytes_are_an_object_each_or_refused(cloud: Cloud) -> None:
    """Two keys that are no UTF-8 were the same object."""
    keys = {"%0A": "\n", "%00": "\0", "%7F": "\x7f", "%E2%80%AE": "\u202e", "x" * 1024: "x" * 1024}
    for sent in keys:
        assert send(cloud.aws, sign(cloud.aws, "PUT", f"/{BUCKET}/{sent}", sent.encode())).status == 200
    for sent, key in keys.items():
        assert read(cloud, key) == sent.encode()
    reasons = {
        "%FF": "InvalidURI",
        "%FE/a": "InvalidURI",
        "%ED%A0%80": "InvalidURI",
        "x" * 1025: "KeyTooLongError",
    }
    for sent, reason in reasons.items():
        for method in ("PUT", "GET", "DELETE"):
            answered = send(cloud.aws, sign(cloud.aws, method, f"/{BUCKET}/{sent}"))
            assert (answered.status, f"<Code>{reason}</Code>" in answered.body.decode()) == (400, True), sent
    listed = cloud.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert sorted(each["Key"] for each in listed) == sorted(keys.values())
    assert len(stored_files(cloud)) == len(keys)


def test_parts_become_an_object_whose_ranges_cross_them(cloud: Cloud) -> None:
    parts = DATA[:PART], DATA[PART : 2 * PART], DATA[2 * PART :]
    assert upload_in_parts(cloud, "large", *parts)["ETag"] == etag_of(*parts)
    assert read(cloud, "large") == DATA
    for first, last in ((0, 0), (PART - 3, PART + 4), (100, 2 * PART + 100), (len(DATA) - 7, len(DATA) + 50)):
        answer = cloud.s3.get_object(Bucket=BUCKET, Key="large", Range=f"bytes={first}-{last}")
        assert answer["Body"].read() == DATA[first : last + 1]
        end = min(last, len(DATA) - 1)
        assert answer["ContentRange"] == f"bytes {first}-{end}/{len(DATA)}"
    assert read(cloud, "large", Range="bytes=-7") == b"the end"
    assert read(cloud, "large", Range=f"bytes={2 * PART - 1}-") == DATA[2 * PART - 1 :]
    assert refused(cloud.s3.get_object, Bucket=BUCKET, Key="large", Range=f"bytes={len(DATA)}-")[::2] == (
        "InvalidRange",
        416,
    )


def test_a_part_that_is_sent_again_or_left_out_leaves_no_file(cloud: Cloud) -> None:
    names = {"Bucket": BUCKET, "Key": "large"}
    upload = {**names, "UploadId": cloud.s3.create_multipart_upload(**names)["UploadId"]}
    for body in (b"first", b"second"):
        tag = cloud.s3.upload_part(**upload, PartNumber=1, Body=body)["ETag"]
    cloud.s3.upload_part(**upload, PartNumber=2, Body=b"left out")
    cloud.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert read(cloud, "large") == b"second"
    assert wait_for(lambda: len(stored_files(cloud)) == 1)
    aborted = {**names, "UploadId": cloud.s3.create_multipart_upload(**names)["UploadId"]}
    cloud.s3.upload_part(**aborted, PartNumber=1, Body=b"aborted")
    cloud.s3.abort_multipart_upload(**aborted)
    assert wait_for(lambda: len(stored_files(cloud)) == 1)


def test_copies_share_the_file_and_outlive_the_original(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="original", Body=DATA, ContentType="text/x", Metadata={"a": "b"})
    copied = cloud.s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/original")
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(DATA).hexdigest()}"'
    assert len(stored_files(cloud)) == 1
    names = {"Bucket": BUCKET, "Key": "pieced"}
    upload = {**names, "UploadId": cloud.s3.create_multipart_upload(**names)["UploadId"]}
    ranges = f"bytes=3-{PART + 9}", f"bytes=0-{len(DATA) - 1}"
    tags = [
        cloud.s3.upload_part_copy(
            **upload, PartNumber=number, CopySource=f"{BUCKET}/original", CopySourceRange=wanted
        )["CopyPartResult"]["ETag"]
        for number, wanted in enumerate(ranges, 1)
    ]
    assert tags[0] == f'"{hashlib.md5(DATA[3 : PART + 10]).hexdigest()}"'
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    cloud.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    cloud.s3.delete_object(Bucket=BUCKET, Key="original")
    assert read(cloud, "copy") == DATA
    assert read(cloud, "pieced") == DATA[3 : PART + 10] + DATA
    described = cloud.s3.head_object(Bucket=BUCKET, Key="copy")
    assert (described["ContentType"], described["Metadata"]) == ("text/x", {"a": "b"})
    for key in ("copy", "pieced"):
        cloud.s3.delete_object(Bucket=BUCKET, Key=key)
    assert wait_for(lambda: not stored_files(cloud))


def test_versions_keep_their_contents_until_they_are_deleted(cloud: Cloud) -> None:
    cloud.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first, second = (
        cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=body)["VersionId"] for body in (b"one", b"two")
    )
    cloud.s3.delete_object(Bucket=BUCKET, Key="k")
    assert refused(cloud.s3.get_object, Bucket=BUCKET, Key="k")[0] == "NoSuchKey"
    assert [read(cloud, "k", VersionId=version) for version in (first, second)] == [b"one", b"two"]
    listed = cloud.s3.list_object_versions(Bucket=BUCKET)["Versions"]
    assert {each["VersionId"]: each["Size"] for each in listed} == {first: 3, second: 3}
    cloud.s3.delete_object(Bucket=BUCKET, Key="k", VersionId=first)
    assert wait_for(lambda: len(stored_files(cloud)) == 1)
    assert read(cloud, "k", VersionId=second) == b"two"


def test_conditions_decide_which_content_stays(cloud: Cloud) -> None:
    put = {"Bucket": BUCKET, "Key": "k"}
    etag = cloud.s3.put_object(**put, Body=b"one", IfNoneMatch="*")["ETag"]
    assert refused(cloud.s3.put_object, **put, Body=b"two", IfNoneMatch="*")[::2] == (
        "PreconditionFailed",
        412,
    )
    assert read(cloud, "k") == b"one"
    cloud.s3.put_object(**put, Body=b"three", IfMatch=etag)
    assert refused(cloud.s3.put_object, **put, Body=b"four", IfMatch=etag)[0] == "PreconditionFailed"
    assert read(cloud, "k") == b"three"
    assert wait_for(lambda: len(stored_files(cloud)) == 1)


def test_the_time_of_an_object_is_a_whole_second_and_never_before_the_upload(cloud: Cloud) -> None:
    """Whatever part of a second it is now: so PyAthena's tests have it, which run on AWS."""
    cloud.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for part in range(4):
        while int(time.time() * 4) % 4 != part:
            time.sleep(0.01)
        began = datetime.now(timezone.utc)
        named = {"Bucket": BUCKET, "Key": f"of-{part}"}
        cloud.s3.put_object(**named, Body=b"a")
        [listed] = cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=named["Key"])["Contents"]
        [version] = cloud.s3.list_object_versions(Bucket=BUCKET, Prefix=named["Key"])["Versions"]
        copied = cloud.s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=named)["CopyObjectResult"]
        found = cloud.s3.head_object(**named)["LastModified"]
        assert began <= found < began + timedelta(seconds=2)
        assert found.microsecond == 0
        attributes = cloud.s3.get_object_attributes(**named, ObjectAttributes=["ETag"])
        assert {listed["LastModified"], version["LastModified"], attributes["LastModified"]} == {found}
        assert copied["LastModified"] in (found, found + timedelta(seconds=1))
        assert cloud.s3.get_object(**named, IfUnmodifiedSince=found)["LastModified"] == found
        assert refused(cloud.s3.get_object, **named, IfModifiedSince=found)[2] == 304
        cloud.s3.delete_object(**named)
        [marker] = cloud.s3.list_object_versions(Bucket=BUCKET, Prefix=named["Key"])["DeleteMarkers"]
        assert began <= marker["LastModified"] < began + timedelta(seconds=2)


def test_checksums_are_those_of_the_content(cloud: Cloud) -> None:
    names = {"Bucket": BUCKET, "Key": "k"}
    sha256 = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    put = cloud.s3.put_object(**names, Body=DATA, ChecksumAlgorithm="SHA256")
    assert put["ChecksumSHA256"] == sha256
    assert cloud.s3.get_object(**names, ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256
    once = without_retries()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert refused(once.put_object, **names, Body=b"x", ChecksumSHA256=wrong)[::2] == ("BadDigest", 400)
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refused(once.put_object, **names, Body=b"x", ContentMD5=md5)[0] == "BadDigest"
    assert read(cloud, "k") == DATA
    parts = DATA[:PART], DATA[PART:]
    upload_in_parts(cloud, "parts", *parts, ChecksumAlgorithm="CRC32")
    of_parts = b"".join(zlib.crc32(part).to_bytes(4, "big") for part in parts)
    expected = base64.b64encode(zlib.crc32(of_parts).to_bytes(4, "big")).decode()
    headed = cloud.s3.head_object(Bucket=BUCKET, Key="parts", ChecksumMode="ENABLED")
    assert headed["ChecksumCRC32"].removesuffix("-2") == expected


def in_aws_chunks(data: bytes, size: int, trailer: str = "", signature: str = "") -> bytes:
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), signature.encode(), piece) for piece in pieces)
    return body + b"0%s\r\n%s\r\n" % (signature.encode(), trailer.encode())


class Streaming(S3SigV4Auth):
    """Signs as for a body in chunks, whatever the body."""

    def __init__(self, kind: str, keys: Credentials) -> None:
        super().__init__(keys, "s3", "eu-west-1")
        self._kind = kind

    def payload(self, request: AWSRequest) -> str:
        del request
        return self._kind


@pytest.mark.parametrize(
    ("kind", "signature"),
    [
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", f";chunk-signature={'0' * 64}"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", f";chunk-signature={'0' * 64}"),
    ],
)
def test_bodies_in_awss_chunks_are_stored_without_them(cloud: Cloud, kind: str, signature: str) -> None:
    crc = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    trailer = f"x-amz-checksum-crc32:{crc}\r\n" if kind.endswith("TRAILER") else ""
    headers = [("x-amz-decoded-content-length", str(len(DATA)))]
    headers += [("Content-Encoding", "aws-chunked"), ("x-amz-sdk-checksum-algorithm", "CRC32")]
    headers += [("x-amz-trailer", "x-amz-checksum-crc32")] if trailer else []

    def put(body: bytes) -> bytes:
        request = AWSRequest("PUT", f"{cloud.aws.endpoint_url}/{BUCKET}/chunked", dict(headers))
        keys = Credentials(cloud.aws.access_key_id, cloud.aws.secret_access_key)
        Streaming(kind, keys).add_auth(request)
        signed = (
            ("Host", host_of(cloud.aws)),
            *((name, str(value)) for name, value in request.headers.items()),
        )
        return send(cloud.aws, Raw("PUT", f"/{BUCKET}/chunked", signed, body)).body

    assert put(in_aws_chunks(DATA, 70_001, trailer, signature)) == b""
    assert read(cloud, "chunked") == DATA
    described = cloud.s3.head_object(Bucket=BUCKET, Key="chunked", ChecksumMode="ENABLED")
    assert described["ChecksumCRC32"] == crc
    assert "ContentEncoding" not in described
    assert b"<Code>IncompleteBody</Code>" in put(in_aws_chunks(DATA[:-1], 70_001, "", signature))
    assert b"<Code>InvalidRequest</Code>" in put(b"no chunk\r\n" + DATA)
    if trailer:
        wrong = trailer.replace(crc, "AAAAAA==")
        assert b"<Code>BadDigest</Code>" in put(in_aws_chunks(DATA, 70_001, wrong, signature))
    assert read(cloud, "chunked") == DATA
    assert wait_for(lambda: len(stored_files(cloud)) == 1)


def test_clients_sign_no_digest_of_what_they_upload_and_its_checksum_is_verified(cloud: Cloud) -> None:
    sent: dict[str, Any] = {}
    for s3 in (without_retries(), cloud.aws.client("s3")):  # by the settings in aws.config, and by its own
        s3.meta.events.register("before-send.s3", lambda request, **_: sent.update(request.headers))
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"unsigned")
        assert sent["X-Amz-Content-SHA256"] == b"UNSIGNED-PAYLOAD"
        assert sent["x-amz-checksum-crc32"] == base64.b64encode(zlib.crc32(b"unsigned").to_bytes(4, "big"))
        sent.clear()
    assert read(cloud, "k") == b"unsigned"
    code = refused(without_retries().put_object, Bucket=BUCKET, Key="k", Body=b"x", ChecksumCRC32="AAAAAA==")[
        0
    ]
    assert code == "BadDigest"


def test_a_presigned_upload_and_download(cloud: Cloud) -> None:
    import urllib.request

    names = {"Bucket": BUCKET, "Key": "presigned"}
    url = cloud.s3.generate_presigned_url("put_object", names)
    request = urllib.request.Request(
        url, DATA, {"Content-Type": "application/x-www-form-urlencoded"}, method="PUT"
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(cloud.s3.generate_presigned_url("get_object", names)) as answer:
        assert answer.read() == DATA


def test_a_connection_carries_one_request_after_the_other(cloud: Cloud) -> None:
    connection = http.client.HTTPConnection(host_of(cloud.aws), timeout=10)
    sockets = []
    for operation in ("put_object", "head_object", "get_object", "delete_object"):
        url = cloud.s3.generate_presigned_url(operation, {"Bucket": BUCKET, "Key": "k"})
        body = DATA if operation == "put_object" else None
        connection.request(operation.partition("_")[0].upper(), url.partition(host_of(cloud.aws))[2], body)
        answer = connection.getresponse()
        assert answer.status in {200, 204}
        assert answer.read() == (DATA if operation == "get_object" else b"")
        sockets.append(connection.sock)
    assert len(set(sockets)) == 1
    connection.close()


def test_s3fs_writes_and_reads(cloud: Cloud) -> None:
    import s3fs

    files = s3fs.S3FileSystem(
        client_kwargs={"endpoint_url": cloud.aws.endpoint_url}, skip_instance_cache=True
    )
    with files.open(f"{BUCKET}/by-s3fs", "wb", block_size=PART) as file:
        file.write(DATA)
    with files.open(f"{BUCKET}/by-s3fs", "rb") as file:
        file.seek(PART - 2)
        assert file.read(10) == DATA[PART - 2 : PART + 8]
    assert files.cat(f"{BUCKET}/by-s3fs") == DATA


def test_a_client_that_goes_in_the_middle_leaves_nothing(cloud: Cloud) -> None:
    request = sign(cloud.aws, "PUT", f"/{BUCKET}/half", DATA).to_bytes()
    host, port = host_of(cloud.aws).split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(request[: 3 * MIB])
        assert wait_for(lambda: len(stored_files(cloud)) == 1)
    assert wait_for(lambda: not stored_files(cloud))
    assert refused(cloud.s3.get_object, Bucket=BUCKET, Key="half")[0] == "NoSuchKey"


def test_a_reader_has_the_content_that_it_began_to_read(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    body = cloud.s3.get_object(Bucket=BUCKET, Key="k")["Body"]
    begun = body.read(1000)
    cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=b"new")
    cloud.s3.delete_object(Bucket=BUCKET, Key="k")
    assert begun + body.read() == DATA
    assert wait_for(lambda: not stored_files(cloud))


def test_a_query_reads_the_file_of_an_object_without_copying_it(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="t/one", Body=b"1,a\n2,b\n")
    rows = PART // 1003 + 1
    upload_in_parts(cloud, "t/parts", b"3,%s\n" % (b"c" * 1000) * rows, b"4,d\n")
    (single,) = (path for path in stored_files(cloud) if path.stat().st_size == 8)
    athena: Any = boto3.client("athena")

    def run(sql: str) -> str:
        output = {"OutputLocation": f"s3://{BUCKET}/results/"}
        names = {
            "QueryExecutionId": athena.start_query_execution(QueryString=sql, ResultConfiguration=output)[
                "QueryExecutionId"
            ]
        }

        def describe() -> Any:
            return athena.get_query_execution(**names)["QueryExecution"]["Status"]

        assert wait_for(lambda: describe()["State"] not in {"QUEUED", "RUNNING"})
        assert describe()["State"] == "SUCCEEDED", describe()
        return str(names["QueryExecutionId"])

    run("CREATE DATABASE shop")
    run(
        "CREATE EXTERNAL TABLE shop.t (n int, s string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{BUCKET}/t/'"
    )
    query = run("SELECT count(*), sum(n) FROM shop.t")
    answer = read(cloud, f"results/{query}.csv").decode().splitlines()[1]
    assert answer == f'"{rows + 3}","{3 * rows + 7}"'
    assert single.stat().st_nlink == 2


def test_reset_removes_the_files(cloud: Cloud) -> None:
    import local_aws

    upload_in_parts(cloud, "parts", DATA[:PART], DATA[PART:])
    cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    assert len(stored_files(cloud)) == 3
    local_aws.reset(cloud.aws.log_file.parent)
    assert stored_files(cloud) == []


def test_an_upload_that_a_reset_interrupts_is_not_acknowledged(cloud: Cloud) -> None:
    import local_aws

    request = sign(cloud.aws, "PUT", f"/{BUCKET}/half", DATA).to_bytes()
    host, port = host_of(cloud.aws).split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request[: 3 * MIB])
        assert wait_for(lambda: len(stored_files(cloud)) == 1)
        local_aws.reset(cloud.aws.log_file.parent)
        cloud.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        connection.sendall(request[3 * MIB :])
        assert connection.recv(1000).startswith(b"HTTP/1.1 503 ")
    assert refused(cloud.s3.get_object, Bucket=BUCKET, Key="half")[0] == "NoSuchKey"


def test_a_header_that_http_cannot_send_is_refused(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    named = 'attachment; filename="Łódź.csv"'
    answer = refused(cloud.s3.get_object, Bucket=BUCKET, Key="k", ResponseContentDisposition=named)
    assert (answer[0], answer[2]) == ("InvalidArgument", 400)


@contextmanager
def files_of_at_most(pid: int, size: int) -> Iterator[None]:
    import resource

    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
@pytest.mark.parametrize("room", [8 * MIB, len(DATA) - 1000], ids=["much", "the last block only in part"])
def test_a_disk_without_room_is_awss_error_and_leaves_nothing(cloud: Cloud, room: int) -> None:
    with files_of_at_most(cloud.aws.pid, room):
        code, message, status = refused(without_retries().put_object, Bucket=BUCKET, Key="k", Body=DATA)
    assert (code, status) == ("ServiceUnavailable", 503)
    assert "/objects cannot be written: File too large. Delete other files on its disk" in message
    assert stored_files(cloud) == []
    cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    assert read(cloud, "k") == DATA


def test_an_object_whose_file_is_gone_is_an_error_in_a_sentence(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=DATA)
    (file,) = stored_files(cloud)
    file.unlink()
    code, message, status = refused(without_retries().get_object, Bucket=BUCKET, Key="k")
    assert (code, status) == ("ServiceUnavailable", 503)
    assert message.endswith("is gone from the folder of the local AWS: upload the object again.")
    cloud.s3.put_object(Bucket=BUCKET, Key="k", Body=b"again")
    assert read(cloud, "k") == b"again"


def memory_of(pid: int) -> int:
    """The resident memory of a process, in MiB."""
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(done.stdout) // 1024


def seconds_of(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Zeros(io.RawIOBase):
    """Zeros, as many as a test wants, and how much memory a process took while they were read."""

    def __init__(self, size: int, pid: int) -> None:
        self._left = size
        self._pid = pid
        self.most = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.most = (
            max(self.most, memory_of(self._pid)) if self._left % (16 * MIB) < len(buffer) else self.most
        )
        count = min(len(buffer), self._left)
        buffer[:count] = bytes(count)
        self._left -= count
        return count


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="asks ps for memory")
def test_the_size_of_an_object_costs_neither_memory_nor_time_of_ranges(cloud: Cloud, tmp_path: Path) -> None:
    size = 256 * MIB
    cloud.s3.put_object(Bucket=BUCKET, Key="small", Body=bytes(MIB))
    read(cloud, "small")
    before = memory_of(cloud.aws.pid)
    zeros = Zeros(size, cloud.aws.pid)
    config = TransferConfig(multipart_chunksize=64 * MIB, use_threads=False)
    cloud.s3.upload_fileobj(io.BufferedReader(zeros), BUCKET, "large", Config=config)
    cloud.s3.download_file(BUCKET, "large", str(tmp_path / "large"))
    assert max(zeros.most, memory_of(cloud.aws.pid)) - before < 60
    assert (tmp_path / "large").stat().st_size == size

    def read_ranges(key: str, step: int) -> float:
        ranges = [f"bytes={index * step}-{index * step + MIB - 1}" for index in range(32)]
        return seconds_of(lambda: [read(cloud, key, Range=wanted) for wanted in ranges])

    pairs = [(read_ranges("large", 8 * MIB), read_ranges("small", 0)) for _ in range(3)]
    assert min(large / small for large, small in pairs) < 3


def test_keys_that_go_while_others_are_looked_at() -> None:
    keys = StoredKeys("a-bucket")
    for name in "abc":
        keys[name] = name.upper()
    for look, first in ((keys.items, ("a", "A")), (keys.values, "A"), (keys.lists, ("a", ["A"]))):
        looking = iter(look())
        assert next(looking) == first
        dict.pop(keys, "b")
        assert len(list(looking)) == 1
        keys["b"] = "B"
        dict.pop(keys, "c")
        keys["c"] = "C"
