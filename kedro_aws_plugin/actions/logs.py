"""Logs of endpoints, jobs and runs."""

import re

from kedro_aws_plugin.actions.executions import find_run, look_for_run
from kedro_aws_plugin.actions.targets import find_target
from kedro_aws_plugin.aws.logs import LogSource, find_log_sources
from kedro_aws_plugin.config import merge_deploy
from kedro_aws_plugin.config.names import is_sagemaker_name
from kedro_aws_plugin.errors import AwsError, ProjectError, suggest
from kedro_aws_plugin.plan.execution import Execution
from kedro_aws_plugin.session.session import Session

_KINDS = ("endpoint", "transform-job")
_LIKE_A_RUN = re.compile(r"\d{4}-\d{2}-\d{2}T")
"""How Kedro's run ids begin; no endpoint or job of this plugin is called so."""


def choose_log_source(session: Session, name: str | None = None, step: str | None = None) -> LogSource:
    """Choose whose log to read.

    Args:
        session: The opened project, connected.
        name: The name of an endpoint or a job, or its kind and name as at the end of its ARN, such as
            `endpoint/flights`; or a run of a pipeline; by default the endpoint of aws.yml.
        step: The step of a run; by default all of them.

    Raises:
        AwsError: If nothing has this name and a log, or two things have.
        ProjectError: If there is no such run, or it has not begun this step.
        ConfigError: If no name is given, and it is not clear which endpoint is meant.
    """
    if step is not None:
        return _choose_run(session, name or "latest", step)
    if name is None:
        name = f"endpoint/{merge_deploy(session.config, {}).endpoint}"
    kind, _, rest = name.rpartition("/")
    if name == "latest" or name.startswith("arn:") or _LIKE_A_RUN.match(name):
        return _choose_run(session, name, "")
    if kind and kind not in _KINDS:
        raise AwsError(f"`{kind}` has no log here. Write {' or '.join(f'{each}/{rest}' for each in _KINDS)}.")
    # A policy for a project with pipelines names its runs, but no endpoint that would be called like one.
    runs = not kind and "pipelines" in session.config.model_fields_set
    if runs and (run := look_for_run(session, name)):
        return _name_source(session, run, "")
    found = find_log_sources(session.aws, rest, kind or None) if is_sagemaker_name(rest) else []
    if not found and not kind and not runs and (run := look_for_run(session, name)):
        return _name_source(session, run, "")
    if not found:
        what = kind.replace("-", " ") or "endpoint or transform job"
        raise AwsError(
            f"There is no {what} {rest}, and no log of one. `kedro aws status` lists the endpoints, `kedro "
            "aws runs` the runs."
        )
    if len(found) > 1:
        commands = " or ".join(f"kedro aws logs {each.kind}/{rest}" for each in found)
        raise AwsError(f"{rest} is the name of an endpoint and of a transform job. Say which: {commands}")
    return found[0]


def _choose_run(session: Session, name: str, step: str) -> LogSource:
    return _name_source(session, find_run(session, name), step)


def _name_source(session: Session, run: Execution, step: str) -> LogSource:
    begun = [each.name for each in run.steps]
    if step and step not in begun:
        raise ProjectError(
            f"Run {run.run_id} has not begun a step `{step}`{suggest(step, begun)} `kedro aws runs "
            f"{run.run_id}` shows its steps."
        )
    return find_target(session, run.arn).find_log(run, step)
