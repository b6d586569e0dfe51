"""The state file of a running local AWS, and the variables that point a program at it.

Imports only the standard library, since every `kedro aws` command and every `kedro run` imports it.
"""

import json
import os
import shlex
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from local_aws.control.credentials import Credentials
from local_aws.control.private_files import make_private_folder, write_private

REPORT_PREFIX = "kedro-aws: "
"""Begins the lines that a serving process prints for the server; all its other lines are the model's."""

INSTANCE_HEADER = "x-kedro-aws-instance"
"""The header that carries the server's instance id, which only readers of the state file know."""

INSTANCE_VARIABLE = "KEDRO_AWS_INSTANCE"
"""The variable that gives a new server its instance id, or a serving process its password."""

ALREADY_RUNNING = 3
"""Exit code of a server whose state folder another one holds locked."""

PORT_TAKEN = 4
"""Exit code of a server whose port is in use."""

UNUSABLE = 5
"""Exit code of a server that cannot use what is kept; the last line of its log says why."""

NO_ROOM = 6
"""Exit code of a server whose disk is full; its log may have no room for the reason."""

_OURS = frozenset({"local.lock", "local.log", "credentials.json", "parameters.key", "runs", "tmp"})
_LOOPBACK = "127.0.0.1,localhost"


@dataclass(frozen=True)
class LocalAws:
    """A running local AWS.

    Attributes:
        endpoint_url: Its URL, such as ``http://127.0.0.1:41234``.
        region: The region that clients should use. The server has every region.
        account_id: The account id of every caller.
        pid: The process id of the server.
        log_file: The file of the server's requests and errors.
        instance: An id that tells this server from another one on the same port; its own routes require it.
        version: The version of the plugin that started it.
        access_key_id: The access key that its requests are signed with.
        secret_access_key: The secret of that key.
        folder: Which folder its state folder is, so that a copy of the state file means nothing.
    """

    endpoint_url: str
    region: str
    account_id: str
    pid: int
    log_file: Path
    instance: str = field(default="", repr=False)
    version: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    folder: str = field(default="", repr=False)

    def environment(self) -> dict[str, str]:
        """Make the variables that point boto3, awscli, s3fs and every other AWS SDK at this local AWS.

        Example:
            >>> subprocess.run(["aws", "s3", "ls"], env={**os.environ, **aws.environment()})
        """
        config = config_file(self.log_file.parent)
        return environment(self.endpoint_url, self.region, self.credentials, str(config))

    @property
    def credentials(self) -> Credentials:
        """What its requests are signed with."""
        return Credentials(self.access_key_id, self.secret_access_key)

    def client(self, service: str) -> Any:
        """Make a boto3 client of this local AWS, whatever the environment variables are.

        Example:
            >>> aws.client("s3").list_buckets()["Buckets"]
        """
        import boto3
        from botocore.config import Config
        from botocore.session import get_session

        core = get_session()
        core.register_component("data_loader", _load_service_models())
        session: Any = boto3.Session(
            self.access_key_id,
            self.secret_access_key,
            region_name=self.region,
            botocore_session=core,
        )
        # Each boto3 session adds boto3's own folder again.
        _load_service_models().search_paths[:] = dict.fromkeys(_load_service_models().search_paths)
        config = Config(proxies={}, user_agent_extra="local-aws/client")
        if service == "s3":  # see `write_config`
            of_s3 = Config(signature_version="s3v4", s3={"payload_signing_enabled": False})
            config = config.merge(of_s3)
        return session.client(service, endpoint_url=self.endpoint_url, config=config)


@cache
def _load_service_models() -> Any:
    """Make one loader of AWS's service models for all clients: reading them is most of a client's time."""
    from botocore.session import get_session

    return get_session().get_component("data_loader")


def environment(
    endpoint_url: str, region: str, credentials: Credentials, config: str = os.devnull
) -> dict[str, str]:
    """Make the variables of `LocalAws.environment`.

    ``NO_PROXY`` is among them, so that an HTTP proxy is not asked for 127.0.0.1.
    """
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    bypass = no_proxy if no_proxy and _LOOPBACK in no_proxy else ",".join(filter(None, (no_proxy, _LOOPBACK)))
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": config,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": bypass,
        "no_proxy": bypass,
    }


