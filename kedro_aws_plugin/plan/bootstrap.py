"""Plan what a project needs before its first run, its stack and its raw data: (config, observed) -> Plan."""

from dataclasses import dataclass
from pathlib import Path

from kedro_aws_plugin.config import AwsConfig, find_results_folder
from kedro_aws_plugin.config.athena import PRIMARY
from kedro_aws_plugin.errors import AwsError, ConfigError
from kedro_aws_plugin.plan.athena import explain_misplaced
from kedro_aws_plugin.plan.observed import Foundation, Stack
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.stack_template import build_stack_template, format_template
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.s3 import UploadFile
from kedro_aws_plugin.plan.steps.stack import CreateStack, UpdateStack, WaitForStack
from kedro_aws_plugin.plan.tags import make_project_tags

_KEPT = {"sagemaker/": "the registered models", "tables/": "the tables of AthenaTableDataset"}
SETTLED = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
    | {"IMPORT_ROLLBACK_COMPLETE"}
)
CHANGING = frozenset(
    {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}
    | {"UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"}
)


@dataclass(frozen=True)
class RawFile:
    """A file of the raw data.

    Attributes:
        path: The file on this machine.
        key: Its key on S3.
        size: Its size in bytes.
        sha256: Its SHA-256 digest, in hexadecimal digits.
    """

    path: Path
    key: str
    size: int
    sha256: str


def get_stack_name(bucket: str) -> str:
    """Name the stack of a project's environment after its bucket: no two buckets share a name."""
    return f"kedro-aws-{bucket.replace('.', '-')}"


def plan_bootstrap(config: AwsConfig, project: str, files: tuple[RawFile, ...], observed: Foundation) -> Plan:
    """Plan the stack, then the upload of the raw data that is not there yet.

    Raises:
        ConfigError: If the template is too long, query results would be written among data that must stay, or
            S3 would log its own logs.
        AwsError: If the stack cannot be changed, or the bucket exists without it.
    """
    name = get_stack_name(config.bucket)
    warnings = check_bootstrap(config, files)
    others = _is_made_by_others(config, observed)
    stack_steps = [] if others else _plan_stack(config, project, name, observed)
    uploads = [_plan_upload(config.bucket, file) for file in files if file.key not in observed.keys]
    role = observed.stack.outputs.get("RoleArn") if observed.stack else None
    return Plan(
        title=f"bootstrap {project} in {config.region}",
        steps=(*stack_steps, *uploads),
        unchanged=_name_what_is_there(config, name, role, by_others=others),
        warnings=(*warnings, _explain_unchecked(name)) if others else warnings,
    )


def check_bootstrap(config: AwsConfig, files: tuple[RawFile, ...]) -> tuple[str, ...]:
    """Check what needs no AWS, and collect the warnings.

    Raises:
        ConfigError: If query results would be written among data that must stay, or S3 would log its own
            logs.
    """
    _refuse_lost_data(config, files)
    _refuse_own_logs(config)
    return (*_collect_warnings(config), *explain_misplaced(config, [file.key for file in files]))


def _is_made_by_others(config: AwsConfig, observed: Foundation) -> bool:
    """Tell whether somebody has made the bucket and the role otherwise, with Terraform for example."""
    return observed.stack is None and observed.bucket == "own" and config.role_arn is not None


def _name_what_is_there(config: AwsConfig, stack: str, role: str | None, *, by_others: bool) -> str:
    if by_others:
        return f"bucket {config.bucket}, role {config.role_arn}"
    return f"stack {stack}{f', role {role}' if role else ''}"


def _explain_unchecked(stack: str) -> str:
    return (
        f"there is no stack {stack}: bucket and role were made otherwise, so nothing compares the database, "
        "the tables and the workgroup with aws.yml. Apply again what `kedro aws bootstrap -o terraform` "
        "prints when aws.yml changes."
    )


def _plan_stack(config: AwsConfig, project: str, name: str, observed: Foundation) -> list[Step]:
    template = build_stack_template(config, project)
    text = format_template(template)
    tags = make_project_tags(project, config.env, config.bucket)
    stack, wait = observed.stack, WaitForStack(name=name)
    if stack is None:
        _refuse_bucket(config, name, observed)
        return [CreateStack(name=name, template=text, tags=tags), wait]
    _refuse_stack(stack, tags)
    same = stack.template == template
    settle: list[Step] = [wait] if stack.status in CHANGING else []
    return settle if same else [*settle, UpdateStack(name=name, template=text, tags=tags), wait]


