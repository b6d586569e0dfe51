"""Make an IAM policy for the project as it stands: its aws.yml, its catalog, its pipelines, its account."""

from dataclasses import dataclass
from typing import Any

from kedro_aws_plugin.aws.cloudformation import find_role
from kedro_aws_plugin.config import choose_role
from kedro_aws_plugin.errors import ProjectError, first_line
from kedro_aws_plugin.plan.policy.callers import Audience
from kedro_aws_plugin.plan.policy.document import build_policy, explain_size
from kedro_aws_plugin.plan.policy.reach import Data, Reach, make_role_pattern
from kedro_aws_plugin.project.locations import find_data, find_written
from kedro_aws_plugin.session.session import Session, explain_unloadable_project


@dataclass(frozen=True)
class MadePolicy:
    """A policy.

    Attributes:
        document: The policy, as IAM takes it.
        warnings: What the user must know before it is used.
    """

    document: dict[str, Any]
    warnings: tuple[str, ...]


def make_policy(session: Session, audience: Audience, account: str | None) -> MadePolicy:
    """Make the policy of somebody who works with the project.

    Args:
        session: The opened project.
        audience: Whose policy it is.
        account: The account id; by default that of the credentials, for which the session is connected.

    Raises:
        KedroAwsError: If the project does not load, or AWS cannot be reached.
    """
    config = session.config
    warnings = []
    chosen = _choose_role(session) if account is None else config.role_arn
    account = account or session.connect().account
    pattern, is_whole = make_role_pattern(config, account)
    if chosen is None and not is_whole and audience != "role":
        warnings.append(
            "CloudFormation shortens the name of this stack's role, so iam:PassRole does not name it. Run "
            "this again after `kedro aws bootstrap`, or set `role_arn` in aws.yml."
        )
    data = Data() if audience == "role" else _find_data(session)
    reach = Reach(config, session.project.package, account, chosen or pattern, data)
    pipelines = config.pipelines
    on_machines = pipelines.target == "stepfunctions" and pipelines.stepfunctions.role_arn is None
    if on_machines and reach.is_states_role_cut and audience == "developer":
        warnings.append(
            "CloudFormation shortens the name of the role of Step Functions, so iam:PassRole does not name "
            "it. Set `pipelines.stepfunctions.role_arn` in aws.yml to what `kedro aws bootstrap` has made."
        )
    if audience != "role" and not reach.endpoints:
        warnings.append(
            "aws.yml names no endpoint, so the policy allows none. Add it to `deploy`, and run this again."
        )
    document = build_policy(audience, reach)
    if size := explain_size(document):
        warnings.append(size)
    return MadePolicy(document, tuple(warnings))


def _choose_role(session: Session) -> str | None:
    """Choose the role that `deploy` gives to SageMaker; None before `kedro aws bootstrap` has made it."""
    session.connect()
    config = session.config
    if config.target == "local" or config.role_arn is not None:
        return choose_role(config, lambda: None)
    return find_role(session.aws, config.bucket)


def _find_data(session: Session) -> Data:
    """Find what the catalog holds on AWS, and what the pipelines write of it."""
    from kedro.framework.project import pipelines

    try:
        catalog = session.loader["catalog"]
    except Exception as error:
        raise ProjectError(
            f"The catalog cannot be read: {first_line(error)}. `kedro catalog list-patterns` shows the whole "
            "error."
        ) from error
    try:
        registered = [pipelines[name] for name in pipelines]
    except Exception as error:
        raise explain_unloadable_project(error) from error
    return find_data(catalog, find_written(catalog, registered), session.config)
