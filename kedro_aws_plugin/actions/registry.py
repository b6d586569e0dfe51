"""The versions of a model: list them, compare them, register, approve and reject them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kedro_aws_plugin.aws.sagemaker.registry import observe_details, observe_group
from kedro_aws_plugin.config import choose_group, require_registry
from kedro_aws_plugin.plan.approval import choose_package, plan_approval
from kedro_aws_plugin.plan.observed import ModelPackage, RegisteredGroup
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.session.session import Session

if TYPE_CHECKING:
    from kedro_aws_plugin.project.catalog import ProjectCatalog


@dataclass(frozen=True)
class Difference:
    """A property in which two versions of a model differ.

    Attributes:
        name: The property: a metric, or a fact of the lineage.
        one: Its value of the first version; empty if that has none.
        other: Its value of the second version.
        change: By how much a metric has changed; None for anything else.
    """

    name: str
    one: str
    other: str
    change: float | None = None


def list_versions(session: Session, group: str | None = None) -> RegisteredGroup:
    """List the versions of a model with their metrics, the newest first.

    Args:
        session: The opened project, connected.
        group: The model package group; by default `registry.group` of aws.yml.
    """
    found = observe_group(session.aws, choose_group(session.config, group=group))
    return observe_details(session.aws, found)


def compare_versions(session: Session, group: str | None, one: str, other: str) -> list[Difference]:
    """Compare two versions: every metric, and the facts of their lineage that differ.

    Args:
        session: The opened project, connected.
        group: The model package group; by default `registry.group` of aws.yml.
        one: A version, by number or ARN.
        other: Another one.

    Raises:
        AwsError: If the group has no such version.
    """
    config = session.config
    found = observe_group(session.aws, choose_group(config, one, group))
    default = config.registry.group if config.registry else None
    chosen = tuple(choose_package(found, each, default) for each in (one, other))
    first, second = observe_details(session.aws, replace(found, packages=chosen)).packages
    metrics = [
        Difference(
            name,
            _format(first.metrics.get(name)),
            _format(second.metrics.get(name)),
            _subtract(first.metrics.get(name), second.metrics.get(name)),
        )
        for name in sorted({*first.metrics, *second.metrics})
    ]
    facts = [
        Difference(name, first.lineage.get(name, ""), second.lineage.get(name, ""))
        for name in sorted({*first.lineage, *second.lineage})
        if first.lineage.get(name) != second.lineage.get(name)
    ]
    return metrics + facts


@contextmanager
def prepare_model(
    session: Session,
    entry: str | None,
    version: str | None,
    *,
    approve: bool,
    catalog: "ProjectCatalog | None" = None,
) -> Iterator[Callable[[], Plan]]:
    """Pack a saved model. What the context gives looks up what is registered, and plans from there.

    Args:
        session: The opened project, connected.
        entry: The model's catalog entry; by default `registry.model` of aws.yml.
        version: The model's Kedro version; by default the newest.
        approve: Whether to approve the new version at once.
        catalog: The catalog of the run in force; by default it is made anew.

    Raises:
        KedroAwsError: If the model cannot be found, loaded or used for a prediction, or AWS does not answer.
    """
    # What packs a model takes long to import, and who only looks does not need it.
    from kedro_aws_plugin.project.catalog import ProjectCatalog
    from kedro_aws_plugin.registration.planned import RegistrationRequest, prepare_registration

    config = session.config
    catalog = catalog or ProjectCatalog.open(session)
    registry = catalog.find_registry(config, entry or require_registry(config).model)
    request = RegistrationRequest(registry, version, approve)
    with prepare_registration(session.project, catalog, request, session.aws) as look:
        yield look


def plan_decision(
    session: Session, approval: str, package: str | None, group: str | None, reason: str | None
) -> tuple[ModelPackage, Plan]:
    """Choose a version, and plan its approval or rejection.

    Args:
        session: The opened project, connected.
        approval: `Approved` or `Rejected`.
        package: The version, by number or ARN; by default the newest.
        group: The model package group; by default `registry.group` of aws.yml.
        reason: Why; stored with the decision.

    Raises:
        KedroAwsError: If there is no such version.
    """
    config = session.config
    found = observe_group(session.aws, choose_group(config, package, group))
    chosen = choose_package(found, package, config.registry.group if config.registry else None)
    return chosen, plan_approval(chosen, approval, reason)


def _format(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _subtract(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else other - one
