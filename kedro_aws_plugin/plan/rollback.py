"""Plan how to go back to an earlier version: (rollback, observed) -> Plan."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from kedro_aws_plugin.config import Deploy
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.endpoint import name_rolled_back, plan_requests, refuse_of_somebody_else
from kedro_aws_plugin.plan.observed import BUSY, IN_SERVICE, Endpoint, Releases, Sample
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.scaling import keeps_counts
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.serving import AddTags, DeleteTags, UpdateEndpoint, WaitForEndpoint
from kedro_aws_plugin.plan.tags import ROLLED_BACK, Tags, find_crowding_marks, list_former, shorten_to_tag


@dataclass(frozen=True)
class Rollback:
    """A wish to go back.

    Attributes:
        endpoint: The endpoint's name.
        tags: The tags of the project and its environment.
        reason: Why; a tag of the endpoint keeps it, and `deploy` then repeats it.
        deploy: The endpoint as aws.yml says.
        wait: Whether to wait until the endpoint serves, and to check its answer.
    """

    endpoint: str
    tags: Tags
    reason: str
    deploy: Deploy
    wait: bool = True


def plan_rollback(wanted: Rollback, observed: Releases) -> Plan:
    """Plan the way to the endpoint config that served before, and the check of what it answers.

    Raises:
        AwsError: If there is no such endpoint, it belongs to somebody else or has failed, or it is not known
            what it served before.
    """
    endpoint = _require(wanted, observed)
    former = observed.former
    if endpoint.status not in (IN_SERVICE, *BUSY):
        raise AwsError(
            f"Endpoint {endpoint.name} is {endpoint.status}, and SageMaker cannot update it. Make "
            f"it again: kedro aws deploy --endpoint {endpoint.name} --package VERSION"
        )
    serves = _name(observed.serves) or endpoint.coming
    if _is_back(endpoint):
        # A command that was killed, or whose check failed, ends the same way when it is run again.
        return Plan(
            title=f"roll back endpoint {endpoint.name}",
            steps=_plan_wait(wanted, endpoint, observed.samples),
            unchanged=f"endpoint {endpoint.name} serves {serves}, to which it was rolled back. To go further "
            f"back: kedro aws rollback --endpoint {endpoint.name} --to VERSION",
        )
    if former is None or _is_marked(endpoint, observed):
        raise AwsError(
            f"It is not known what endpoint {endpoint.name} served before {serves}, or that was rolled "
            f"back too. {_say_how_to_go_on(observed)}"
        )
    if observed.serves and set(observed.serves) <= set(observed.former_packages):
        raise AwsError(
            f"Endpoint {endpoint.name} served {serves} before too, on other instances or with other "
            f"settings. {_say_how_to_go_on(observed)}"
        )
    settle = [WaitForEndpoint(name=endpoint.name, config_name=None)] if endpoint.status in BUSY else []
    to = _name(observed.former_packages) or former.config_name
    return Plan(
        title=f"roll back endpoint {endpoint.name} from {serves} to {to}",
        steps=(
            *settle,
            *_plan_mark(wanted, endpoint, set(observed.serves) - set(observed.former_packages)),
            UpdateEndpoint(
                name=endpoint.name,
                config_name=former.config_name,
                keeps_counts=keeps_counts(wanted.deploy, endpoint),
            ),
            *_plan_wait(wanted, replace(endpoint, pending_config=former.config_name), former.samples),
        ),
        unchanged="",
    )


def plan_rollback_to(wanted: Rollback, observed: Releases, deployment: Plan, package: str | None) -> Plan:
    """Plan the way to a version that the user names: its deployment, and the mark of what serves now.

    All requests go there at once, whatever `deploy.update` says of new versions.

    Args:
        wanted: The endpoint.
        observed: What it serves.
        deployment: The plan that deploys the version to go back to.
        package: The ARN of that version.

    Raises:
        AwsError: If there is no such endpoint, or it belongs to somebody else.
    """
    endpoint = _require(wanted, observed)
    steps = tuple(map(_shift_at_once, deployment.steps))
    if not deployment.changes or (package,) == observed.serves:
        return replace(deployment, steps=steps)
    # First of all: a command that ends early leaves nothing for `deploy` to undo.
    marks = _plan_mark(wanted, endpoint, set(observed.serves) - {package})
    return replace(deployment, steps=(*marks, *steps))


def _shift_at_once(step: Step) -> Step:
    if isinstance(step, UpdateEndpoint):
        return replace(step, deployment=None)
    if isinstance(step, WaitForEndpoint):
        return WaitForEndpoint(name=step.name, config_name=step.config_name)
    return step


def _require(wanted: Rollback, observed: Releases) -> Endpoint:
    if observed.endpoint is None:
        raise AwsError(
            f"There is no endpoint {wanted.endpoint}. Make it: kedro aws deploy --endpoint {wanted.endpoint}"
        )
    refuse_of_somebody_else(wanted.tags, observed.endpoint)
    return observed.endpoint


def _is_back(endpoint: Endpoint) -> bool:
    """Tell whether a rollback has brought the endpoint where it is; an update that failed has a reason."""
    tags = endpoint.tags or {}
    if endpoint.failure is not None:
        return False
    return list_former(tags)[:1] == [endpoint.coming] and any(key.startswith(ROLLED_BACK) for key in tags)


def _is_marked(endpoint: Endpoint, observed: Releases) -> bool:
    return any(name_rolled_back(package) in (endpoint.tags or {}) for package in observed.former_packages)


def _name(packages: Sequence[str]) -> str:
    """Name versions for people: `model-package/flights/1 and model-package/flights/2`."""
    return " and ".join(package.rsplit(":", 1)[-1] for package in packages)


def _say_how_to_go_on(observed: Releases) -> str:
    if len(observed.serves) > 1:
        return "Change `deploy.variants` in aws.yml, and deploy that: kedro aws deploy"
    name = observed.endpoint.name if observed.endpoint else ""
    return f"Name the version: kedro aws rollback --endpoint {name} --to VERSION"


def _plan_mark(wanted: Rollback, endpoint: Endpoint, left: Collection[str]) -> tuple[Step, ...]:
    """Plan the marks of the versions that the endpoint leaves, and make room for them."""
    marks = {name_rolled_back(package): shorten_to_tag(wanted.reason) for package in sorted(left)}
    if not marks:
        return ()
    crowding = [key for key in find_crowding_marks(endpoint.tags or {}, ROLLED_BACK) if key not in marks]
    room = [DeleteTags(arn=endpoint.arn, keys=crowding)] if crowding else []
    return (*room, AddTags(arn=endpoint.arn, tags=marks))


def _plan_wait(wanted: Rollback, endpoint: Endpoint, samples: Mapping[str, Sample]) -> tuple[Step, ...]:
    if not wanted.wait:
        return ()
    wait = WaitForEndpoint(name=endpoint.name, config_name=endpoint.coming)
    folder = (wanted.deploy.async_.input or "") if endpoint.asynchronous else None
    checks = plan_requests(endpoint.name, samples, folder)
    return (wait, *checks) if endpoint.status in BUSY or endpoint.pending_config else checks
