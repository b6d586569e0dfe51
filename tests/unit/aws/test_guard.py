"""No request leaves for the AWS that is not in force, whenever and however its client was made."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

LOCAL_KEY = "KEDROAWSLOCAL0000000"
START = f"""
import json, sys
import boto3, s3fs
from botocore.config import Config
listener, started = sys.argv[1], []

def ask(client, operation, **parameters):
    try:
        getattr(client, operation)(**parameters)
        return "answered"
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"

def early(**options):
    return boto3.client("s3", config=Config(retries={{"total_max_attempts": 1}}), **options)

def go_local():
    from kedro_aws_plugin.aws.environment import use_local
    use_local({{"AWS_ENDPOINT_URL": listener, "AWS_ACCESS_KEY_ID": "{LOCAL_KEY}",
               "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1",
               "AWS_DEFAULT_REGION": "eu-west-1", "NO_PROXY": "127.0.0.1"}})

def go_aws():
    from kedro_aws_plugin.aws.environment import use_aws
    use_aws("eu-west-1", "KEDROAWSLOCAL", ())
"""
REFUSED = "AwsError: A client in this process was about to send a request to {url}, but {force} is in force."
THE_LOCAL = "the local AWS at {listener}"


class Listener:
    """A web server on this machine that counts what reaches it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                seen.append(f"{self.command} {self.path}")
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = (
                    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>"
                    b"</GetCallerIdentityResult></GetCallerIdentityResponse>"
                )
                self.send_response(200 if self.command != "CONNECT" else 502)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_CONNECT = _answer

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def local() -> Iterator[Listener]:
    """What stands for the local AWS."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def outside() -> Iterator[Listener]:
    """The proxy through which everything else would leave."""
    listener = Listener()
    yield listener
    listener.close()


def run(code: str, local: Listener, outside: Listener, **variables: str) -> Any:
    """Run a program in a process of its own, and give back the JSON that it prints."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FSSPEC_", "WR_"))
    }
    keys = {"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-west-1"}
    proxies = {"HTTP_PROXY": outside.url, "HTTPS_PROXY": outside.url, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + code, local.url],
        env={**kept, **keys, **proxies, "AWS_EC2_METADATA_DISABLED": "true", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_local_refuses_clients_that_are_older_or_name_aws(local: Listener, outside: Listener) -> None:
    code = """
before = early()
go_local()
after = early(endpoint_url="https://s3.eu-west-1.amazonaws.com")
print(json.dumps([ask(before, "list_buckets"), ask(after, "list_buckets"), ask(early(), "list_buckets")]))
"""
    older, named, plain = run(code, local, outside)
    force = THE_LOCAL.format(listener=local.url)
    assert older.startswith(REFUSED.format(url="https://s3.eu-west-1.amazonaws.com", force=force))
    assert named == older
    assert plain == "answered"
    assert outside.seen == []
    assert local.seen == ["GET /"]


def test_local_refuses_the_endpoint_of_the_users_shell(local: Listener, outside: Listener) -> None:
    elsewhere = "http://store.example.com:9000"
    code = "before = early()\ngo_local()\nprint(json.dumps(ask(before, 'list_buckets')))"
    said = run(code, local, outside, AWS_ENDPOINT_URL_S3=elsewhere)
    assert said.startswith(REFUSED.format(url=elsewhere, force=THE_LOCAL.format(listener=local.url)))
    assert outside.seen == []


def test_a_store_of_the_users_own_is_left_alone(local: Listener, outside: Listener) -> None:
    code = "go_local()\nstore = early(endpoint_url='http://store.example.com:9000')\n"
    code += "print(json.dumps(ask(store, 'list_buckets')))"
    assert run(code, local, outside) == "answered"
    assert outside.seen == ["GET http://store.example.com:9000/"]


def test_aws_refuses_clients_of_the_local_aws(local: Listener, outside: Listener) -> None:
    code = """
before = early()
go_aws()
named = early(endpoint_url=listener)
keyed = early(endpoint_url=listener, aws_access_key_id="KEDROAWSLOCALXYZ", aws_secret_access_key="s")
print(json.dumps([ask(each, "list_buckets") for each in (before, named, keyed)]))
"""
    answers = run(code, local, outside, AWS_ENDPOINT_URL=local.url)
    assert all(said.startswith(REFUSED.format(url=local.url, force="the real AWS")) for said in answers)
    assert local.seen == []


def test_sts_of_the_sagemaker_sdk_reaches_the_local_aws(local: Listener, outside: Listener) -> None:
    code = """
go_local()
sts = boto3.client("sts", region_name="eu-west-1", endpoint_url="https://sts.eu-west-1.amazonaws.com")
print(json.dumps(sts.get_caller_identity()["Account"]))
"""
    assert run(code, local, outside) == "123456789012"
    assert local.seen == ["POST /"]
    assert outside.seen == []


def test_sts_by_aiobotocore_reaches_the_local_aws_past_the_proxy(local: Listener, outside: Listener) -> None:
    code = """
import asyncio
from aiobotocore.session import get_session
async def find_account():
    public = "https://sts.eu-west-1.amazonaws.com"
    async with get_session().create_client("sts", region_name="eu-west-1", endpoint_url=public) as sts:
        return (await sts.get_caller_identity())["Account"]
go_local()
os.environ["NO_PROXY"] = ""
print(json.dumps(asyncio.run(find_account())))
"""
    assert run(f"import os\n{code}", local, outside) == "123456789012"
    assert local.seen == ["POST /"]
    assert outside.seen == []


def test_a_client_of_another_projects_local_aws_is_refused(local: Listener, outside: Listener) -> None:
    code = """
go_local()
former = early()
listener = sys.argv[2]
go_local()
print(json.dumps([ask(former, "list_buckets"), ask(early(), "list_buckets")]))
"""
    other = Listener()
    try:
        refused, answered = run(code.replace("sys.argv[2]", repr(other.url)), local, outside)
    finally:
        other.close()
    assert refused.startswith(REFUSED.format(url=local.url, force=THE_LOCAL.format(listener=other.url)))
    assert answered == "answered"
    assert (local.seen, other.seen) == ([], ["GET /"])


def test_s3fs_whose_settings_say_otherwise_reaches_the_local_aws(local: Listener, outside: Listener) -> None:
    code = """
import os, subprocess
def exists():
    return s3fs.S3FileSystem(config_kwargs={"retries": {"max_attempts": 0}}).exists("bucket/key")
go_local()
child = "import s3fs; print(s3fs.S3FileSystem().endpoint_url)"
seen = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout
print(json.dumps([exists(), seen.strip()]))
"""
    hostile = {"FSSPEC_S3_ENDPOINT_URL": "https://store.example.com", "FSSPEC_S3_KEY": "planted"}
    assert run(code, local, outside, **hostile, FSSPEC_S3_SECRET="s") == [True, local.url]
    assert outside.seen == []
    assert local.seen == ["HEAD /bucket/key"]


def test_pyarrow_made_by_hand_reaches_the_local_aws(local: Listener, outside: Listener) -> None:
    code = """
go_local()
import pickle
from pyarrow import fs
made = fs.S3FileSystem()
found = fs.FileSystem.from_uri("s3://bucket/key?region=eu-west-1")[0]
again = pickle.loads(pickle.dumps(made))
made.get_file_info("bucket/key")
print(json.dumps([isinstance(each, fs.S3FileSystem) for each in (made, found, again, fs.LocalFileSystem())]))
"""
    assert run(code, local, outside) == [True, True, True, False]
    assert local.seen[0] == "HEAD /bucket/key"
    assert outside.seen == []


@pytest.mark.slow  # it imports the SDK
def test_the_sdks_telemetry_is_not_sent(local: Listener, outside: Listener) -> None:
    pytest.importorskip("sagemaker.core")
    code = """
go_local()
from sagemaker.core.telemetry import telemetry_logging
sent = telemetry_logging._send_telemetry_request(1, [16], None, None, None, "")
if sent is not None:
    sent.join()
print(json.dumps("done"))
"""
    assert run(code, local, outside) == "done"
    assert (outside.seen, local.seen) == ([], [])


@pytest.mark.parametrize("fails", [False, True])
def test_a_switch_that_fails_leaves_everything_as_it_was(
    local: Listener, outside: Listener, fails: bool
) -> None:
    code = f"""
import os
from kedro_aws_plugin.aws.environment import restore_on_failure
def look():
    chosen = {{name: value for name, value in os.environ.items() if name.startswith(("AWS_", "FSSPEC_S3"))}}
    return chosen, ask(early(), "list_buckets"), s3fs.S3FileSystem().endpoint_url
go_local()
before = look()
try:
    with restore_on_failure():
        go_aws()
        if {fails}:
            raise ValueError("no credentials")
except ValueError:
    pass
print(json.dumps(look() == before))
"""
    assert run(code, local, outside, FSSPEC_S3_ENDPOINT_URL="https://store.example.com") is fails
