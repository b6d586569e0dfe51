"""Bad input gets one clear sentence, exit 1, and changes nothing."""

import os
from pathlib import Path

import pandas as pd
import pytest
from project_cli import BUCKET, GROUP, PACKAGES, State, kedro_aws
from requests_sent import Requests

LONG = "x" * 300
VERSION = "2026-01-02T03.04.05.678Z"
CATALOG = f"""\
unversioned: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/models/regressor.pickle"}}
never: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/models/never.pickle", versioned: true}}
garbage: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/models/garbage.pickle", versioned: true}}
own: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/models/own.pickle", versioned: true}}
absent: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/models/absent.pickle", versioned: true}}
empty: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/data/empty.csv"}}
"""
PICKLES = {
    "garbage": b"not a pickle",
    "own": b"cmy_flights.data_science\ntrain_model\n.",
    "absent": b"cno_such_module\nModel\n.",
}


@pytest.fixture(scope="module")
def odd(generated: Path) -> str:
    """An environment whose catalog has what goes wrong."""
    folder = generated / "conf" / "odd"
    folder.mkdir()
    settings = "target: local\nregistry: {group: odd, model: regressor}\ndeploy: {endpoint: odd}\n"
    (folder / "aws.yml").write_text(settings, encoding="utf-8")
    (folder / "catalog.yml").write_text(CATALOG, encoding="utf-8")
    return "odd"


@pytest.fixture
def stored(state: State, odd: str, requests_sent: Requests) -> str:
    """The same environment with its objects on S3."""
    for name, content in PICKLES.items():
        key = f"models/{name}.pickle/{VERSION}/{name}.pickle"
        state.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    state.s3.put_object(Bucket=BUCKET, Key="data/empty.csv", Body=b"a,b\n")
    requests_sent.all.clear()
    return odd


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            "regresor",
            "The catalog has no entry `regresor`; did you mean `regressor`? "
            "Correct `registry.model` in aws.yml, or --model.",
        ),
        ("zzz", "The catalog has no entry `zzz`. Correct `registry.model` in aws.yml, or --model."),
        (
            "unversioned",
            "`unversioned` is not versioned, so it would be unclear which model is registered. "
            "Add `versioned: true` to it in the catalog and run the pipeline again.",
        ),
        ("never", "`never` has never been saved. Run the pipeline first: kedro run --env odd"),
        (
            "metrics",
            "`metrics` is a JSONDataset that loads a dict, and that has no method predict, as scikit-learn's "
            "models have it. Name a model with `registry.model` in aws.yml, or --model.",
        ),
        (
            "own",
            "The model needs the module `my_flights.data_science`, which the packed copy of the project's "
            "package lacks. Run the pipeline again if it was renamed; move it if it is in a folder `tests` "
            "or `notebooks`, which are not packed.",
        ),
        (
            "absent",
            "The model needs the module `no_such_module`, which is not installed here. "
            "Install it, and add it to registry.requirements in conf/base/aws.yml if the container lacks it.",
        ),
    ],
)
def test_a_model_that_cannot_be_registered(
    stored: str, requests_sent: Requests, entry: str, sentence: str
) -> None:
    assert kedro_aws("register-model", "-e", stored, "--model", entry).error == sentence
    assert requests_sent.changing == []


def test_a_model_that_does_not_unpickle(stored: str, requests_sent: Requests) -> None:
    sentence = kedro_aws("register-model", "-e", stored, "--model", "garbage").error
    assert sentence.startswith("The model does not load: ")
    assert sentence.endswith(". Save it again with the packages that are installed now.")
    assert requests_sent.changing == []


def test_a_version_that_was_never_saved(stored: str, requests_sent: Requests) -> None:
    assert kedro_aws("register-model", "-e", stored, "--version", "2020").error == (
        "`regressor` has no version 2020 "
        f"({BUCKET}/models/regressor.pickle/2020/regressor.pickle does not exist). "
        "Omit --version for the newest one."
    )
    assert requests_sent.changing == []


