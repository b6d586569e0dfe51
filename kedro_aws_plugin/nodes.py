"""Nodes that register, deploy and use a model within a pipeline; what one gives, a later one can take.

```python
from kedro.pipeline import Pipeline
from kedro_aws_plugin.nodes import deploy_model_node, register_model_node, transform_node

Pipeline(
    [
        register_model_node("regressor", "package_arn", approve=True),
        deploy_model_node("package_arn", "endpoint_name"),
        transform_node("features", "predictions", package="package_arn"),
    ]
)
```

They make the plans of `kedro aws register-model`, `deploy`, `transform` and `predict`, for the AWS of the
run's environment, and carry them out without asking: to run such a pipeline is to ask for it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from kedro.pipeline import node

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.run.state import find_run

if TYPE_CHECKING:
    from kedro.pipeline.node import Node

    from kedro_aws_plugin.plan.plan import Plan
    from kedro_aws_plugin.project.catalog import ProjectCatalog
    from kedro_aws_plugin.session.session import Session


def register_model_node(
    model: str, package: str, *, approve: bool = False, name: str | None = None
) -> "Node":
    """Make a node that registers a model, in the group that its catalog entry or `registry:` names.

    Args:
        model: The model's catalog entry, a versioned pickle. A version that this run has saved is registered,
            else the newest one.
        package: The dataset for the ARN of the registered version.
        approve: Whether to approve the version at once, so that a later node can deploy it.
        name: The node's name.
    """

    def register_model(_: Any) -> str:
        session, catalog, run_id = _find_place()
        from kedro_aws_plugin.actions.registry import prepare_model

        version = run_id if catalog.has_version(model, run_id) else None
        with prepare_model(session, model, version, approve=approve, catalog=catalog) as look:
            plans: list[Plan] = []
            results = _carry_out(session, look, plans)
        if plans[-1].steps:
            return str(next(each["arn"] for each in reversed(results) if "arn" in each))
        return plans[-1].unchanged.partition(" ")[0]

    return node(register_model, model, package, name=name or f"register_{model}")


def deploy_model_node(
    package: str | None, endpoint_name: str, *, name: str | None = None, **changes: Any
) -> "Node":
    """Make a node that serves a version of a model on an endpoint, and waits until it does.

    Args:
        package: The dataset with the ARN of an approved version; None for the newest approved one.
        endpoint_name: The dataset for the name of the endpoint.
        name: The node's name.
        **changes: Keys of `deploy:` in aws.yml to change: `endpoint`, `group`, `mode`, `instance_type`,
            `instance_count`, `memory_mb`, `max_concurrency`.
    """

    def deploy_model(arn: str | None = None) -> str:
        session, _, _ = _find_place()
        from kedro_aws_plugin.actions.serving import prepare_deployment

        prepared = prepare_deployment(session, arn, changes)
        _carry_out(session, prepared.look, [])
        return prepared.endpoint

    return node(deploy_model, package, endpoint_name, name=name or f"deploy_{package or 'model'}")


def transform_node(
    rows: str, predictions: str, *, package: str | None = None, name: str | None = None, **changes: Any
) -> "Node":
    """Make a node that predicts for all rows of a table, in a batch transform job.

    Args:
        rows: The dataset with the table.
        predictions: The dataset for the predictions: a table with a row for each row.
        package: The dataset with the ARN of an approved version; None for the newest approved one.
        name: The node's name.
        **changes: Keys of `transform:` in aws.yml to change: `group`, `join`, `instance_type`,
            `instance_count`, `strategy`, `max_payload`, `concurrency`.
    """

    def transform(table: Any, arn: str | None = None) -> Any:
        session, catalog, _ = _find_place()
        from kedro_aws_plugin.actions.transform import TransformOptions, prepare_transform

        # The node's own output is the only one: what `transform.output` names is left alone.
        options = TransformOptions(rows=table, package=arn, saves=False, changes=changes)
        with prepare_transform(session, options, catalog) as prepared:
            return prepared.finish(_carry_out(session, prepared.look, [])).frame

    inputs = [rows] if package is None else [rows, package]
    return node(transform, inputs, predictions, name=name or f"transform_{rows}")


def predict_node(rows: str, predictions: str, *, endpoint_name: str, name: str | None = None) -> "Node":
    """Make a node that gets predictions from an endpoint, in one request.

    Args:
        rows: The dataset with the table.
        predictions: The dataset for the predictions: a table with a row for each row.
        endpoint_name: The dataset with the name of the endpoint.
        name: The node's name.
    """

    def predict(table: Any, endpoint: str) -> Any:
        session, _, _ = _find_place()
        from kedro_aws_plugin.actions.prediction import decode_answer, make_frame, plan_rows

        plan = plan_rows(session, table, endpoint)
        return make_frame(decode_answer(_carry_out(session, lambda: plan, [])), table.index)

    return node(predict, [rows, endpoint_name], predictions, name=name or f"predict_{rows}")


def _find_place() -> "tuple[Session, ProjectCatalog, str]":
    """Find the session, the catalog and the id of the run that the node belongs to.

    Raises:
        ProjectError: If there is no such run: the project has no aws.yml, or somebody calls the function.
    """
    state = find_run()
    if state is None or state.place is None:
        raise ProjectError(
            "The nodes of kedro_aws_plugin.nodes need a run of a project with conf/base/aws.yml, in whose "
            "process they run. Add that file, or use --runner SequentialRunner or ThreadRunner."
        )
    from kedro_aws_plugin.project.catalog import ProjectCatalog

    session, catalog, context = state.place
    return session, ProjectCatalog(catalog, context.params), state.run_id


def _carry_out(session: "Session", look: "Callable[[], Plan]", plans: "list[Plan]") -> list[dict[str, Any]]:
    """Look, plan and apply, and keep each plan."""
    from kedro_aws_plugin.actions.carry_out import carry_out

    def attempt() -> "Plan":
        plans.append(look())
        return plans[-1]

    return carry_out(session, attempt, lambda text: click.echo(text, err=True))
