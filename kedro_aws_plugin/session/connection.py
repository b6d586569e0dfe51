"""Which AWS a Kedro environment speaks to: chosen once, for this process, before anything else asks AWS."""

from dataclasses import dataclass
from pathlib import Path

import local_aws
from kedro_aws_plugin.aws.environment import use_aws, use_local
from kedro_aws_plugin.config.models import AwsConfig, Target
from kedro_aws_plugin.config.project import Project
from kedro_aws_plugin.errors import LocalAwsError

RAW_DATA = Path("data") / "raw"
_announced: set[str] = set()


@dataclass(frozen=True)
class Connection:
    """The AWS in force.

    Attributes:
        target: The local or the real AWS.
        account: The account id.
        region: The region.
        env: The Kedro environment that chose it.
        note: What had to be done first, e.g. that the local AWS was started.
        url: Where the local AWS listens.
    """

    target: Target
    account: str
    region: str
    env: str
    note: str = ""
    url: str | None = None

    def __str__(self) -> str:
        name = f"local AWS at {self.url}" if self.url else "AWS"
        return f"{name}, account {self.account}, {self.region} (env {self.env}){self.note}"


def connect(project: Project) -> Connection:
    """Point this process at the AWS of the project's environment, starting the local one if need be.

    Raises:
        LocalAwsError: If the local AWS is needed and does not start.
        AwsError: If the real AWS does not accept the credentials.
    """
    config = project.config
    return _connect_local(project) if config.target == "local" else _connect_aws(config)


def announcement(connection: Connection) -> str | None:
    """Say once in a process which AWS is in force; None when it has been said."""
    line = str(connection)
    head = line.removesuffix(connection.note)
    if head in _announced and not connection.note:
        return None
    _announced.add(head)
    return line


def start_local(project: Project) -> tuple[local_aws.LocalAws, bool, local_aws.Seeded]:
    """Start the local AWS if it does not run, and put into it what the project needs before its first run.

    Returns:
        It, whether it was started now, and what was put into it now.
    """
    from kedro_aws_plugin.plan.athena import definitions

    config = project.config
    local, started = local_aws.start(
        local_aws.default_state_dir(project.path), region=config.region, port=config.local.port
    )
    seeded = local_aws.seed(
        local,
        bucket=config.bucket,
        folder=project.path / RAW_DATA,
        region=config.region,
        athena=definitions(config, project.package),
    )
    return local, started, seeded


def _connect_local(project: Project) -> Connection:
    config = project.config
    if not config.local.autostart and local_aws.running(local_aws.default_state_dir(project.path)) is None:
        raise LocalAwsError(
            "The local AWS is not running and `local.autostart` is off. Start it: kedro aws local start"
        )
    local, started, seeded = start_local(project)
    region = {"AWS_REGION": config.region, "AWS_DEFAULT_REGION": config.region}
    use_local({**local.environment(), **region})
    notes = ["started"] if started else []
    if seeded.created:
        files = "1 file" if seeded.uploaded == 1 else f"{seeded.uploaded} files"
        notes.append(f"bucket {config.bucket} created, {files} uploaded from {RAW_DATA}")
    return Connection(
        target="local",
        account=local.account_id,
        region=config.region,
        env=config.env,
        note=f": {', '.join(notes)}" if notes else "",
        url=local.endpoint_url,
    )


def _connect_aws(config: AwsConfig) -> Connection:
    from kedro_aws_plugin.aws.observe import caller_account
    from kedro_aws_plugin.aws.session import Aws

    local_names = local_aws.environment("", config.region)
    use_aws(config.region, local_aws.ACCESS_KEY_ID, local_names)
    account = caller_account(Aws("aws", config.region), config.env)
    return Connection(target="aws", account=account, region=config.region, env=config.env)
