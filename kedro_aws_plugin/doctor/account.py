"""Examine the AWS account of an environment."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from kedro_aws_plugin.aws.account import BucketReport, is_assumable, measure_skew, read_quotas, report_bucket
from kedro_aws_plugin.aws.cloudformation import find_role
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import AwsConfig, find_endpoint_groups, merge_deploy
from kedro_aws_plugin.doctor.finding import Finding, blame
from kedro_aws_plugin.errors import KedroAwsError

_SOON_REFUSED, _REFUSED = 60.0, 300.0
_BOOTSTRAP = "kedro aws bootstrap"


def examine_account(aws: Aws, config: AwsConfig, now: Callable[[], datetime]) -> Iterator[Finding]:
    """Examine what the commands need in the account.

    Args:
        aws: The clients, whose credentials AWS accepts.
        config: The project's aws.yml.
        now: Tells the time on this machine, with its time zone.
    """
    yield from try_to_examine("clock", lambda: [check_skew(measure_skew(aws, now()))])
    yield from try_to_examine("bucket", lambda: check_bucket(config, report_bucket(aws, config.bucket)))
    if config.deploy is not None:
        yield from try_to_examine("role", lambda: [_check_role(aws, config)])
        yield from try_to_examine("quotas", lambda: _check_quotas(aws, config))


def check_skew(seconds: float) -> Finding:
    """Judge the difference of this machine's clock from AWS's."""
    if abs(seconds) < _SOON_REFUSED:
        return Finding("clock", "ok", "The clock agrees with AWS's")
    direction = "ahead of" if seconds > 0 else "behind"
    return Finding(
        "clock",
        "problem" if abs(seconds) >= _REFUSED else "warning",
        f"This machine's clock is {abs(seconds):.0f} s {direction} AWS's, which refuses requests that are "
        "more than 300 s off.",
        "Set the clock, for example by switching on NTP.",
    )


def check_bucket(config: AwsConfig, report: BucketReport) -> Iterator[Finding]:
    """Judge the project's bucket."""
    name, region = config.bucket, config.region
    if report.state == "absent":
        yield Finding("bucket", "problem", f"There is no bucket {name}.", _BOOTSTRAP)
        return
    if report.state == "foreign":
        yield Finding(
            "bucket",
            "problem",
            f"{name} is another account's bucket, or you may not look at it.",
            f"Choose another name for `bucket` in conf/{config.env}/globals.yml.",
        )
        return
    sound = True
    if report.region != region:
        sound = False
        yield Finding(
            "bucket",
            "problem",
            f"{name} is in {report.region}, and `region` of aws.yml is {region}: SageMaker reads models from "
            "its own region.",
            f"Set `region: {report.region}`, or choose another bucket.",
        )
    if not report.is_private:
        sound = False
        yield Finding(
            "bucket", "warning", f"{name} does not block all public access.", f"{_BOOTSTRAP}, which does."
        )
    if report.encryption is None:
        sound = False
        yield Finding(
            "bucket", "warning", f"{name} has no default encryption.", f"{_BOOTSTRAP}, which sets it."
        )
    if sound:
        yield Finding("bucket", "ok", f"{name}: private, encrypted ({report.encryption}), in {region}")


def check_quotas(wanted: Mapping[str, int], quotas: Mapping[str, float]) -> Iterator[Finding]:
    """Judge whether the account may run the instances of the endpoints."""
    for kind, count in sorted(wanted.items()):
        if kind not in quotas:
            yield Finding("quotas", "unknown", f"AWS names no quota for {kind} of endpoints.")
        elif quotas[kind] < count:
            yield Finding(
                "quotas",
                "problem",
                f"aws.yml needs {count} x {kind}, and endpoints of this account may have {quotas[kind]:.0f}.",
                f"Ask for more in Service Quotas: {kind} for endpoint usage.",
            )
        else:
            yield Finding("quotas", "ok", f"{count} x {kind} of {quotas[kind]:.0f}")


def _check_role(aws: Aws, config: AwsConfig) -> Finding:
    role = config.role_arn or find_role(aws, config.bucket)
    if role is None:
        return Finding("role", "problem", "There is no role that SageMaker could assume.", _BOOTSTRAP)
    assumable = is_assumable(aws, role)
    if assumable:
        return Finding("role", "ok", f"SageMaker may assume {role}")
    fix = f"Correct `role_arn` in conf/{config.env}/aws.yml, or leave it out and run {_BOOTSTRAP}."
    if assumable is None:
        return Finding("role", "problem", f"There is no role {role}.", fix)
    return Finding("role", "problem", f"{role} does not let sagemaker.amazonaws.com assume it.", fix)


def _check_quotas(aws: Aws, config: AwsConfig) -> Iterator[Finding]:
    wanted: dict[str, int] = {}
    for name in find_endpoint_groups(config):
        endpoint = merge_deploy(config, {"endpoint": name})
        if endpoint.mode != "serverless":
            count = wanted.get(endpoint.instance_type, 0)
            wanted[endpoint.instance_type] = count + endpoint.instance_count
    if wanted:
        yield from check_quotas(wanted, read_quotas(aws, wanted))


def try_to_examine(
    check: str, examine: Callable[[], "Iterator[Finding] | list[Finding]"]
) -> Iterator[Finding]:
    """Examine one thing; where AWS does not allow to look, say so and go on."""
    try:
        yield from list(examine())
    except KedroAwsError as error:
        yield blame(check, error, "unknown")