def _refuse_lost_data(config: AwsConfig, files: tuple[RawFile, ...]) -> None:
    """Raise if query results share a folder with data: S3 deletes all of that folder after a while."""
    results = find_results_folder(config)
    tables = config.athena.tables if config.athena else {}
    shared = [
        f"the table `{name}` ({table.location})"
        for name, table in tables.items()
        if table.location.startswith(results) or results.startswith(table.location)
    ]
    if any(f"s3://{config.bucket}/{file.key}".startswith(results) for file in files):
        shared.append("the raw data")
    shared += [
        f"what is in s3://{config.bucket}/{folder}, {what},"
        for folder, what in _KEPT.items()
        if f"s3://{config.bucket}/{folder}".startswith(results)
    ]
    if shared:
        folders = (f"s3://{config.bucket}/{name}/" for name in ("athena", "query-results"))
        free = next(folder for folder in folders if folder != results)
        raise ConfigError(
            f"conf/base/aws.yml: `athena.output_location`: query results are written to {results} and expire "
            f"there, and {shared[0]} shares that folder. Give the results a folder of their own, such as "
            f"{free}."
        )


def _refuse_own_logs(config: AwsConfig) -> None:
    logs = config.bootstrap.access_logs
    if logs and logs.startswith(f"s3://{config.bucket}/"):
        raise ConfigError(
            f"conf/base/aws.yml: `bootstrap.access_logs`: {logs} is in the project's own bucket, and each "
            "log would be logged again. Name a folder of another bucket in the same account and region."
        )


def _refuse_bucket(config: AwsConfig, stack: str, observed: Foundation) -> None:
    where = f"`bucket` in conf/{config.env}/globals.yml"
    if observed.bucket == "foreign":
        raise AwsError(
            f"Bucket {config.bucket} belongs to another AWS account, you may not look at it, or this "
            f"machine's clock is wrong: S3 gives no reason. Choose another name: {where}."
        )
    if observed.bucket == "own":
        raise AwsError(
            f"Bucket {config.bucket} exists, and stack {stack}, which would create it, does not. "
            f"Choose another name: {where}. Or keep that bucket: set `role_arn` in aws.yml, and make the "
            "rest yourself, as `kedro aws bootstrap -o terraform` prints it."
        )


def _refuse_stack(stack: Stack, tags: dict[str, str]) -> None:
    if not tags.items() <= stack.tags.items():
        raise AwsError(
            f"Stack {stack.name} exists, and this project's environment did not make it: it lacks the tags "
            f"{', '.join(f'{key}={value}' for key, value in tags.items())}. "
            "Choose another `bucket` in globals.yml."
        )
    if stack.status in SETTLED | CHANGING:
        return
    reason = f": {stack.reason.rstrip('.')}" if stack.reason else ""
    raise AwsError(f"Stack {stack.name} is {stack.status}{reason}. {_suggest_way_out(stack)}")


def _suggest_way_out(stack: Stack) -> str:
    """Suggest what to do with a stack that CloudFormation cannot update."""
    if stack.status == "UPDATE_ROLLBACK_FAILED":
        return (
            "Correct the cause, continue its rollback, then run this command again: "
            f"aws cloudformation continue-update-rollback --stack-name {stack.name}"
        )
    if stack.status.endswith("_IN_PROGRESS"):
        return "Run this command again when that is over."
    return (
        "Correct the cause, delete the stack, then run this command again: "
        f"aws cloudformation delete-stack --stack-name {stack.name}"
    )


def _plan_upload(bucket: str, file: RawFile) -> UploadFile:
    return UploadFile(
        path=file.path,
        size=file.size,
        sha256=file.sha256,
        bucket=bucket,
        key=file.key,
        content_type="binary/octet-stream",
    )


def _collect_warnings(config: AwsConfig) -> tuple[str, ...]:
    athena = config.athena
    if athena is None or athena.max_scan_gb is None or athena.workgroup != PRIMARY:
        return ()
    return (
        "the workgroup `primary` belongs to the account, so `max_scan_gb` does not change its scan limit: "
        "name another `athena.workgroup` in aws.yml.",
    )
