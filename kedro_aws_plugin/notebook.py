"""The commands as functions, for notebooks and scripts: what they return shows itself as a table.

>>> from kedro_aws_plugin import models, deploy, predict, status, transform
>>> models()
>>> deploy(package=3)
>>> predict(catalog.load("model_input_table"))

In a notebook of the project, `%load_ext kedro_aws_plugin` adds the line magic `%aws`: `%aws status`, and
`%aws predict ENTRY`.
"""

import html
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.actions.carry_out import carry_out
from kedro_aws_plugin.actions.tables import (
    Table,
    format_table,
    tabulate_differences,
    tabulate_endpoints,
    tabulate_versions,
)
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.kedro_internals import silence_resolver_warning
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.render import render
from kedro_aws_plugin.session.session import Session, find_session

if TYPE_CHECKING:
    import pandas as pd

silence_resolver_warning()
_ASK = "Nothing was changed. To change the real AWS so, add yes=True."


@dataclass(frozen=True)
class Listing(Sequence[Any]):
    """A sequence that a notebook shows as a table.

    Attributes:
        items: Versions of a model, endpoints, or differences.
        table: How they are shown.
    """

    items: tuple[Any, ...]
    table: Table

    def __getitem__(self, index: Any) -> Any:
        """Get one of the items, or a part of them."""
        return self.items[index]

    def __len__(self) -> int:
        """Count the items."""
        return len(self.items)

    def __repr__(self) -> str:
        """Show the table as text."""
        return format_table(*self.table) if self.items else "none"

    def _repr_html_(self) -> str:
        head, rows = self.table
        cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
        lines = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
        )
        return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


@dataclass(frozen=True)
class Done:
    """What a function has done, or would do.

    Attributes:
        summary: What there is now, e.g. "Endpoint my-flights-price is in service".
        plan: The steps.
        results: The results of the steps; empty if they were only planned.
    """

    summary: str
    plan: Plan
    results: tuple[dict[str, Any], ...] = ()

    def __repr__(self) -> str:
        """Show the steps as text."""
        return self.summary if self.results or not self.plan.steps else render(self.plan)

    def _repr_html_(self) -> str:
        steps = self.plan.as_json()["steps"]
        shown = "".join(
            f"<li><details><summary>{html.escape(step['summary'])}</summary><pre>"
            f"{html.escape(json.dumps(step.get('requests', step['request']), indent=2, ensure_ascii=False))}"
            "</pre></details></li>"
            for step in steps
        )
        return f"<b>{html.escape(self.summary)}</b><ol>{shown}</ol>"


def models(group: str | None = None, *, compare: Sequence[int | str] = (), env: str | None = None) -> Listing:
    """List the versions of a model with their metrics, the newest first; or compare two of them.

    Args:
        group: The model package group; by default `registry.group` of aws.yml.
        compare: Two versions: show in what they differ instead.
        env: The Kedro environment; by default that of the notebook's context, else as for a command.

    Returns:
        The versions (`ModelPackage`), or the differences.

    Raises:
        KedroAwsError: If there is no such group or version, or AWS does not answer.

    Example:
        >>> models(compare=(1, 2))
    """
    from kedro_aws_plugin.actions.registry import compare_versions, list_versions

    session = _open(env)
    if compare:
        try:
            one, other = map(str, compare)
        except ValueError:
            raise ConfigError("`compare` takes two versions: models(compare=(1, 2)).") from None
        differences = compare_versions(session, group, one, other)
        return Listing(tuple(differences), tabulate_differences(differences, (one, other)))
    found = list_versions(session, group)
    return Listing(found.packages, tabulate_versions(found))


def status(endpoint: str | None = None, *, env: str | None = None) -> Listing:
    """List the endpoints of the project, and the version that each of them serves.

    Args:
        endpoint: The only one to list; by default all.
        env: As for `models`.

    Returns:
        The endpoints (`EndpointReport`).

    Raises:
        KedroAwsError: If AWS does not answer.
    """
    from datetime import datetime, timezone

    from kedro_aws_plugin.actions.endpoints import add_figures, list_endpoints

    session = _open(env)
    reports, problem = add_figures(session, list_endpoints(session, endpoint), datetime.now(timezone.utc))
    if problem:
        _tell(f"Warning: {problem}")
    return Listing(reports, tabulate_endpoints(reports))


