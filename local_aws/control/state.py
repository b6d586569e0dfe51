"""What is known of a running local AWS: the state file, and the variables that point a program at it.

Only the standard library, since every `kedro aws` command and every `kedro run` imports it.
"""

import json
import os
import shlex
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

ACCESS_KEY_ID = "KEDROAWSLOCAL0000000"
"""Of everybody who talks to the local AWS; no such key can exist on the real one."""

SAID_BY_US = "kedro-aws: "
"""What begins the lines of a serving process that are not the model's own."""

INSTANCE_HEADER = "x-kedro-aws-instance"
"""Says which server is meant; known to those alone who can read the state file."""

INSTANCE_VARIABLE = "KEDRO_AWS_INSTANCE"
"""Gives a server its instance id."""

ALREADY_RUNNING = 3
PORT_TAKEN = 4

_SECRET_ACCESS_KEY = "kedro-aws-local"  # noqa: S105 - nothing is secret here
_LOOPBACK = "127.0.0.1,localhost"


@dataclass(frozen=True)
class LocalAws:
    """A running local AWS.

    Attributes:
        endpoint_url: such as ``http://127.0.0.1:41234``.
        region: the region that clients should use; the server knows every region.
        account_id: of every caller.
        pid: of the server.
        log_file: what the server writes its requests and errors to.
        instance: tells this server from another one on the same port, and opens its own routes.
        version: of the plugin that started it.
    """

    endpoint_url: str
    region: str
    account_id: str
    pid: int
    log_file: Path
    instance: str = ""
    version: str = ""

    def environment(self) -> dict[str, str]:
        """The variables that point boto3, awscli, s3fs, pandas and every other SDK at it.

        Example:
            >>> subprocess.run(["aws", "s3", "ls"], env={**os.environ, **aws.environment()})
        """
        return environment(self.endpoint_url, self.region)

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS, whatever the environment says.

        Example:
            >>> aws.client("s3").list_buckets()["Buckets"]
        """
        import boto3
        from botocore.config import Config
        from botocore.session import get_session

        core = get_session()
        core.register_component("data_loader", _descriptions())
        session: Any = boto3.Session(
            ACCESS_KEY_ID, _SECRET_ACCESS_KEY, region_name=self.region, botocore_session=core
        )
        # Each boto3 session adds boto3's own folder again.
        _descriptions().search_paths[:] = dict.fromkeys(_descriptions().search_paths)
        return session.client(service, endpoint_url=self.endpoint_url, config=Config(proxies={}))


@cache
def _descriptions() -> Any:
    """The descriptions of AWS's services, read once: that is most of the time a client takes."""
    from botocore.session import get_session

    return get_session().get_component("data_loader")


def environment(endpoint_url: str, region: str) -> dict[str, str]:
    """See `LocalAws.environment`; an HTTP proxy, where one is set, is told to leave 127.0.0.1 alone."""
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    bypass = no_proxy if no_proxy and _LOOPBACK in no_proxy else ",".join(filter(None, (no_proxy, _LOOPBACK)))
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": _SECRET_ACCESS_KEY,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }


def lock_file(state_dir: Path) -> Path:
    """What a server holds locked for its whole life."""
    return state_dir / "local.lock"


def log_file(state_dir: Path) -> Path:
    """What a server writes its requests and errors to."""
    return state_dir / "local.log"


def read_state(state_dir: Path) -> LocalAws | None:
    """What a server wrote; it may be dead by now."""
    try:
        known = json.loads(_file(state_dir).read_text(encoding="utf-8"))
        return LocalAws(**{**known, "log_file": Path(known["log_file"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_state(state_dir: Path, aws: LocalAws) -> None:
    """Write the state file at once, for the owner alone."""
    written = _file(state_dir).with_suffix(".tmp")
    written.unlink(missing_ok=True)
    descriptor = os.open(written, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({**asdict(aws), "log_file": str(aws.log_file)}, file)
    written.replace(_file(state_dir))


def remove_state(state_dir: Path) -> None:
    """Forget a server."""
    _file(state_dir).unlink(missing_ok=True)


def wait_for_stdin() -> None:
    """Return when the other end of the pipe on stdin closes: when the parent ends, however it ends.

    Not by sys.stdin, whose lock a waiting thread would hold when the interpreter shuts down.
    """
    while os.read(0, 1024):
        pass


def stop_command(state_dir: Path) -> str:
    """What the user types in the current folder to stop the local AWS of a state folder."""
    if state_dir == default_state_dir(Path.cwd()):
        return "local-aws stop"
    return f"local-aws stop --state-dir {shlex.quote(str(state_dir))}"


def default_state_dir(folder: Path) -> Path:
    """Where the local AWS of a folder keeps its files: ``.kedro-aws`` in it, or $KEDRO_AWS_STATE_DIR."""
    chosen = os.environ.get("KEDRO_AWS_STATE_DIR")
    return Path(chosen) if chosen else folder / ".kedro-aws"


def make_state_dir(state_dir: Path) -> None:
    """Make a state folder that git ignores.

    Raises:
        OSError: If it cannot be written.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / ".gitignore").write_text("*\n", encoding="utf-8")


def _file(state_dir: Path) -> Path:
    return state_dir / "local.json"
