"""Examine everything, in the order in which a user would mend it."""

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import local_aws
from kedro_aws_plugin.aws.account import can_reach
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.config.spark import read_spark_settings
from kedro_aws_plugin.doctor.account import examine_account, try_to_examine
from kedro_aws_plugin.doctor.connecting import Connecting
from kedro_aws_plugin.doctor.finding import Finding, blame
from kedro_aws_plugin.doctor.leftovers import check_local_aws, check_state_folders, examine_leftovers
from kedro_aws_plugin.doctor.machine import (
    check_container,
    check_docker,
    check_ignored,
    check_packages,
    check_python,
    check_spark,
    observe_packages,
)
from kedro_aws_plugin.doctor.project import (
    check_classes,
    check_model,
    check_paths,
    check_pipelines,
    check_registry,
    find_extras,
)
from kedro_aws_plugin.errors import KedroAwsError, first_line
from kedro_aws_plugin.session.connection import Connection
from kedro_aws_plugin.session.session import Session

_GIT_SECONDS = 2.0


def examine(env: str | None) -> Iterator[Finding]:
    """Examine this machine, the project around the current folder, and the AWS of an environment.

    What cannot be examined because of an earlier problem is left out. Nothing is changed.

    Args:
        env: The Kedro environment; None if none was given.
    """
    installed = observe_packages()
    python = platform.python_version()
    yield check_python(python)
    try:
        session = Session.open(env)
        config = session.config
    except KedroAwsError as error:
        yield from check_packages({}, installed)
        yield blame("project", error)
        return
    catalog, findings = _read_catalog(session)
    # It mostly waits, so the rest is examined meanwhile; not the catalog, whose globals may need it at once.
    connecting = _begin_to_connect(session, config) if config.target == "aws" else None
    yield from check_packages(find_extras(catalog, config), installed)
    yield Finding("project", "ok", f"{session.project.package}, env {config.env}, AWS: {config.target}")
    yield from findings
    yield from _examine_machine(session, config, installed)
    if not findings:
        yield from _examine_project(config, catalog)
    if connecting is None:
        state_dir = local_aws.default_state_dir(session.path)
        yield from check_local_aws(state_dir)
        yield from check_state_folders(session.path, state_dir)
    else:
        yield from _examine_aws(session, config, connecting)


def _begin_to_connect(session: Session, config: AwsConfig) -> Connecting[Connection]:
    return Connecting(lambda: session.connect(announce=lambda _: None), lambda: can_reach(config.region))


def _read_catalog(session: Session) -> tuple[Mapping[str, Any], list[Finding]]:
    """Read the catalog's configuration, or say why it cannot be read."""
    try:
        return session.loader["catalog"], []
    except KedroAwsError as error:
        return {}, [blame("catalog", error)]
    except Exception as error:  # noqa: BLE001 - whatever a project's configuration raises
        fix = "Correct it. `kedro catalog list-patterns` shows the whole error."
        return {}, [Finding("catalog", "problem", f"It cannot be read: {first_line(error)}.", fix)]


def _examine_machine(session: Session, config: AwsConfig, installed: Mapping[str, str]) -> Iterator[Finding]:
    if config.registry is not None:
        python, requirements = platform.python_version(), config.registry.requirements
        yield from check_container(config.region, python, installed, requirements)
    if config.spark.enabled:
        yield from _try_spark(session, config)
    if (session.path / "compose.yaml").exists():
        yield check_docker()
    state_dir = local_aws.default_state_dir(session.path)
    yield from check_ignored(state_dir, ask_git(session.path, state_dir))


def _examine_project(config: AwsConfig, catalog: Mapping[str, Any]) -> Iterator[Finding]:
    if config.registry is not None:
        yield check_model(catalog, config.registry.model)
        yield from check_registry(catalog, config.registry)
    yield from check_classes(catalog)
    if config.target == "aws":
        yield check_paths(catalog)
    from kedro.framework.project import pipelines

    try:
        registered = {name: pipelines[name] for name in pipelines}
    except Exception as error:  # noqa: BLE001 - whatever a project's code raises
        fix = "Correct it. `kedro registry list` shows the whole error."
        yield Finding("pipelines", "problem", f"They do not load: {first_line(error)}.", fix)
        return
    yield from check_pipelines(registered, catalog)


def _examine_aws(
    session: Session, config: AwsConfig, connecting: Connecting[Connection]
) -> Iterator[Finding]:
    try:
        connection = connecting.finish()
    except KedroAwsError as error:
        yield blame("credentials", error)
        return
    yield Finding("credentials", "ok", f"Account {connection.account}, {connection.region}")
    yield from examine_account(session.aws, config, lambda: datetime.now(timezone.utc))
    yield from try_to_examine(
        "leftovers", lambda: examine_leftovers(session.aws, config, session.project.package)
    )


def _try_spark(session: Session, config: AwsConfig) -> Iterator[Finding]:
    try:
        yield from check_spark(read_spark_settings(session.loader, config.target), os.environ)
    except KedroAwsError as error:
        yield blame("spark.yml", error)


def ask_git(project: Path, state_dir: Path) -> bool | None:
    """Ask git whether it ignores the state folder; None without git, a repository or the folder in it."""
    if not state_dir.is_relative_to(project):
        return None
    try:
        asked = subprocess.run(  # noqa: S603
            ["git", "check-ignore", "--quiet", f"{state_dir}/"],  # noqa: S607
            cwd=project,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {0: True, 1: False}.get(asked.returncode)
