"""`kedro aws compile` in a generated project: what it shows, what it writes, and that it asks nobody."""

import json
import os
from pathlib import Path

import yaml
from project_cli import CLOSED, kedro_aws
from requests_sent import Requests

STEPS = """\
my-flights-default-local: 2 steps
├── data_processing (ml.m5.large, 30 GB, up to 60 min)
│       preprocess_companies
│       preprocess_shuttles
│       create_model_input_table
└── data_science (ml.m5.large, 30 GB, up to 60 min), after data_processing
        split_data
        train_model
        evaluate_model
        list_versions
"""


def test_the_steps_are_shown_and_nothing_is_sent(tmp_path: Path, requests_sent: Requests) -> None:
    out = tmp_path / "definition.json"
    done = kedro_aws("compile", "--out", str(out))
    assert (done.code, done.stdout) == (0, STEPS)
    assert "Warning (shared_boundary): `model_input_table` has no versions and passes between" in done.stderr
    assert requests_sent.all == []
    definition = json.loads(out.read_text())
    [first, second] = definition["Steps"]
    assert (first["Name"], second["DependsOn"]) == ("data_processing", ["data_processing"])
    assert first["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"].startswith(
        "s3://my-flights-data/kedro-aws/my_flights/local/jobs/"
    )
    again = kedro_aws("compile", "-o", "json").json
    assert again["definition"] == definition
    assert not kedro_aws("compile", "--check").stdout
    assert "definition" not in kedro_aws("compile", "--check", "-o", "json").json
    refused = kedro_aws("compile", "--check", "--out", str(tmp_path / "other.json"))
    assert (refused.code, (tmp_path / "other.json").exists()) == (2, False)


def test_nodes_are_chosen_and_grouped_and_drawn() -> None:
    done = kedro_aws(
        "compile", "-p", "data_science", "--group-by", "node", "--to-nodes", "train_model", "--mermaid"
    )
    assert (done.code, done.stdout) == (
        0,
        "flowchart TD\n"
        '    s0["<b>split_data</b><br/>split_data"]\n'
        '    s1["<b>train_model</b><br/>train_model"]\n'
        '    s0 -->|"train"| s1\n',
    )
    done = kedro_aws("compile", "-p", "data_sciense")
    expected = (
        "There is no pipeline `data_sciense`; did you mean `data_science`? `kedro registry list` shows them."
    )
    assert done.error == expected
    done = kedro_aws("compile", "--nodes", "nothing")
    assert done.error.startswith("The nodes cannot be chosen: ")


def test_ci_checks_without_credentials_what_would_fail_on_aws(project: Path, requests_sent: Requests) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        os.environ[name] = CLOSED
    done = kedro_aws("compile", "--check", "--env", "aws")
    assert (done.code, done.stdout) == (0, "")
    local = {"reviews": {"type": "pandas.CSVDataset", "filepath": "data/raw/reviews.csv"}}
    overlay = project / "conf" / "planned" / "catalog.yml"
    overlay.write_text(yaml.safe_dump(local))
    try:
        done = kedro_aws("compile", "--check", "--env", "planned")
    finally:
        overlay.unlink()
    assert (done.code, done.stdout) == (1, "")
    message = (
        "`reviews` is read from data/raw/reviews.csv, which no job has. Give it an s3:// path in the catalog."
    )
    assert f"Error (local_input): {message}\n" in done.stderr
    assert requests_sent.all == []
