"""Batch transforms: rows come out in their order, as the model itself predicts; the guide's pipelines."""

import io
import json
import pickle
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from project_cli import BUCKET, GROUP, PACKAGES, kedro, kedro_aws
from requests_sent import Requests

from kedro_aws_plugin import transform

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "predictions-in-a-pipeline.md"


@pytest.fixture(scope="module")
def guided(generated: Path) -> Iterator[Path]:
    """The project with the files of the guide, which are taken away afterwards."""
    before = {}
    text = GUIDE.read_text(encoding="utf-8")
    for title, body in re.findall(r'^```\w+ title="([^"]*)"\n(.*?)^```$', text, re.DOTALL | re.MULTILINE):
        file = generated / title
        before[file] = file.read_text(encoding="utf-8")
        kept = f"{before[file]}\n" if file.suffix == ".yml" else ""  # entries are added
        file.write_text(kept + body, encoding="utf-8")
    assert len(before) == 2
    yield generated
    for file, content in before.items():
        file.write_text(content, encoding="utf-8")


def read(s3: Any, key: str) -> bytes:
    return bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


@pytest.fixture
def table(local: Any) -> pd.DataFrame:
    """The rows, as the pipeline saved them."""
    content = read(local.client("s3"), "data/model_input/model_input_table.parquet")
    return pd.read_parquet(io.BytesIO(content))


def predict(s3: Any, rows: pd.DataFrame, which: Callable[[list[str]], str] = min) -> list[float]:
    """What a model predicts itself: by default the first that was saved."""
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="models/regressor.pickle/")["Contents"]
    model = pickle.loads(read(s3, which([each["Key"] for each in found])))
    return [float(each) for each in model.predict(rows[list(model.feature_names_in_)].fillna(np.nan))]


@pytest.mark.usefixtures("deployed", "guided")
def test_from_the_catalog_into_the_catalog(
    registered: str, table: pd.DataFrame, local: Any, requests_sent: Requests
) -> None:
    """With each prediction beside its row; a job that was left alone is taken up again."""
    s3 = local.client("s3")
    wanted = (
        *("transform", "--input", "model_input_table", "--output", "predictions", "--join"),
        *("--package", "1", "--instance-count", "2"),
    )
    started = kedro_aws(*wanted, "--no-wait")
    assert started.code == 0, started.stderr
    found = re.fullmatch(
        rf"({GROUP}-[\d-]+) is under way\. Come back to it: kedro aws transform --job \1 --input "
        r"model_input_table --output predictions --join\n",
        started.stdout,
    )
    assert found, started
    assert requests_sent.changing == ["PutObject", "PutObject", "CreateTransformJob"]
    requests_sent.all.clear()
    resumed = shlex.split(started.stdout.partition("Come back to it: kedro aws ")[2])
    done = kedro_aws(*resumed, "-o", "json")  # as it was printed
    assert done.code == 0, done.stderr
    rows = len(table)
    shown = {**done.json, "input": ""}
    assert shown == {
        "job": found[1],
        "package": registered,
        "input": "",
        "output": "predictions",
        "rows_in": rows,
        "rows_out": rows,
    }
    assert [each for each in requests_sent.changing if each != "PutObject"] == []  # it saves the entry
    saved = pd.read_parquet(io.BytesIO(read(s3, "data/predictions/all.parquet")))
    pd.testing.assert_frame_equal(saved.drop(columns="prediction"), table)
    assert list(saved["prediction"]) == pytest.approx(predict(s3, table))
    requests_sent.all.clear()
    again = kedro_aws(*wanted, "--no-wait")
    assert again.stderr.count("(exists already)") == 2
    assert requests_sent.changing == ["CreateTransformJob"]


@pytest.mark.usefixtures("deployed")
def test_from_s3_to_s3(table: pd.DataFrame, local: Any, requests_sent: Requests) -> None:
    """Lines on S3 are taken as they are, and SageMaker puts the predictions beside them."""
    s3 = local.client("s3")
    rows = table.head(40)
    lines = rows.to_json(orient="records", lines=True, double_precision=15).splitlines()
    for name, part in (("a", lines[:25]), ("b", lines[25:])):
        s3.put_object(Bucket=BUCKET, Key=f"rows/{name}.jsonl", Body="\n".join(part).encode())
    requests_sent.all.clear()
    done = kedro_aws(
        "transform",
        *("--input", f"s3://{BUCKET}/rows", "--output", f"s3://{BUCKET}/found/", "--join", "--package", "1"),
        *("--strategy", "SingleRecord", "--max-payload", "1", "--concurrency", "2"),
    )
    assert done.code == 0, done.stderr
    assert re.fullmatch(rf"[\w-]+: 40 rows in, 40 rows out, saved in s3://{BUCKET}/found/\n", done.stdout)
    assert "PutObject" not in requests_sent.changing
    out = b"".join(read(s3, f"found/{name}.jsonl.out") for name in "ab").decode().splitlines()
    joined = [json.loads(line) for line in out if line]
    assert [each.pop("SageMakerOutput")["prediction"] for each in joined] == pytest.approx(predict(s3, rows))
    assert joined == [json.loads(line) for line in lines]


