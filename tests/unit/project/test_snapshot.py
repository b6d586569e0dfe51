"""What is read of a project's nodes and catalog for its steps."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from kedro.pipeline import node, pipeline

from kedro_aws_plugin.config.pipelines import Pipelines
from kedro_aws_plugin.plan.preflight import check_workflow
from kedro_aws_plugin.plan.workflow import Snapshot, plan_workflow
from kedro_aws_plugin.project import workflow
from kedro_aws_plugin.project.workflow import Selection, read_snapshot


def copy(table: Any) -> Any:
    return table


def read(monkeypatch: pytest.MonkeyPatch, **catalog: dict[str, Any]) -> Snapshot:
    nodes = pipeline([node(copy, "shop_raw", "seen", name="copy"), node(copy, "seen", "kept", name="keep")])
    monkeypatch.setattr(workflow, "_load_pipelines", lambda: {"__default__": nodes})
    monkeypatch.setattr(workflow, "_read_catalog", lambda _session: catalog)
    config = SimpleNamespace(registry=None, spark=SimpleNamespace(enabled=False))
    return read_snapshot(cast(Any, SimpleNamespace(config=config)), Selection())


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "pandas.CSVDataset", "filepath": "s3://b/{kind}.csv", "credentials": "shop"},
        {
            "type": "CachedDataset",
            "dataset": {"type": "pandas.CSVDataset", "filepath": "s3://b/a.csv", "credentials": "shop"},
        },
    ],
)
def test_credentials_are_found_in_factories_and_within_other_datasets(
    monkeypatch: pytest.MonkeyPatch, entry: dict[str, Any]
) -> None:
    snapshot = read(monkeypatch, **{"{kind}_raw": entry})
    settings = Pipelines(group_by="all")
    found = check_workflow(plan_workflow(snapshot, settings), snapshot, settings)
    [error] = [each for each in found if each.level == "error"]
    assert (error.code, error.datasets) == ("credentials", ("shop_raw",))
    assert "`shop_raw` uses the credentials `shop`" in error.message


@pytest.mark.parametrize(("path", "local"), [("<function>/a.csv", False), ("data/a.csv", True)])
def test_a_path_that_a_global_begins_is_not_taken_for_a_local_one(
    monkeypatch: pytest.MonkeyPatch, path: str, local: bool
) -> None:
    snapshot = read(monkeypatch, shop_raw={"type": "pandas.CSVDataset", "filepath": path})
    assert snapshot.datasets["shop_raw"].local is local
