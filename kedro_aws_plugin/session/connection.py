"""Connect this process to the AWS of a Kedro environment, the local or the real one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import local_aws
from kedro_aws_plugin.aws.binding import Binding
from kedro_aws_plugin.aws.environment import restore_on_failure, use_aws, use_local
from kedro_aws_plugin.config import find_results_folder
from kedro_aws_plugin.config.models import AwsConfig, Target
from kedro_aws_plugin.config.project import Project
from kedro_aws_plugin.errors import LocalAwsError

RAW_DATA = Path("data") / "raw"
_NAMED = 3


@dataclass(frozen=True)
class Connection:
    """The AWS in force.

    Attributes:
        target: `local` or `aws`.
        account: The account id.
        region: The AWS region.
        env: The Kedro environment that chose it.
        note: What was done to connect, e.g. `: started` for the local AWS; empty if nothing was.
        url: The address of the local AWS; None for the real one.
        binding: What the catalog is bound to.
        empty_tables: The locations of the tables of aws.yml without files in the local AWS, by their names.
    """

    target: Target
    account: str
    region: str
    env: str
    note: str = ""
    url: str | None = None
    binding: Binding | None = field(default=None, repr=False)
    empty_tables: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The line that the user sees, without the note."""
        where = f"local AWS at {self.url}" if self.url else "AWS"
        return f"{where}, account {self.account}, {self.region} (env {self.env})"

    def __str__(self) -> str:
        return f"{self.name}{self.note}"


def list_athena_settings(config: AwsConfig) -> dict[str, Any]:
    """List the settings of aws.yml that the Athena datasets use, by the names of their arguments."""
    stated = config.athena
    return {
        "database": stated.database if stated else None,
        "workgroup": stated.workgroup if stated else None,
        "output_location": find_results_folder(config),
        "max_scan_gb": stated.max_scan_gb if stated else None,
    }


def connect(project: Project) -> Connection:
    """Point this process at the AWS of the project's environment. Starts the local AWS if it is not running.

    If that fails, the process stays at the AWS that it was at.

    Raises:
        LocalAwsError: If the local AWS is needed and does not start.
        AwsError: If the real AWS does not accept the credentials.
    """
    config = project.config
    with restore_on_failure():
        return _connect_local(project) if config.target == "local" else _connect_aws(project)


def start_local(project: Project) -> tuple[local_aws.LocalAws, bool, local_aws.Seeded]:
    """Start the local AWS if it is not running, and create in it what the project needs before its first run.

    Returns:
        The local AWS, whether this call started it, and what this call created in it.

    Raises:
        LocalAwsError: If it does not start.
    """
    from kedro_aws_plugin.plan.athena import build_definitions

    config = project.config
    try:
        local, started = local_aws.start(
            local_aws.default_state_dir(project.path), region=config.region, port=config.local.port
        )
        seeded = local_aws.seed(
            local,
            bucket=config.bucket,
            folder=project.path / RAW_DATA,
            region=config.region,
            athena=build_definitions(config, project.package),
        )
    except local_aws.LocalAwsError as error:
        raise LocalAwsError(error.message) from error
    return local, started, seeded


def explain_raw_data(project: Project, seeded: local_aws.Seeded) -> str:
    """Warn of raw data that is not where it is read, each in a line of its own; empty if there is none.

    That is what was not uploaded, and, when something was, what no table reads.
    """
    misplaced = _list_misplaced(project) if seeded.created or seeded.uploaded else []
    return "".join(f"\nWarning: {each}" for each in [*_list_skipped(seeded), *misplaced])


def _list_skipped(seeded: local_aws.Seeded) -> list[str]:
    """Explain which files were not uploaded; if there are many, name some of them."""
    named = [
        f"{key} is not uploaded: {reason}. To use the file, copy it in a shell that has "
        f"`kedro aws local env`: aws s3 cp {key} s3://{seeded.bucket}/{key}"
        for key, reason in list(seeded.skipped.items())[:_NAMED]
    ]
    others = len(seeded.skipped) - len(named)
    return [*named, f"likewise {others} others of {RAW_DATA}"] if others else named


def _list_misplaced(project: Project) -> list[str]:
    from kedro_aws_plugin.plan.athena import explain_misplaced

    folder = project.path / RAW_DATA
    keys = [f"{RAW_DATA.as_posix()}/{each.name}" for each in sorted(folder.glob("*")) if each.is_file()]
    return explain_misplaced(project.config, keys)


def _connect_local(project: Project) -> Connection:
    config = project.config
    if not config.local.autostart and local_aws.find(local_aws.default_state_dir(project.path)) is None:
        raise LocalAwsError(
            "The local AWS is not running and `local.autostart` is off. Start it: kedro aws local start"
        )
    local, started, seeded = start_local(project)
    region = {"AWS_REGION": config.region, "AWS_DEFAULT_REGION": config.region}
    variables = {**local.environment(), **region}
    use_local(variables)
    notes = ["started"] if started else []
    if seeded.created:
        notes.append(f"bucket {config.bucket} created")
    if seeded.uploaded:
        files = "1 file" if seeded.uploaded == 1 else f"{seeded.uploaded} files"
        notes.append(f"{files} uploaded from {RAW_DATA}")
    elif seeded.created:
        notes.append(f"no raw data in {project.path / RAW_DATA} yet, it is uploaded when it comes")
    note = f": {', '.join(notes)}" if notes else ""
    return Connection(
        target="local",
        account=local.account_id,
        region=config.region,
        env=config.env,
        note=f"{note}{explain_raw_data(project, seeded)}",
        url=local.endpoint_url,
        empty_tables=seeded.empty_tables,
        binding=Binding(
            "local",
            config.region,
            variables["AWS_ENDPOINT_URL"],
            variables["AWS_ACCESS_KEY_ID"],
            variables["AWS_SECRET_ACCESS_KEY"],
            list_athena_settings(config),
            f"{project.path} (local)",
        ),
    )


def _connect_aws(project: Project) -> Connection:
    from kedro_aws_plugin.aws.session import Aws, find_account

    config = project.config
    use_aws(config.region, local_aws.ACCESS_KEY_PREFIX, local_aws.VARIABLES)
    account = find_account(Aws("aws", config.region), config.env)
    binding = Binding(
        "aws", config.region, athena=list_athena_settings(config), owner=f"{project.path} (aws)"
    )
    return Connection(target="aws", account=account, region=config.region, env=config.env, binding=binding)
