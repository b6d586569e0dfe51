"""What every `kedro` command imports stays light: an in-project `kedro --version` pays for it."""

import subprocess
import sys

import pytest

HEAVY = {"boto3", "botocore", "pydantic", "moto", "flask", "s3fs", "pandas", "sklearn", "sagemaker", "duckdb"}


def brings(code: str) -> list[str]:
    """What of the heavy modules is there after some code; Kedro's log may come before."""
    shown = f"print('brings', *sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{shown}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize(
    ("module", "kedro"),
    [
        ("kedro_aws_plugin.cli", "kedro.framework.cli"),
        ("kedro_aws_plugin.cli.viz", "kedro.framework.cli"),
        ("kedro_aws_plugin.starters.specs", "kedro.framework.cli.starters"),
        ("kedro_aws_plugin.hooks", "kedro.framework.context"),
        ("local_aws.pytest_plugin", "pytest"),
        ("local_aws.control.client", "click"),
        ("kedro_aws_plugin.plan.plan", "click"),
    ],
)
def test_importing_it_brings_nothing_heavy_that_was_not_there(module: str, kedro: str) -> None:
    before = brings(f"import {kedro}")
    assert brings(f"import {kedro}, {module}") == before


def test_the_commands_are_listed_without_importing_them() -> None:
    code = (
        "from click.testing import CliRunner\nfrom kedro_aws_plugin.cli import commands\n"
        "assert CliRunner().invoke(commands, ['aws', '--help']).exit_code == 0"
    )
    assert brings(code) == brings("import kedro.framework.cli")


def test_a_run_with_nothing_to_register_pays_for_no_client() -> None:
    code = (
        "from types import SimpleNamespace\nfrom kedro.io import DataCatalog, MemoryDataset\n"
        "from kedro_aws_plugin.config import AwsConfig\nfrom kedro_aws_plugin.hooks import AwsHooks\n"
        "hooks = AwsHooks()\nhooks._context = SimpleNamespace()\n"
        "config = AwsConfig(env='local', target='local', region='eu-west-1', bucket='flights')\n"
        "connection = SimpleNamespace(empty_tables={})\n"
        "hooks._session = SimpleNamespace(optional_config=config, connect=lambda _: connection)\n"
        "catalog = DataCatalog({'table': MemoryDataset()})\n"
        "pipeline = SimpleNamespace(all_outputs=lambda: {'table', 'other'})\n"
        "hooks.before_pipeline_run({'run_id': '1'}, pipeline, catalog)\n"
        "hooks.after_pipeline_run({'run_id': '1'}, catalog)"
    )
    assert brings(code) == brings("import kedro.framework.context, kedro_aws_plugin.config")


def test_what_is_heavy_is_seen() -> None:
    assert brings("import botocore") == ["botocore"]


@pytest.mark.parametrize(
    "module", ["kedro_aws_plugin.actions.endpoints", "kedro_aws_plugin.actions.registry"]
)
def test_what_only_looks_imports_nothing_that_changes_endpoints(module: str) -> None:
    plans = {
        f"kedro_aws_plugin.plan.{name}" for name in ("endpoint", "cost", "steps.serving", "steps.any_step")
    }
    code = f"import sys, {module}\nprint('brings', *({plans!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split()[1:] == []
