"""Choose a registered version, and plan its approval: (version, observed) -> Plan."""

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.observed import APPROVED, COMPLETED, ModelPackage, RegisteredGroup
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps.registry import UpdateModelPackage


def explain_empty_group(observed: RegisteredGroup, default: str | None) -> str:
    """Say that a group has no versions, and how to register one.

    Args:
        observed: The group.
        default: `registry.group` of aws.yml.
    """
    if observed.name == default:
        return f"{observed.name} has no versions. Register one: kedro aws register-model"
    state = "has no versions" if observed.exists else "does not exist"
    return (
        f"{observed.name} {state}. Register a catalog entry that is marked with it: "
        "kedro aws register-model --model ENTRY"
    )


def choose_package(observed: RegisteredGroup, wanted: str | None, default: str | None) -> ModelPackage:
    """Choose the version that the user names by number or ARN; by default the newest.

    Args:
        observed: The group.
        wanted: A number or an ARN.
        default: `registry.group` of aws.yml, which commands need not name.

    Raises:
        AwsError: If the group has no such version.
    """
    if not observed.packages:
        raise AwsError(f"Model package group {explain_empty_group(observed, default)}")
    if wanted is None:
        return observed.packages[0]
    for package in observed.packages:
        if wanted in (package.arn, str(package.version)):
            return package
    versions = ", ".join(str(package.version) for package in observed.packages[:10])
    raise AwsError(f"Model package group {observed.name} has no version {wanted}. It has: {versions}.")


def choose_approved(observed: RegisteredGroup, wanted: str | None, default: str | None) -> ModelPackage:
    """Choose the version to deploy: the one that the user names, or the newest approved one.

    Args:
        observed: The group.
        wanted: A number or an ARN.
        default: `registry.group` of aws.yml, which commands need not name.

    Raises:
        AwsError: If there is no such version, or it is not approved.
    """
    deployable = [
        each for each in observed.packages if each.approval == APPROVED and each.status == COMPLETED
    ]
    if wanted is None and deployable:
        return deployable[0]
    package = choose_package(observed, wanted, default)
    if package in deployable:
        return package
    if package.status != COMPLETED:
        raise AwsError(
            f"Version {package.version} of {observed.name} is {package.status}, not {COMPLETED}. "
            "Deploy another version, or register the model again."
        )
    version = f"Version {package.version} of {observed.name} is {package.approval}"
    group = "" if package.arn == wanted or observed.name == default else f" --group {observed.name}"
    raise AwsError(
        f"{version}{'' if wanted else ', and no older one is Approved'}. "
        f"Approve it: kedro aws approve-model {wanted or package.version}{group}"
    )


def plan_approval(package: ModelPackage, approval: str, reason: str | None) -> Plan:
    """Plan the approval or the rejection of a version."""
    step = UpdateModelPackage(arn=package.arn, approval=approval, reason=reason)
    return Plan(
        title=f"set {package.group} version {package.version} to {approval}",
        steps=() if package.approval == approval and reason is None else (step,),
        unchanged=f"{package.arn} ({package.approval})",
    )
