"""What other users of the machine can do with a state folder: nothing, whatever the umask was."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from raw_requests import Raw, host_of, send

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.errors import AwsError
from local_aws import LocalAws
from local_aws.control import client as control
from local_aws.control.credentials import ACCESS_KEY_PREFIX
from local_aws.control.state import make_state_dir
from local_aws.errors import LocalAwsError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="Windows has no permissions of this kind"),
]

NOBODY = 65534
TRIES = """
import encodings.idna, fcntl, http.client, json, os, sys
folder, host = sys.argv[1:]
os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
done = []

def tries(name, act):
    try:
        act()
        done.append(name)
    except OSError:
        pass

def lock():
    with open(folder + "/local.lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

tries("list the folder", lambda: os.listdir(folder))
for name in {names}:
    tries("read " + name, lambda: open(folder + "/" + name).read())
    tries("write " + name, lambda: open(folder + "/" + name, "a"))
tries("make a file", lambda: open(folder + "/new", "w"))
tries("move it", lambda: os.rename(folder, folder + "-mine"))
tries("hold the lock", lock)
connection = http.client.HTTPConnection(host)
for method, target in [("GET", "/"), ("POST", "/moto-api/reset"), ("POST", "/_kedro_aws/stop")]:
    connection.request(method, target)
    answered = connection.getresponse()
    answered.read()
    if answered.status != 403:
        done.append(method + " " + target)
tries("stop it", lambda: os.kill({pid}, 15))
print(json.dumps(done))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can enter, and a umask that hides nothing."""
    path = Path(tempfile.mkdtemp(prefix="kedro-aws-shared-"))
    path.chmod(0o755)
    before = os.umask(0)
    yield path
    os.umask(before)
    control.stop(path / ".kedro-aws")
    shutil.rmtree(path)


def find_open(folder: Path) -> list[str]:
    """The files and folders that others have any permission for."""
    everything = [folder, *folder.rglob("*")]
    return [str(each) for each in everything if stat.S_IMODE(each.lstat().st_mode) & 0o077]


def test_its_files_are_its_owners_alone_whatever_the_umask(folder: Path) -> None:
    aws, _ = control.start(folder / ".kedro-aws", region="eu-west-1")
    control.seed(aws, bucket="private", folder=folder / "none")
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="x")
    assert find_open(folder / ".kedro-aws") == []
    names = {each.name for each in (folder / ".kedro-aws").iterdir()}
    assert {"local.json", "local.lock", "local.log", "local.pid", "credentials.json", ".gitignore"} <= names
    control.stop(folder / ".kedro-aws")
    assert find_open(folder / ".kedro-aws") == []


def test_what_an_earlier_version_left_open_is_closed(folder: Path) -> None:
    state = folder / ".kedro-aws"
    (state / "logs" / "earlier").mkdir(parents=True, mode=0o777)
    for name in ("local.log", "local.lock", "logs/e.log", "logs/earlier/f.log"):
        (state / name).touch(0o666)
    assert len(find_open(state)) == 7
    control.start(state, region="eu-west-1")
    assert find_open(state) == []


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)
def test_another_user_reads_nothing_holds_no_lock_and_is_not_answered(folder: Path) -> None:
    aws, _ = control.start(folder / ".kedro-aws", region="eu-west-1")
    names = sorted(each.name for each in (folder / ".kedro-aws").iterdir())
    code = TRIES.format(nobody=NOBODY, names=names, pid=aws.pid)
    host = urlsplit(aws.endpoint_url).netloc
    other = subprocess.run(
        [sys.executable, "-c", code, str(folder / ".kedro-aws"), host],
        capture_output=True,
        text=True,
        check=False,
        env=without_coverage(),
    )
    assert other.stderr == ""
    assert json.loads(other.stdout) == []
    assert control.find(folder / ".kedro-aws") == aws


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)
def test_a_folder_of_another_user_is_not_used(folder: Path) -> None:
    state = folder / "theirs"
    state.mkdir(mode=0o777)
    code = (
        f"import os, sys; from pathlib import Path; from local_aws.control.state import make_state_dir;"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"try: make_state_dir(Path({str(state)!r}))\nexcept OSError as error: print(type(error).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=without_coverage()
    )
    assert (done.stdout, done.stderr) == ("PermissionError\n", "")
    make_state_dir(state)  # its owner can
    assert find_open(state) == []


def test_a_folder_for_something_else_is_left_as_it_is(folder: Path) -> None:
    (folder / "theirs.txt").touch(0o644)
    with pytest.raises(LocalAwsError, match="other users can enter it, and it holds other files") as caught:
        control.start(folder, region="eu-west-1")
    assert "KEDRO_AWS_STATE_DIR" in caught.value.message
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert [each.name for each in folder.iterdir()] == ["theirs.txt"]
    assert stat.S_IMODE((folder / "theirs.txt").stat().st_mode) == 0o644
    folder.chmod(0o700)
    control.start(folder, region="eu-west-1")
    assert stat.S_IMODE((folder / "theirs.txt").stat().st_mode) == 0o644
    control.stop(folder)


def test_credentials_and_port_are_kept_until_they_are_renewed(folder: Path) -> None:
    state = folder / ".kedro-aws"
    first, _ = control.start(state, region="eu-west-1")
    assert first.access_key_id.startswith(ACCESS_KEY_PREFIX)
    assert (len(first.access_key_id), len(first.secret_access_key)) == (20, 40)
    assert first.secret_access_key not in repr(first)
    control.stop(state)
    second, _ = control.start(state, region="eu-west-1")
    assert (second.credentials, second.endpoint_url) == (first.credentials, first.endpoint_url)

    control.renew(state)
    third = control.find(state)
    assert third is not None
    assert (third.pid, third.endpoint_url) == (second.pid, first.endpoint_url)
    assert third.access_key_id != first.access_key_id
    assert [ask_for_a_proof(third, instance) for instance in (second.instance, third.instance)] == [403, 200]
    assert third.secret_access_key != first.secret_access_key
    with pytest.raises(Exception, match="InvalidAccessKeyId"):
        second.client("s3").list_buckets()
    assert third.client("s3").list_buckets()["Buckets"] == []
    for service, call in (("s3", "list_buckets"), ("sts", "get_caller_identity"), ("glue", "get_databases")):
        with pytest.raises(AwsError) as caught, translate_errors("ask"):
            getattr(second.client(service), call)()
        assert caught.value.message.startswith(
            "Could not ask: the local AWS does not accept these credentials: they are former ones"
        )

    control.stop(state)
    control.renew(state)
    fourth, _ = control.start(state, region="eu-west-1")
    assert fourth.access_key_id not in {first.access_key_id, third.access_key_id}
    assert fourth.endpoint_url == first.endpoint_url
    others, _ = control.start(folder / "another" / ".kedro-aws", region="eu-west-1")
    assert others.credentials != fourth.credentials
    control.stop(folder / "another" / ".kedro-aws")
    assert find_open(state) == []


def ask_for_a_proof(aws: LocalAws, instance: str) -> int:
    """The status of what only a reader of the state file may ask for."""
    headers = (("Host", host_of(aws)), ("X-Kedro-Aws-Instance", instance))
    return send(aws, Raw("POST", "/_kedro_aws/health", headers, b'{"challenge": "1"}')).status


def without_coverage() -> dict[str, str]:
    """Another user cannot write the figures of coverage either."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}
