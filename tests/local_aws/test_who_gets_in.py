"""Attacks on the local AWS, byte by byte: each is refused, and nothing has changed afterwards."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from urllib.parse import quote, urlsplit

import boto3
import psutil
import pytest
import s3fs
from local_cloud import BUCKET, Cloud
from raw_requests import Raw, host_of, presign, send, sign

from local_aws import LocalAws
from local_aws.control import client as control

pytestmark = pytest.mark.slow

KEY = f"/{BUCKET}/models/newest.pickle"
FORM = "application/x-www-form-urlencoded"
LIST_MODELS = (("X-Amz-Target", "SageMaker.ListModels"), ("Content-Type", "application/x-amz-json-1.1"))
Attack = Callable[[LocalAws], Raw | bytes]


def bare(method: str, target: str, body: bytes = b"", **headers: str) -> Attack:
    """An unsigned request."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return lambda aws: Raw(method, target, (("Host", host_of(aws)), *named), body)


def rightful(aws: LocalAws) -> Raw:
    return sign(aws, "PUT", KEY, b"evil")


def signed_but(**changed: object) -> Attack:
    return lambda aws: sign(aws, "PUT", KEY, b"evil", **changed)  # type: ignore[arg-type]


def with_headers(*added: tuple[str, str]) -> Attack:
    """A rightful request that a page sends, as its browser marks it."""
    return lambda aws: rightful(aws).with_headers(*added)


def with_authorization(change: Callable[[str], str]) -> Attack:
    def attack(aws: LocalAws) -> Raw:
        request = rightful(aws)
        return request.with_headers(("Authorization", change(request.get("authorization"))))

    return attack


def upload_form(aws: LocalAws, fields: dict[str, str]) -> Raw:
    parts = [
        *(
            f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in fields.items()
        ),
        '--X\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nevil\r\n--X--\r\n',
    ]
    headers = (("Host", host_of(aws)), ("Content-Type", "multipart/form-data; boundary=X"))
    return Raw("POST", f"/{BUCKET}", headers, "".join(parts).encode())


def form_with_a_policy(aws: LocalAws) -> Raw:
    """A form with a policy that has a rightful signature of version 4: forms are refused all the same."""
    client = aws.client("s3")
    fields = client.generate_presigned_post(BUCKET, "models/newest.pickle")["fields"]
    return upload_form(aws, fields)


def version_2(aws: LocalAws) -> Raw:
    date = formatdate(usegmt=True)
    text = f"PUT\n\n\n{date}\n{KEY}"
    made = base64.b64encode(hmac.new(aws.secret_access_key.encode(), text.encode(), hashlib.sha1).digest())
    headers = (
        ("Host", host_of(aws)),
        ("Date", date),
        ("Authorization", f"AWS {aws.access_key_id}:{made.decode()}"),
    )
    return Raw("PUT", KEY, headers, b"evil")


def version_2_in_the_query(aws: LocalAws) -> Raw:
    expires = int(datetime.now(timezone.utc).timestamp()) + 600
    text = f"PUT\n\n\n{expires}\n{KEY}"
    made = base64.b64encode(hmac.new(aws.secret_access_key.encode(), text.encode(), hashlib.sha1).digest())
    query = f"AWSAccessKeyId={aws.access_key_id}&Expires={expires}&Signature={quote(made)}"
    return Raw("PUT", f"{KEY}?{query}", (("Host", host_of(aws)),), b"evil")


def presigned_but(change: Callable[[str], str]) -> Attack:
    def attack(aws: LocalAws) -> Raw:
        request = presign(aws, "PUT", KEY, body=b"evil")
        return replace(request, target=change(request.target))

    return attack


def tampered_json(aws: LocalAws) -> Raw:
    request = sign(aws, "POST", "/", b'{"MaxResults": 5}', service="sagemaker", headers=LIST_MODELS)
    return replace(request, body=b'{"MaxResults": 6}')


def tampered_json_with_its_digest(aws: LocalAws) -> Raw:
    """A client may state the digest of its body; the body that comes must have it."""
    body = b'{"MaxResults": 5}'
    stated = (*LIST_MODELS, ("X-Amz-Content-SHA256", hashlib.sha256(body).hexdigest()))
    request = sign(aws, "POST", "/", body, service="sagemaker", headers=stated)
    return replace(request, body=b'{"MaxResults": 6}')


def other_operation(aws: LocalAws) -> Raw:
    request = sign(aws, "POST", "/", b"{}", service="sagemaker", headers=LIST_MODELS)
    return request.with_headers(("X-Amz-Target", "SageMaker.ListEndpoints"))