VARIABLES = frozenset(environment("", "", Credentials("", "")))
"""The names of the variables of `LocalAws.environment`."""


def lock_file(state_dir: Path) -> Path:
    """Give the file that a server holds locked for its whole life."""
    return state_dir / "local.lock"


def log_file(state_dir: Path) -> Path:
    """Give the file of a server's requests and errors."""
    return state_dir / "local.log"


def kept_folder(state_dir: Path) -> Path:
    """Give the folder of what is kept until a reset."""
    return state_dir / "kept"


def forgotten_folder(state_dir: Path) -> Path:
    """Give the folder of what was kept until a reset that is not done with deleting it."""
    return state_dir / "kept.forgotten"


def config_file(state_dir: Path) -> Path:
    """Give the file of the settings of AWS's tools."""
    return state_dir / "aws.config"


def write_config(state_dir: Path) -> None:
    """Write the settings of AWS's tools.

    If nothing is said, boto3 and awscli presign URLs by version 2. Without TLS, they compute the SHA-256 of
    all that they upload, beside the checksum that the server verifies; it takes longer than sending.
    """
    settings = "signature_version = s3v4", "payload_signing_enabled = false"
    write_private(config_file(state_dir), "\n    ".join(["[default]\ns3 =", *settings]) + "\n")


def endpoint_log_file(state_dir: Path, endpoint: str) -> Path:
    """Give the file of what an endpoint of the current server has printed."""
    return state_dir / "logs" / f"{endpoint}.log"


def earlier_log_file(state_dir: Path, endpoint: str) -> Path:
    """Give the file of what an endpoint of an earlier server had printed."""
    return state_dir / "logs" / "earlier" / f"{endpoint}.log"


def read_state(state_dir: Path) -> LocalAws | None:
    """Read what a server wrote about itself, or None. The server may have died since.

    What was copied with the folder is about the server of another folder.
    """
    try:
        known = json.loads(_file(state_dir).read_text(encoding="utf-8"))
        if known.get("folder", "") not in {"", identify_folder(state_dir)}:
            return None
        return LocalAws(**{**known, "log_file": Path(known["log_file"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def identify_folder(state_dir: Path) -> str:
    """Tell a folder from its copies. It stays the same when the folder is moved."""
    found = state_dir.stat()
    return f"{found.st_dev}:{found.st_ino}"


def write_state(state_dir: Path, aws: LocalAws) -> None:
    """Write the state file in one step, readable by its owner only."""
    write_private(_file(state_dir), json.dumps({**asdict(aws), "log_file": str(aws.log_file)}))


def remove_state(state_dir: Path) -> None:
    """Delete the state file, if there is one."""
    _file(state_dir).unlink(missing_ok=True)


def wait_for_stdin() -> None:
    """Wait until the pipe on stdin is closed, which happens when the parent process ends, even if killed.

    This reads the file descriptor: a thread that waits in `sys.stdin` would hold its lock at shutdown.
    """
    while os.read(0, 1024):
        pass


def format_command(verb: str, state_dir: Path) -> str:
    """Write the command for the local AWS of a state folder that works in the current folder.

    Example:
        >>> format_command("stop", Path("/tmp/flights/.kedro-aws"))
        'local-aws stop --state-dir /tmp/flights/.kedro-aws'
    """
    if state_dir.absolute() == default_state_dir(Path.cwd()).absolute():
        return f"local-aws {verb}"
    return f"local-aws {verb} --state-dir {shlex.quote(str(state_dir))}"


def default_state_dir(folder: Path) -> Path:
    """Choose where the local AWS of a folder keeps its files: $KEDRO_AWS_STATE_DIR, else ``.kedro-aws``."""
    chosen = os.environ.get("KEDRO_AWS_STATE_DIR")
    return Path(chosen) if chosen else folder / ".kedro-aws"


def make_state_dir(state_dir: Path) -> None:
    """Make a state folder that git ignores and only its owner can enter.

    Raises:
        OSError: If it cannot be written, belongs to another user, or is a folder for something else too.
    """
    make_private_folder(state_dir, ours=_OURS)
    ignored = state_dir / ".gitignore"
    if not ignored.exists():
        write_private(ignored, "*\n")


def _file(state_dir: Path) -> Path:
    return state_dir / "local.json"