@pytest.mark.usefixtures("deployed")
def test_a_frame_in_a_notebook(table: pd.DataFrame, local: Any) -> None:
    rows = table.head(12).set_axis([f"row {n % 7}" for n in range(12)], axis=0)
    found = transform(rows, package=1)
    assert isinstance(found, pd.DataFrame)
    assert list(found.index) == list(rows.index)
    assert list(found["prediction"]) == pytest.approx(predict(local.client("s3"), rows))


@pytest.mark.usefixtures("deployed", "guided")
def test_a_record_that_the_model_refuses_is_shown(
    table: pd.DataFrame, tmp_path: Path, requests_sent: Requests
) -> None:
    file = tmp_path / "rows.csv"
    table.head(3).astype({"engines": object}).replace({"engines": {table["engines"][1]: "two"}}).to_csv(
        file, index=False
    )
    done = kedro_aws("transform", "--input", str(file), "--output", "predictions")
    assert (done.code, done.stdout) == (1, "")
    assert re.search(r"Error: Transform job [\w-]+ failed: .*\. Correct the input or the mod", done.stderr)
    assert "Column engines has 'two', which is not a number." in done.stderr.split("and it ends so:")[1]
    assert "PutObject" in requests_sent.changing
    assert "data/predictions/all.parquet" not in [each.get("Key") for each in requests_sent.of("PutObject")]


@pytest.mark.usefixtures("deployed", "guided")
def test_what_is_refused_before_anything_is_sent(requests_sent: Requests, table: pd.DataFrame) -> None:
    def refused(*options: str) -> str:
        return kedro_aws("transform", "--input", "test", "--output", "predictions", *options).error

    assert kedro_aws("transform").error == (
        "conf/base/aws.yml: `transform.input` is missing. Add it, or give --input: an entry, a file or an "
        "S3 folder."
    )
    assert "has no entry `prediction`; did you mean `predictions`?" in refused("--output", "prediction")
    assert refused("--instance-type", "ml.t2.medium").startswith(
        "--instance-type: SageMaker runs no transform jobs on `ml.t2.medium`"
    )
    assert refused("--max-payload", "60", "--concurrency", "2").startswith(
        "--concurrency: 2 requests of 60 MB (max_payload) are 120 MB at once, and SageMaker takes 100 MB"
    )
    assert refused("--max-payload", "101").startswith("--max-payload: `101` is wrong: ")
    assert refused("--job", "nobodys") == ("There is no transform job nobodys. Leave --job out to start one.")
    assert refused("--input", "companies").startswith(
        "`companies` has no columns engines, passenger_capacity, "
    )
    assert refused("--input", f"s3://{BUCKET}/nothing").startswith(
        f"There is nothing at s3://{BUCKET}/nothing"
    )
    for name in ("prediction", "prediction_0"):
        with pytest.raises(Exception, match=f"has a column `{name}` already"):
            transform(table.head(2).assign(**{name: 1.0}), join=True)
    shown = kedro_aws("transform", "--input", "test", "--output", "predictions", "--dry-run", "-o", "json")
    assert [step["operation"] for step in shown.json["steps"]][-3:] == [
        "CreateTransformJob",
        "DescribeTransformJob",
        "GetObject",
    ]
    assert requests_sent.changing == []


@pytest.mark.usefixtures("deployed")
def test_the_pipelines_of_the_guide(guided: Path, local: Any, table: pd.DataFrame) -> None:
    s3 = local.client("s3")
    commands = re.findall(r"^\$ (kedro run .*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        # What the fixture's run has made is not made again.
        first = ("--from-nodes", "evaluate_model,register_regressor") if "train" in command else ()
        done = kedro(*shlex.split(command)[1:], *first, cwd=guided)
        assert done.code == 0, done.stderr
    assert read(s3, "models/package_arn.txt").decode().rpartition("/")[0] == PACKAGES
    assert read(s3, "models/endpoint_name.txt").decode() == GROUP
    live = pd.read_parquet(io.BytesIO(read(s3, "data/predictions/live.parquet")))
    assert list(live.columns) == ["prediction"]
    assert len(live) > 500
    every = pd.read_parquet(io.BytesIO(read(s3, "data/predictions/all.parquet")))
    assert list(every["prediction"]) == pytest.approx(predict(s3, table, max))
