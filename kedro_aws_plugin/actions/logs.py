"""Logs of endpoints and jobs."""

from kedro_aws_plugin.aws.logs import LogSource, find_log_sources
from kedro_aws_plugin.config import merge_deploy
from kedro_aws_plugin.config.names import is_sagemaker_name
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.session.session import Session

_KINDS = ("endpoint", "transform-job")


def choose_log_source(session: Session, name: str | None = None) -> LogSource:
    """Choose whose log to read.

    Args:
        session: The opened project, connected.
        name: The name of an endpoint or a job, or its kind and name as at the end of its ARN, such as
            `endpoint/flights`; by default the endpoint of aws.yml.

    Raises:
        AwsError: If nothing has this name and a log, or two things have.
        ConfigError: If no name is given, and it is not clear which endpoint is meant.
    """
    if name is None:
        name = f"endpoint/{merge_deploy(session.config, {}).endpoint}"
    kind, _, rest = name.rpartition("/")
    if kind and kind not in _KINDS:
        raise AwsError(f"`{kind}` has no log here. Write {' or '.join(f'{each}/{rest}' for each in _KINDS)}.")
    found = find_log_sources(session.aws, rest, kind or None) if is_sagemaker_name(rest) else []
    if not found:
        what = kind.replace("-", " ") or "endpoint or transform job"
        raise AwsError(
            f"There is no {what} {rest}, and no log of one. `kedro aws status` lists the endpoints."
        )
    if len(found) > 1:
        commands = " or ".join(f"kedro aws logs {each.kind}/{rest}" for each in found)
        raise AwsError(f"{rest} is the name of an endpoint and of a transform job. Say which: {commands}")
    return found[0]
