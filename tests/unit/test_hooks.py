"""When the hooks keep what a run's model is made with."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from kedro_aws_plugin.config import AwsConfig, Project, Registry
from kedro_aws_plugin.errors import ProjectError, SparkError
from kedro_aws_plugin.hooks import AwsHooks
from kedro_aws_plugin.nodes import transform_node
from kedro_aws_plugin.run.record import hash_parameters, read_key, read_record
from kedro_aws_plugin.session.connection import Connection

RUN = "2026-11-21T22.48.12.552Z"
EMPTY = {"reviews": "s3://flights/data/raw/reviews/"}
PARAMETERS = {"model": {"depth": 3}}


def same(value: object) -> object:
    return value


TRAINS = Pipeline([Node(same, "table", "regressor"), Node(same, "regressor", "metrics")])
ASKS = Pipeline([Node(same, "regressor", "predictions")])


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the project under test keeps its state."""
    monkeypatch.delenv("KEDRO_AWS_STATE_DIR", raising=False)
    return tmp_path / ".kedro-aws"


def context(project: Path, **others: Any) -> Any:
    return SimpleNamespace(project_path=project, params=PARAMETERS, **others)


def hooks_of(project: Path, registry: Registry | None) -> AwsHooks:
    """Hooks as they are once the AWS has been chosen, which takes a local AWS."""
    config = AwsConfig(env="local", target="local", region="eu-west-1", bucket="flights", registry=registry)
    return connected(project, config)


def connected(path: Path, config: AwsConfig) -> AwsHooks:
    hooks = AwsHooks()
    hooks._context = context(path)
    connection = Connection("local", "123456789012", "eu-west-1", "local", empty_tables=EMPTY)
    opened: Any = SimpleNamespace(
        optional_config=config,
        project=Project(path, "flights", config),
        connect=lambda _announce: connection,
    )
    hooks._session = opened
    return hooks


def test_a_run_that_makes_the_model_is_recorded(tmp_path: Path, state: Path) -> None:
    hooks = hooks_of(tmp_path, Registry(group="flights", model="regressor"))
    hooks.before_pipeline_run({"run_id": RUN}, TRAINS, DataCatalog())
    record = read_record(state, RUN)
    assert record is not None
    assert record.parameters_hash == hash_parameters(PARAMETERS, read_key(state))


def test_a_table_without_files_is_named_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hooks_of(tmp_path, None).before_pipeline_run({"run_id": RUN}, ASKS, DataCatalog())
    assert [(each.levelname, each.message) for each in caplog.records] == [
        (
            "WARNING",
            "The table reviews of aws.yml has no rows in the local AWS: there are no files in "
            "s3://flights/data/raw/reviews/.",
        )
    ]


@pytest.mark.parametrize(
    ("registry", "pipeline"),
    [
        pytest.param(Registry(group="flights", model="regressor"), ASKS, id="only reads the model"),
        pytest.param(Registry(group="flights", model="classifier"), TRAINS, id="makes another model"),
        pytest.param(None, TRAINS, id="no registry in aws.yml"),
    ],
)
def test_other_runs_leave_nothing(
    tmp_path: Path, state: Path, registry: Registry | None, pipeline: Pipeline
) -> None:
    hooks_of(tmp_path, registry).before_pipeline_run({"run_id": RUN}, pipeline, DataCatalog())
    assert not state.exists()


def test_a_project_without_aws_yml_is_left_alone(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for env in ("base", "local"):
        (tmp_path / "conf" / env).mkdir(parents=True)
    conf = str(tmp_path / "conf")
    loader = OmegaConfigLoader(conf, base_env="base", default_run_env="local")
    hooks = AwsHooks()
    hooks.after_context_created(context(tmp_path, config_loader=loader))
    hooks.before_pipeline_run({"run_id": RUN}, TRAINS, DataCatalog())
    assert capsys.readouterr() == ("", "")
    assert not state.exists()


def test_connections_to_s3_do_not_go_into_other_processes(tmp_path: Path) -> None:
    values = {"env": "local", "target": "local", "region": "eu-west-1", "bucket": "flights"}
    hooks = connected(tmp_path, AwsConfig.model_validate(values))
    kinds = {"table": ("s3://flights/t.csv", False), "regressor": ("s3://flights/m.csv", True)}
    catalog = DataCatalog.from_config(
        {
            name: {"type": "pandas.CSVDataset", "filepath": path, "versioned": versioned}
            for name, (path, versioned) in {**kinds, "local": (str(tmp_path / "l.csv"), False)}.items()
        }
    )
    pipeline = Pipeline([Node(print, ["table", "local"], "regressor", name="train")])
    run = {"run_id": RUN, "runner": "<kedro.runner.parallel_runner.ParallelRunner object at 0x7f>"}
    with pytest.raises(ProjectError) as refused:
        hooks.before_pipeline_run(run, pipeline, catalog)
    assert refused.value.message == (
        "ParallelRunner runs each node in its own process, and a connection to S3 cannot be sent there: "
        "regressor, table. Use --runner ThreadRunner."
    )
    hooks.before_pipeline_run({**run, "runner": "ThreadRunner"}, pipeline, catalog)
    only_local = Pipeline([Node(print, "local", None, name="show")])
    hooks.before_pipeline_run(run, only_local, catalog)


def test_spark_frames_do_not_go_into_other_processes(tmp_path: Path) -> None:
    values = {"env": "local", "target": "local", "region": "eu-west-1", "bucket": "flights"}
    hooks = connected(tmp_path, AwsConfig.model_validate({**values, "spark": {"enabled": True}}))
    run = {"run_id": RUN, "runner": "<kedro.runner.parallel_runner.ParallelRunner object at 0x7f>"}
    with pytest.raises(SparkError, match="ParallelRunner runs each node in its own process"):
        hooks.before_pipeline_run(run, TRAINS, {})
    hooks.before_pipeline_run({**run, "runner": "ThreadRunner"}, TRAINS, {})


def test_parallel_runner_is_refused_for_nodes_that_use_aws(tmp_path: Path) -> None:
    uses = Pipeline([transform_node("table", "predictions"), Node(same, "predictions", "shown")])
    run = {"run_id": RUN, "runner": "<kedro.runner.parallel_runner.ParallelRunner object at 0x7f>"}
    with pytest.raises(ProjectError, match=r"connection to AWS: transform_table\. Use --runner ThreadRunner"):
        hooks_of(tmp_path, None).before_pipeline_run(run, uses, DataCatalog())