def test_a_group_without_versions(odd: str, requests_sent: Requests) -> None:
    sentence = "Model package group odd has no versions. Register one: kedro aws register-model --env odd"
    assert kedro_aws("deploy", "-e", odd).error == sentence
    assert kedro_aws("approve-model", "-e", odd).error == sentence
    assert kedro_aws("reject-model", "7", "-e", odd).error == sentence
    assert requests_sent.changing == []


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "command", [("deploy", "--endpoint", GROUP, "--package"), ("approve-model",), ("reject-model",)]
)
def test_a_version_that_the_group_does_not_have(command: tuple[str, ...], requests_sent: Requests) -> None:
    other = PACKAGES.replace(GROUP, "other") + "/1"
    assert kedro_aws(*command, other).error == (
        "Model package group other does not exist. Register a catalog entry that is marked with it: "
        "kedro aws register-model --model ENTRY"
    )
    assert kedro_aws(*command, "99").error == (f"Model package group {GROUP} has no version 99. It has: 1.")
    assert requests_sent.changing == []


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--endpoint", "my_flights"), "--endpoint: `my_flights` is not an endpoint name: "),
        (("--memory", "1000"), "--memory: `1000` is wrong: input should be 1024, 2048, 3072"),
        (("--instance-count", "0"), "--instance-count: `0` is wrong: "),
        (("--instance-type", "large"), "--instance-type: `large` is not an instance type; "),
    ],
)
def test_a_wrong_option_of_deploy(options: tuple[str, ...], message: str, requests_sent: Requests) -> None:
    assert kedro_aws("deploy", *options).error.startswith(message)
    assert requests_sent.changing == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("deploy", "--mode", "batch"),
            "Invalid value for '--mode': 'batch' is not one of 'realtime', 'serverless', 'async'.",
        ),
        (("models", "-o", "xml"), "Invalid value for '-o' / '--output': 'xml' is not one of 'text', 'json'."),
        (("deploy", "--memory", "big"), "Invalid value for '--memory': 'big' is not a valid integer."),
        (("status", "--nope"), "No such option '--nope'."),
        (("xyzzy",), "No such command 'xyzzy'."),
        (("predict", "a", "b"), "Got unexpected extra argument (b)"),
    ],
)
def test_wrong_usage_is_exit_2(arguments: tuple[str, ...], message: str, requests_sent: Requests) -> None:
    done = kedro_aws(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: kedro aws ")
    assert done.stderr.endswith(f"\nError: {message}\n")
    assert requests_sent.all == []


COLUMNS = (
    "engines, passenger_capacity, crew, d_check_complete, moon_clearance_complete, iata_approved, "
    "company_rating, review_scores_rating and 3 more"
)


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"", "Standard input is empty. Send at least one row, as CSV, JSON, JSON lines, Parquet or NPY."),
        (b" \n", "Standard input is empty. Send at least one row, as CSV, JSON, JSON lines, Parquet or NPY."),
        (b'{"a": 1', "Standard input is not JSON: Expecting ',' delimiter: line 1 column 8 (char 7). "),
        (b"a,b\n1\n", "Standard input is not CSV: line 2 has 1 values, the first line 2. "),
        (b"\xff\xfe\x00", "Standard input is not CSV: 'utf-8' codec can't decode byte 0xff in position 0"),
        (
            b"PAR1",
            "Standard input is not Parquet: it does not begin and end like Parquet, or is cut short. ",
        ),
    ],
)
def test_what_is_no_payload_is_not_sent(stdin: bytes, message: str, requests_sent: Requests) -> None:
    assert kedro_aws("predict", "-", stdin=stdin).error.startswith(message)
    assert not requests_sent.of("InvokeEndpoint")


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"1,2,3\n", f"The model takes 11 columns ({COLUMNS}); each row has 3."),
        (b"crew,engines\n1,2\n", "The request lacks the columns passenger_capacity, "),
        (b'{"instances": []}', "The request has no rows; send at least one as application/json."),
        (b"crew\n", f"The model takes 11 columns ({COLUMNS}); "),
    ],
)
def test_what_the_model_cannot_answer_is_said_by_the_model(stdin: bytes, message: str) -> None:
    sentence = kedro_aws("predict", "-", stdin=stdin).error
    assert sentence.startswith(f"Endpoint {GROUP} could not answer: {message}")
    assert sentence.endswith(f"Its log: kedro aws logs {GROUP}")


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("rows.csv", "There is no file rows.csv. Correct the path, or name a catalog entry."),
        ("zzz", "The catalog has no entry `zzz`. Name a file, - for standard input, or a catalog entry."),
        (
            LONG,  # no file of any system can have this name
            f"The catalog has no entry `{LONG}`. Name a file, - for standard input, or a catalog entry.",
        ),
        ("regressor", "`regressor` is a Pipeline, not a table. Name a table instead."),
        ("empty", "`empty` has no rows. Name another table, a file, or - for standard input."),
    ],
)
def test_what_predict_cannot_read(stored: str, source: str, sentence: str, requests_sent: Requests) -> None:
    assert kedro_aws("predict", source, "-e", stored, "--endpoint", GROUP).error == sentence
    assert not requests_sent.of("InvokeEndpoint")


@pytest.mark.usefixtures("deployed")
def test_a_file_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text("engines,crew\n1,2\n", encoding="utf-8")
    assert kedro_aws("predict", str(path)).error.startswith(f"{path} is not JSON: Expecting value: ")
    text = tmp_path / "rows.txt"
    text.write_text("engines\n1\n", encoding="utf-8")
    assert kedro_aws("predict", str(text)).error.startswith(f"{text}: unknown kind of file. ")


@pytest.mark.usefixtures("deployed")
def test_more_rows_than_an_endpoint_takes(tmp_path: Path, requests_sent: Requests) -> None:
    path = tmp_path / "rows.parquet"
    size = 7 * 1024 * 1024
    pd.DataFrame({"noise": [os.urandom(size)]}).to_parquet(path, compression=None)
    mb = path.stat().st_size / 1e6
    assert kedro_aws("predict", str(path)).error == (
        f"{path} makes a request of {mb:.1f} MB, and an endpoint accepts at most 6 MB. Send fewer rows."
    )
    assert not requests_sent.of("InvokeEndpoint")


def test_no_endpoint_to_ask(requests_sent: Requests) -> None:
    for arguments in (("predict",), ("predict", "-")):
        sentence = kedro_aws(*arguments, "--endpoint", "nope", stdin="a\n1\n").error
        assert sentence.startswith("There is no endpoint nope")
        assert sentence.endswith("Make it: kedro aws deploy --endpoint nope")
    assert requests_sent.changing == []