def register_model(
    model: str | None = None,
    version: str | None = None,
    *,
    approve: bool = False,
    yes: bool = False,
    env: str | None = None,
) -> Done:
    """Register a trained model.

    Args:
        model: Its catalog entry; by default `registry.model` of aws.yml.
        version: Its Kedro version; by default the newest.
        approve: Whether to approve the new version at once, so that it can be deployed.
        yes: Whether to change the real AWS; without it, the plan is only shown there.
        env: As for `models`.

    Raises:
        KedroAwsError: If the model cannot be registered.
    """
    from kedro_aws_plugin.actions.registry import prepare_model

    session = _open(env)
    with prepare_model(session, model, version, approve=approve) as look:
        return _carry_out(session, look, yes, lambda results: f"{results[-1]['arn']}")


def approve_model(
    package: int | str | None = None, *, group: str | None = None, yes: bool = False, env: str | None = None
) -> Done:
    """Approve a version of a model, so that it can be deployed.

    Args:
        package: The version, by number or ARN; by default the newest.
        group: The model package group; by default `registry.group` of aws.yml.
        yes: As for `register_model`.
        env: As for `models`.

    Raises:
        KedroAwsError: If there is no such version.
    """
    from kedro_aws_plugin.actions.registry import plan_decision

    session = _open(env)
    wanted = None if package is None else str(package)
    chosen, plan = plan_decision(session, "Approved", wanted, group, None)
    return _carry_out(session, lambda: plan, yes, lambda _: f"{chosen.arn} is Approved")


def deploy(
    endpoint: str | None = None,
    *,
    package: int | str | None = None,
    yes: bool = False,
    env: str | None = None,
    **changes: Any,
) -> Done:
    """Serve a version of a model on an endpoint.

    Args:
        endpoint: The endpoint; by default the one of aws.yml.
        package: The version, by number or ARN; by default the newest approved one.
        yes: As for `register_model`.
        env: As for `models`.
        **changes: Keys of `deploy:` in aws.yml to change: `group`, `mode`, `instance_type`, `instance_count`,
            `memory_mb`, `max_concurrency`.

    Raises:
        KedroAwsError: If the version cannot be deployed, or does not answer as the model did.

    Example:
        >>> deploy(package=3, mode="serverless")
    """
    from kedro_aws_plugin.actions.serving import prepare_deployment

    session = _open(env)
    wanted = None if package is None else str(package)
    prepared = prepare_deployment(session, wanted, {**changes, "endpoint": endpoint})
    summary = f"Endpoint {prepared.endpoint} is in service"
    return _carry_out(session, prepared.look, yes, lambda _: summary)


def predict(
    rows: "pd.DataFrame | str | None" = None,
    *,
    endpoint: str | None = None,
    variant: str | None = None,
    env: str | None = None,
) -> "pd.DataFrame":
    """Get predictions from an endpoint.

    Args:
        rows: A frame of pandas or Polars; the path of a file or a catalog entry; by default the sample that
            was registered with the version that the endpoint serves.
        endpoint: The endpoint; by default the one of aws.yml.
        variant: The variant of the endpoint; by default, the endpoint chooses by weight.
        env: As for `models`.

    Returns:
        A row for each row, with the index of the frame that was sent: the column `prediction`, or
        `prediction_0`, `prediction_1`, ... where the model gives several values.

    Raises:
        KedroAwsError: If there is no such endpoint, or it refuses the rows.

    Example:
        >>> predict(catalog.load("model_input_table").head())
    """
    from kedro_aws_plugin.actions.prediction import decode_answer, make_frame, plan_rows

    session = _open(env)
    plan = plan_rows(session, rows, endpoint, variant=variant)
    results = carry_out(session, lambda: plan, _tell)
    index = None if isinstance(rows, str) else getattr(rows, "index", None)  # Polars has none
    return make_frame(decode_answer(results), index)