def another_port(aws: LocalAws) -> str:
    return f"127.0.0.1:{(urlsplit(aws.endpoint_url).port or 0) + 1}"


UNSIGNED: dict[str, Attack] = {
    "list the buckets": bare("GET", "/"),
    "make a bucket": bare("PUT", "/mine"),
    "upload": bare("PUT", KEY, b"evil"),
    "delete": bare("DELETE", f"/{BUCKET}/kept"),
    "delete many": bare("POST", f"/{BUCKET}?delete", b"<Delete><Object><Key>kept</Key></Object></Delete>"),
    "upload by a form": lambda aws: upload_form(aws, {"key": "models/newest.pickle"}),
    "upload by a form with a policy": form_with_a_policy,
    "call SageMaker": bare("POST", "/", b"{}", X_Amz_Target="SageMaker.ListModels"),
    "call SageMaker as a simple form": bare("POST", "/", b"{}", Content_Type="text/plain"),
    "invoke": bare("POST", "/endpoints/e/invocations", b"1", Content_Type="text/csv"),
    "call STS": bare("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", Content_Type=FORM),
    "assume a role": bare(
        "POST", "/", b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15", Content_Type=FORM
    ),
    "empty moto": bare("POST", "/moto-api/reset"),
    "read moto": bare("GET", "/moto-api/data.json"),
    "see moto's page": bare("GET", "/moto-api/"),
    "configure moto": bare("POST", "/moto-api/config", b'{"batch": {"use_docker": true}}'),
    "read the metadata": bare("GET", "/latest/meta-data/iam/security-credentials/"),
    "read the metadata of version 2": bare("PUT", "/latest/api/token"),
    "ask for leave": bare("OPTIONS", KEY, Origin="http://127.0.0.1:1", Access_Control_Request_Method="PUT"),
    "an unusual method": bare("TRACE", "/"),
    "moto's own path to a service": bare("GET", "/s3_eu-west-1/"),
    "stop": bare("POST", "/_kedro_aws/stop", b"{}"),
    "stop with a guess": bare("POST", "/_kedro_aws/stop", b"{}", X_Kedro_Aws_Instance="0" * 32),
    "renew": bare("POST", "/_kedro_aws/renew", b"{}"),
    "ask for a proof": bare("POST", "/_kedro_aws/health", b'{"challenge": "1"}'),
    "a path that is none": bare("GET", "*"),
    "no host": lambda _aws: b"GET / HTTP/1.1\r\n\r\n",
    "HTTP of 1991": lambda _aws: b"GET /\r\n\r\n",
    "no HTTP: TLS": lambda _aws: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no HTTP: a long line": lambda _aws: b"GET /" + b"a" * 70000,
    "no HTTP: many headers": lambda _aws: b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
}


def list_models_at(age: timedelta) -> Attack:
    """A rightful request but for the clock, which AWS's JSON protocols answer in other words than S3."""
    headers = [("X-Amz-Target", "SageMaker.ListModels"), ("Content-Type", "application/x-amz-json-1.1")]
    return lambda aws: sign(aws, "POST", "/", b"{}", service="sagemaker", headers=headers, age=age)


