"""Which version a command means, and its approval: (wanted, observed) -> Plan."""

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.observed import APPROVED, ModelPackage, RegisteredGroup
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.steps import UpdateModelPackage


def choose_package(observed: RegisteredGroup, wanted: str | None) -> ModelPackage:
    """Find the version that the user names by number or ARN; by default the newest.

    Raises:
        AwsError: If the group has no such version.
    """
    if not observed.packages:
        raise AwsError(
            f"Model package group {observed.name} has no versions. Register one: kedro aws register-model"
        )
    if wanted is None:
        return observed.packages[0]
    for package in observed.packages:
        if wanted in (package.arn, str(package.version)):
            return package
    if wanted.startswith("arn:") and f"/{observed.name}/" not in wanted:
        raise AwsError(
            f"{wanted} belongs to another group than {observed.name}. "
            "Give a version of this group, or change `registry.group` in aws.yml."
        )
    versions = ", ".join(str(package.version) for package in observed.packages[:10])
    raise AwsError(f"Model package group {observed.name} has no version {wanted}. It has: {versions}.")


def newest_approved(observed: RegisteredGroup) -> ModelPackage:
    """Find the newest version that may be deployed.

    Raises:
        AwsError: If none is approved.
    """
    for package in observed.packages:
        if package.approval == APPROVED:
            return package
    if not observed.packages:
        return choose_package(observed, None)
    newest = observed.packages[0]
    raise AwsError(
        f"No version of {observed.name} is approved; the newest, {newest.version}, is {newest.approval}. "
        f"Approve it: kedro aws approve-model {newest.version}"
    )


def plan_approval(package: ModelPackage, approval: str, reason: str | None) -> Plan:
    """Plan the approval or the rejection of a version."""
    step = UpdateModelPackage(arn=package.arn, approval=approval, reason=reason)
    return Plan(
        title=f"set {package.group} version {package.version} to {approval}",
        steps=() if package.approval == approval else (step,),
        unchanged=f"{package.arn} ({package.approval})",
    )
