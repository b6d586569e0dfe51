"""The commands as functions: in this process, and in a real IPython with Kedro's extension."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from project_cli import GROUP, PACKAGES, clean_environment, kedro_aws

import kedro_aws_plugin
from kedro_aws_plugin import approve_model, deploy, models, predict, register_model, status
from kedro_aws_plugin.errors import AwsError, ConfigError, ProjectError, ServingError


class Cells(HTMLParser):
    """The texts of a table's cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        del attrs
        self._inside = tag in ("td", "th")
        self.found += [""] if self._inside else []

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def test_what_the_commands_print_is_what_the_functions_show(registered: str, deployed: str) -> None:
    assert repr(models()) == kedro_aws("models").stdout.rstrip("\n")
    assert repr(status(deployed)) == kedro_aws("status", "--endpoint", deployed).stdout.rstrip("\n")
    [listed] = [each for each in models() if each.arn == registered]
    cells = Cells(models()._repr_html_()).found
    assert {"version", "r2", str(listed.version), f"{listed.metrics['r2']:.4g}"} <= set(cells)


def test_metrics_are_those_of_the_run(registered: str) -> None:
    """AWS's own properties say what they are."""
    aws = kedro_aws("models", "-o", "json").json
    [listed] = [each for each in aws if each["arn"] == registered]
    saved = {name[7:]: float(value) for name, value in listed["properties"].items() if name[:7] == "metric."}
    [version] = models()[-1:]
    assert version.metrics == saved
    assert 0.5 < saved["r2"] < 1


def test_two_versions_side_by_side(registered: str) -> None:
    assert "1 and 1 do not differ" not in kedro_aws("models", "--compare", "1", "1").stdout
    differences = models(compare=(1, 1))
    assert {each.name for each in differences} >= {"mae", "r2"}
    assert {each.change for each in differences} == {0}
    lines = kedro_aws("models", "--compare", "1", registered).stdout.splitlines()
    assert lines[0].split() == ["version", "1", "version", registered, "change"]
    with pytest.raises(AwsError, match="has no version 99"):
        models(compare=(1, 99))
    with pytest.raises(ConfigError, match="takes two versions"):
        models(compare=(1,))


@pytest.mark.usefixtures("deployed")
def test_predictions_have_the_index_of_their_rows(project: Path) -> None:
    rows = pd.read_parquet(_download(project))[:3]
    rows.index = pd.Index(["x", "y", "z"])
    found = predict(rows)
    assert list(found.columns) == ["prediction"]
    assert list(found.index) == ["x", "y", "z"]
    assert list(predict(pl.from_pandas(rows))["prediction"]) == list(found["prediction"])
    with pytest.raises(ProjectError, match="The frame is a list, not a table in memory"):
        predict([1, 2])  # type: ignore[arg-type]
    rows.to_json(project / "rows.json", orient="records")
    printed = kedro_aws("predict", "rows.json").stdout.split()
    (project / "rows.json").unlink()
    assert [float(value) for value in printed] == pytest.approx(list(found["prediction"]))


def _download(project: Path) -> Path:
    import local_aws

    aws = local_aws.find(local_aws.default_state_dir(project))
    assert aws is not None
    s3 = aws.client("s3")
    [key] = [
        each["Key"]
        for each in s3.list_objects_v2(Bucket="my-flights-data")["Contents"]
        if each["Key"].endswith("model_input_table.parquet")
    ]
    file = project / "rows.parquet"
    s3.download_file("my-flights-data", key, str(file))
    return file


@pytest.mark.usefixtures("deployed")
def test_predictions_of_the_sample() -> None:
    assert len(predict()) == 5
    with pytest.raises(ServingError, match="There is no endpoint nobodys"):
        predict(endpoint="nobodys")


@pytest.mark.usefixtures("deployed")
def test_what_is_done_already_is_shown_as_unchanged(registered: str) -> None:
    assert repr(register_model()) == f"unchanged: {registered} (Approved)"
    assert repr(approve_model(1)) == f"unchanged: {PACKAGES}/1 (Approved)"
    done = deploy()
    assert done.summary.startswith(f"unchanged: endpoint {GROUP} serves")
    assert "<details><summary>send" in done._repr_html_()


def test_the_real_aws_is_not_changed_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is made, and shown."""
    from kedro_aws_plugin import notebook
    from kedro_aws_plugin.plan.plan import Plan
    from kedro_aws_plugin.plan.steps.registry import UpdateModelPackage
    from kedro_aws_plugin.session.session import Session

    session = Session.open()
    monkeypatch.setitem(vars(session), "optional_config", session.config.model_copy(update={"target": "aws"}))
    step = UpdateModelPackage(arn="arn", approval="Approved", reason=None)
    plan = Plan("approve", (step,), "nothing")
    shown = notebook._carry_out(session, lambda: plan, yes=False, summarize=lambda _: "done")
    assert shown.results == ()
    assert shown.summary == "Nothing was changed. To change the real AWS so, add yes=True."
    assert repr(shown).startswith("Plan: approve\n  1. ")


def test_names_that_there_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'predictions'"):
        kedro_aws_plugin.predictions  # noqa: B018


def test_in_a_notebook_of_the_project(project: Path, deployed: str) -> None:
    """The context of Kedro's extension is used, and `%aws` works."""
    script = """
%load_ext kedro_aws_plugin
from kedro_aws_plugin import notebook
print("same", notebook._open(None) is notebook.find_session(context.config_loader))
print("rows", len(get_ipython().run_line_magic("aws", "predict model_input_table")))
print(get_ipython().run_line_magic("aws", "status"))
%aws fly
"""
    (project / "cells.ipy").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--ext", "kedro.ipython", "cells.ipy"],
        cwd=project,
        env=clean_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    (project / "cells.ipy").unlink()
    lines = done.stdout.splitlines()
    assert "same True" in lines, done
    [rows] = [line for line in lines if line.startswith("rows ")]
    assert int(rows.split()[1]) > 1000
    assert any(line.startswith(f"{deployed} ") and "InService" in line for line in lines)
    assert (
        "UsageError: %aws knows models, predict, status, each with at most one" in done.stdout + done.stderr
    )