def transform(
    rows: "pd.DataFrame | str | None" = None,
    output: str | None = None,
    *,
    package: int | str | None = None,
    yes: bool = False,
    env: str | None = None,
    **changes: Any,
) -> "pd.DataFrame | Done":
    """Predict for all rows of a table, in a batch transform job.

    Args:
        rows: A frame, the path of a file, a catalog entry, or an object or folder on S3 (`s3://...`); by
            default `transform.input` of aws.yml.
        output: The catalog entry to save the predictions in, or a folder on S3; by default they are only
            returned.
        package: The version, by number or ARN; by default the newest approved one.
        yes: As for `register_model`.
        env: As for `models`.
        **changes: Keys of `transform:` in aws.yml to change: `group`, `join`, `instance_type`,
            `instance_count`, `strategy`, `max_payload`, `concurrency`.

    Returns:
        A row for each row, as `predict` gives them, with `join=True` beside the columns of the input. What
        was done, if the predictions are on S3. The plan, if the real AWS would be changed without `yes`.

    Raises:
        KedroAwsError: If the job fails, or does not give a prediction for each row.

    Example:
        >>> transform(catalog.load("model_input_table"), join=True)
    """
    from kedro_aws_plugin.actions.transform import TransformOptions, prepare_transform

    source, table = (rows, None) if rows is None or isinstance(rows, str) else (None, rows)
    options = TransformOptions(
        rows=table,
        package=None if package is None else str(package),
        saves=output is not None,
        changes={**changes, "output": output, "input": source},
    )
    session = _open(env)
    with prepare_transform(session, options) as prepared:
        done = _carry_out(session, prepared.look, yes, lambda _: f"Transform job {prepared.job} is done")
        made = prepared.finish(done.results) if done.results else None
    return done if made is None or made.frame is None else made.frame


def load_magics(shell: Any) -> None:
    """Add the line magic `%aws` to an IPython shell."""
    from IPython.core.error import UsageError

    functions: dict[str, Callable[..., Any]] = {"models": models, "predict": predict, "status": status}

    def aws(line: str) -> Any:
        """Show the project's AWS: `%aws status`, `%aws models`, `%aws predict ENTRY`."""
        name, *arguments = line.split() or [""]
        if name not in functions or len(arguments) > 1:
            raise UsageError(f"%aws knows {', '.join(functions)}, each with at most one argument.")
        return functions[name](*arguments)

    shell.register_magic_function(aws, "line", "aws")


def _open(env: str | None) -> Session:
    """Open the project: that of the notebook's Kedro context, if it is of the environment."""
    loader = getattr(_find_context(), "config_loader", None)
    session = find_session(loader) if loader is not None else None
    if session is None or env not in (None, session.config.env):
        session = Session.open(env)
    session.connect(announce=lambda _: None)
    session.return_to_its_aws()
    return session


def _find_context() -> Any:
    """Find the Kedro context of a notebook or an IPython shell; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell.user_ns.get("context") if shell is not None else None


def _carry_out(
    session: Session,
    look: Callable[[], Plan],
    yes: bool,
    summarize: Callable[[list[dict[str, Any]]], str],
) -> Done:
    if session.config.target == "aws" and not yes:
        plan = replace(look(), overrides=session.overrides)
        for warning in plan.warnings:
            _tell(f"Warning: {warning}")
        unchanged = f"unchanged: {plan.unchanged}"
        return Done(_ASK if plan.changes else unchanged, plan)
    plans: list[Plan] = []

    def attempt() -> Plan:
        plans.append(replace(look(), overrides=session.overrides))
        return plans[-1]

    results = carry_out(session, attempt, _tell)
    plan = plans[-1]
    return Done(summarize(results) if plan.changes else f"unchanged: {plan.unchanged}", plan, tuple(results))


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