HOSTS: dict[str, Attack] = {
    "rebound": signed_but(host="evil.example"),
    "rebound, with the port": lambda aws: sign(
        aws, "PUT", KEY, b"evil", host=another_port(aws).replace("127.0.0.1", "evil.example")
    ),
    "another port": lambda aws: sign(aws, "PUT", KEY, b"evil", host=another_port(aws)),
    "no port": signed_but(host="127.0.0.1"),
    "all addresses": lambda aws: sign(
        aws, "PUT", KEY, b"evil", host=host_of(aws).replace("127.0.0.1", "0.0.0.0")
    ),
    "a name under localhost": lambda aws: sign(
        aws, "PUT", KEY, b"evil", host=f"evil.{host_of(aws).replace('127.0.0.1', 'localhost')}"
    ),
    "localhost in a name": lambda aws: sign(
        aws, "PUT", KEY, b"evil", host=host_of(aws).replace("127.0.0.1", "localhost.evil")
    ),
    "twice": lambda aws: replace(rightful(aws), headers=(("Host", "evil.example"), *rightful(aws).headers)),
    "in the request line": lambda aws: replace(rightful(aws), target=f"http://evil.example{KEY}"),
    "in the request line, our own": lambda aws: replace(rightful(aws), target=f"{aws.endpoint_url}{KEY}"),
}
SITES: dict[str, Attack] = {
    "another site": with_headers(("Origin", "http://evil.example")),
    "a file or a sandbox": with_headers(("Origin", "null")),
    "another port of this machine": lambda aws: rightful(aws).with_headers(
        ("Origin", f"http://{another_port(aws)}")
    ),
    "by TLS": lambda aws: rightful(aws).with_headers(("Origin", f"https://{host_of(aws)}")),
    "ours and another": lambda aws: replace(
        rightful(aws),
        headers=(*rightful(aws).headers, ("Origin", aws.endpoint_url), ("Origin", "http://evil.example")),
    ),
    "cross-site": with_headers(("Sec-Fetch-Site", "cross-site")),
    "same-site": with_headers(("Sec-Fetch-Site", "same-site")),
    "a link on another page": lambda aws: presign(aws, "DELETE", f"/{BUCKET}/kept").with_headers(
        ("Sec-Fetch-Site", "cross-site")
    ),
}
SIGNATURES: dict[str, Attack] = {
    "another secret": signed_but(secret="guess"),
    "the former fixed keys": signed_but(key="KEDROAWSLOCAL0000000", secret="kedro-aws-local"),
    "another key": signed_but(key="AKIAIOSFODNN7EXAMPLE"),
    "no key": signed_but(key=""),
    "too old": signed_but(age=timedelta(minutes=16)),
    "of the future": signed_but(age=timedelta(minutes=-16)),
    "no signature": with_authorization(lambda text: text.partition(", Signature=")[0]),
    "an empty signature": with_authorization(lambda text: f"{text.partition('Signature=')[0]}Signature="),
    "another region": with_authorization(lambda text: text.replace("eu-west-1", "eu-west-2")),
    "another service": with_authorization(lambda text: text.replace("/s3/", "/sts/")),
    "another day": with_authorization(lambda text: text.replace("/20", "/19", 1)),
    "another end of the scope": with_authorization(lambda text: text.replace("aws4_request", "aws4")),
    "an unsigned host": with_authorization(
        lambda text: text.replace("SignedHeaders=host;", "SignedHeaders=")
    ),
    "nonsense": with_authorization(lambda _text: "AWS4-HMAC-SHA256 nonsense"),
    "nothing": with_authorization(lambda _text: "AWS4-HMAC-SHA256"),
    "of version 4a": with_authorization(
        lambda text: text.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
    ),
    "basic": with_authorization(lambda _text: "Basic dXNlcjpwYXNzd29yZA=="),
    "of version 2": version_2,
    "of version 2, in the query": version_2_in_the_query,
    "no digest": lambda aws: rightful(aws).without("x-amz-content-sha256"),
    "another digest": with_headers(("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")),
    "another time": with_headers(
        ("X-Amz-Date", datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ").replace("Z", "0Z"))
    ),
    "no time": lambda aws: rightful(aws).without("x-amz-date"),
    "an unsigned header": with_headers(("x-amz-copy-source", f"/{BUCKET}/kept")),
    "another object": lambda aws: replace(rightful(aws), target=f"/{BUCKET}/kept"),
    "another method": lambda aws: replace(sign(aws, "GET", f"/{BUCKET}/kept"), method="DELETE"),
    "another query": lambda aws: replace(rightful(aws), target=f"{KEY}?acl"),
    "twice": lambda aws: replace(rightful(aws), headers=(*rightful(aws).headers, ("Authorization", "x"))),
    "another body of JSON": tampered_json,
    "another body of JSON, its digest stated": tampered_json_with_its_digest,
    "another operation": other_operation,
    "presigned and expired": lambda aws: presign(
        aws, "PUT", KEY, body=b"evil", expires=5, age=timedelta(seconds=10)
    ),
    "presigned for the future": lambda aws: presign(
        aws, "PUT", KEY, body=b"evil", age=timedelta(minutes=-16)
    ),
    "presigned by another secret": lambda aws: presign(aws, "PUT", KEY, body=b"evil", secret="guess"),
    "presigned for another object": presigned_but(lambda target: target.replace("newest", "other")),
    "presigned for longer": presigned_but(lambda target: target.replace("Expires=60", "Expires=6000")),
    "presigned for ever": lambda aws: presign(aws, "PUT", KEY, body=b"evil", expires=604801),
    "presigned for less than nothing": lambda aws: presign(aws, "PUT", KEY, body=b"evil", expires=-1),
    "presigned for another method": lambda aws: replace(
        presign(aws, "GET", f"/{BUCKET}/kept"), method="DELETE"
    ),
    "presigned twice": presigned_but(lambda target: f"{target}&X-Amz-Signature=0"),
    "presigned and signed": lambda aws: replace(rightful(aws), target=presign(aws, "PUT", KEY).target),
    "presigned, with an unsigned header": lambda aws: presign(aws, "PUT", KEY).with_headers(
        ("x-amz-copy-source", f"/{BUCKET}/kept")
    ),
    "moto, by another secret": lambda aws: sign(aws, "POST", "/moto-api/reset", secret="guess"),
}
LENGTHS: dict[str, Attack] = {
    "negative": with_headers(("Content-Length", "-1")),
    "no number": with_headers(("Content-Length", "4x")),
    "signed with a plus": with_headers(("Content-Length", "+4")),
    "of another script": with_headers(("Content-Length", "\u00b2")),
    "absurd": with_headers(("Content-Length", "9" * 30)),
    "more than S3 takes": with_headers(("Content-Length", str(5 * 1024**3 + 1))),
    "twice": lambda aws: replace(
        rightful(aws), headers=(*rightful(aws).headers, ("Content-Length", "4"), ("Content-Length", "5"))
    ),
    "and chunks": with_headers(("Content-Length", "4"), ("Transfer-Encoding", "chunked")),
    "an unknown coding": with_headers(("Transfer-Encoding", "gzip, chunked")),
}
ATTACKS = {
    f"{kind}: {name}": attack
    for kind, attacks in [
        ("unsigned", UNSIGNED),
        ("host", HOSTS),
        ("site", SITES),
        ("signature", SIGNATURES),
        ("length", LENGTHS),
    ]
    for name, attack in attacks.items()
}


def read_everything(cloud: Cloud) -> dict[str, object]:
    """What an attack would change."""
    buckets = [each["Name"] for each in cloud.s3.list_buckets()["Buckets"]]
    return {
        "objects": {
            bucket: [each["Key"] for each in cloud.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
            for bucket in buckets
        },
        "models": cloud.sagemaker.list_models()["Models"],
    }


def test_no_attack_gets_in(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    before = read_everything(cloud)
    got_in = {}
    for name, attack in ATTACKS.items():
        answered = send(cloud.aws, attack(cloud.aws))
        expected = {400, 403} if name.startswith("length") or "HTTP of" in name else {403}
        if "no HTTP" in name:
            expected = {0, 400, 414, 431}  # 0 is an answer in the form of HTTP 0.9, which has no status
        if answered.status not in expected or read_everything(cloud) != before:
            got_in[name] = (answered.status, answered.body[:200])
        for secret in (cloud.aws.secret_access_key, cloud.aws.instance):
            assert secret.encode() not in answered.body
    assert got_in == {}
    print(f"attacks tried: {len(ATTACKS)}, got in: {len(got_in)}")


def test_the_requests_that_the_attacks_change_are_let_in(cloud: Cloud) -> None:
    assert send(cloud.aws, rightful(cloud.aws)).status == 200
    localhost = host_of(cloud.aws).replace("127.0.0.1", "localhost")
    assert send(cloud.aws, sign(cloud.aws, "PUT", KEY, b"ours", host=localhost)).status == 200
    own_page = (("Origin", f"http://{localhost}"), ("Sec-Fetch-Site", "same-origin"))
    assert send(cloud.aws, rightful(cloud.aws).with_headers(*own_page)).status == 200
    assert send(cloud.aws, presign(cloud.aws, "PUT", KEY, body=b"by its URL")).status == 200
    assert send(cloud.aws, presign(cloud.aws, "GET", KEY)).body == b"by its URL"
    late = sign(cloud.aws, "GET", KEY, age=timedelta(minutes=14))
    assert send(cloud.aws, late).status == 200
    models = sign(cloud.aws, "POST", "/", b"{}", service="sagemaker", headers=LIST_MODELS)
    assert json.loads(send(cloud.aws, models).body) == {"Models": []}
    assert send(cloud.aws, sign(cloud.aws, "GET", "/moto-api/data.json", service="moto")).status == 200


def test_what_is_signed_for_s3_reaches_no_other_service(cloud: Cloud) -> None:
    """Its body is neither limited before it is read nor verified."""
    target = ("X-Amz-Target", "SageMaker.CreateModelPackageGroup")
    body = b'{"ModelPackageGroupName": "third"}'
    answered = send(cloud.aws, sign(cloud.aws, "POST", "/", body, headers=[target]))
    assert (answered.status, b"ModelPackageGroupArn" in answered.body) != (200, True)
    assert cloud.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    form = presign(cloud.aws, "GET", "/", body=b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15")
    listed = send(cloud.aws, form.with_headers(("Content-Type", FORM)))
    assert (listed.status, b"ListAllMyBucketsResult" in listed.body) == (200, True)


def test_buckets_with_the_names_of_motos_own_routes_are_buckets(cloud: Cloud) -> None:
    keys = {"moto-api": "reset", "moto-api-2": "seed", "latest": "meta-data/x", "v20180820": "tags/x"}
    for bucket, key in keys.items():
        place = {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        cloud.s3.create_bucket(**place)
        cloud.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for service in ("s3", "s3-outposts", "s3express"):
        for body in (b"", b"<Delete/>"):
            send(cloud.aws, sign(cloud.aws, "POST", "/moto-api/reset", body, service=service))
        send(cloud.aws, sign(cloud.aws, "POST", "/moto-api/config", b"{}", service=service))
    for bucket, key in keys.items():
        assert cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        assert [each["Key"] for each in cloud.s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    account = [("X-Amz-Account-Id", "123456789012")]
    control = sign(cloud.aws, "GET", "/v20180820/configuration/publicAccessBlock", headers=account)
    assert b"NoSuchPublicAccessBlockConfiguration" in send(cloud.aws, control).body


def test_the_processes_of_a_model_answer_the_local_aws_only(cloud: Cloud) -> None:
    cloud.deploy("e", "m", SAGEMAKER_MODEL_SERVER_WORKERS="1")
    (pid,) = control.status(cloud.aws)["endpoints"][0]["Pids"]
    (address,) = [each.laddr for each in psutil.Process(pid).net_connections() if each.status == "LISTEN"]
    assert address.ip == "127.0.0.1"
    worker = replace(cloud.aws, endpoint_url=f"http://127.0.0.1:{address.port}")
    for guess in ("", "0" * 32, cloud.aws.instance):
        request = Raw(
            "POST", "/invocations", (("X-Kedro-Aws-Instance", guess), ("Content-Type", "text/csv")), b"1"
        )
        answered = send(worker, request)
        assert (answered.status, answered.body) == (0, b""), "it is not even HTTP"
    assert cloud.invoke("e", "1") == "m:1:text/csv"


def test_presigned_urls_of_the_tools_are_of_version_4(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="a b/ü+1.txt", Body=b"it")
    file_system = s3fs.S3FileSystem(skip_instance_cache=True)
    for url in (
        cloud.s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a b/ü+1.txt"}),
        boto3.client("s3").generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a b/ü+1.txt"}),
        file_system.sign(f"{BUCKET}/a b/ü+1.txt"),
    ):
        parts = urlsplit(url)
        asked = Raw("GET", f"{parts.path}?{parts.query}", (("Host", parts.netloc),))
        assert send(cloud.aws, asked).body == b"it"


@pytest.mark.parametrize(
    ("request_of", "content_type", "holds"),
    [
        (bare("GET", "/"), "application/xml", b"<Error><Code>AccessDenied</Code>"),
        (
            bare("POST", "/", b"{}", X_Amz_Target="SageMaker.ListModels"),
            "application/x-amz-json-1.1",
            b'"__type": "MissingAuthenticationTokenException"',
        ),
        (
            bare("POST", "/", b"Action=ListUsers", Content_Type=FORM),
            "text/xml",
            b"<Type>Sender</Type><Code>MissingAuthenticationToken</Code>",
        ),
        (signed_but(secret="guess"), "application/xml", b"<Code>SignatureDoesNotMatch</Code>"),
        (signed_but(key="AKIAIOSFODNN7EXAMPLE"), "application/xml", b"<Code>InvalidAccessKeyId</Code>"),
        (signed_but(age=timedelta(hours=1)), "application/xml", b"<Code>RequestTimeTooSkewed</Code>"),
        (tampered_json, "application/x-amz-json-1.1", b'"InvalidSignatureException"'),
        (list_models_at(timedelta(minutes=20)), "application/x-amz-json-1.1", b'"Signature expired: 20'),
        (list_models_at(timedelta(minutes=20)), "application/x-amz-json-1.1", b"Z - 15 min.)"),
        (list_models_at(timedelta(minutes=-20)), "application/x-amz-json-1.1", b"is still later than 20"),
    ],
)
def test_a_refusal_is_an_error_of_aws(local_aws: LocalAws, request_of, content_type, holds) -> None:
    answered = send(local_aws, request_of(local_aws))
    assert f"Content-Type: {content_type}" in answered.head
    assert holds in answered.body
