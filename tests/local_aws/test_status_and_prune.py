"""What `status` shows of what is held, and what `prune` deletes of it."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import local_aws
from local_aws import LocalAws, Pruned
from local_aws.cli import _format_status, main

REGION = "eu-west-1"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS with a table, a query of it, and what an UNLOAD has written."""
    state_dir = tmp_path_factory.mktemp("of-status") / "state"
    aws, _ = local_aws.start(state_dir, region=REGION)
    fill(aws)
    yield aws
    local_aws.stop(state_dir)


def query(aws: LocalAws, sql: str) -> str:
    """Run a query, and return its id."""
    athena = aws.client("athena")
    where = {"OutputLocation": "s3://shop/results/"}
    name: str = athena.start_query_execution(QueryString=sql, ResultConfiguration=where)["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=name)["QueryExecution"]["Status"]
        if status["State"] not in {"QUEUED", "RUNNING"}:
            assert status["State"] == "SUCCEEDED", status
            return name
        time.sleep(0.05)


def list_keys(aws: LocalAws) -> set[str]:
    listed: dict[str, Any] = aws.client("s3").list_objects_v2(Bucket="shop")
    return {each["Key"] for each in listed.get("Contents", [])}


def run(state_dir: Path, *arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [*arguments, "--state-dir", str(state_dir)], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def fill(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shop", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="shop", Key="prices/a.csv", Body=b"apple,1\n" * 250)
    aws.client("glue").create_database(DatabaseInput={"Name": "shop"})
    create = (
        "CREATE EXTERNAL TABLE shop.prices (name string, price int) "
        "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://shop/prices/'"
    )
    query(aws, create)
    query(aws, "SELECT count(*) FROM shop.prices")
    query(aws, "UNLOAD (SELECT * FROM shop.prices) TO 's3://shop/copied/' WITH (format = 'TEXTFILE')")
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="g")


def test_what_is_held_is_shown(filled: LocalAws) -> None:
    held = local_aws.status(filled)
    assert (held["buckets"], held["keeps"], held["not_kept"]) == (["shop"], True, {})
    sizes = held["sizes"]["shop"]
    assert sizes["objects"] == len(list_keys(filled))
    assert sizes["size"] > 2000
    assert held["holds"] == {
        "objects": sizes["objects"],
        "databases": 2,  # Athena always has `default`
        "tables": 1,
        "model package groups": 1,
        "query executions": 3,
    }
    assert held["disk"]["kept"] > sizes["size"]
    shown = run(filled.log_file.parent, "status")[1].splitlines()
    assert re.match(r"buckets: shop \(\d+ objects, \d\.\d kB\)$", shown[1])
    assert shown[3].endswith("2 databases, 1 table, 1 model package group, 3 query executions")
    assert re.match(r"disk: \d+\.\d kB of contents and \d+\.\d kB of other files in ", shown[4])


def test_what_old_queries_have_left_is_pruned_and_nothing_else(filled: LocalAws) -> None:
    state_dir = filled.log_file.parent
    copies = state_dir / "athena" / "queries" / "objects"
    assert local_aws.prune(filled, timedelta(days=7)) == Pruned(0, 0, 0)
    assert run(state_dir, "prune", "--older-than", "soon")[0] == 2
    before = list_keys(filled)
    copied = len(list(copies.iterdir()))
    assert copied
    code, out, err = run(state_dir, "prune", "--older-than", "0s")
    assert (code, out) == (0, "")
    results = {key for key in before if key.startswith("results/")}
    assert list_keys(filled) == before - results
    assert {key.split("/")[0] for key in before - results} == {"prices", "copied"}
    assert err.startswith(f"Deleted {len(results)} files of results and {copied} copies of objects: ")
    assert list(copies.iterdir()) == []
    athena = filled.client("athena")
    history = athena.list_query_executions()["QueryExecutionIds"]
    assert len(history) == 3
    with pytest.raises(athena.exceptions.InvalidRequestException, match="Could not find results"):
        athena.get_query_results(QueryExecutionId=history[1])
    query(filled, "SELECT count(*) FROM shop.prices")


def test_a_stopped_one_says_what_it_keeps_until_a_reset(filled: LocalAws) -> None:
    state_dir = filled.log_file.parent
    local_aws.stop(state_dir)
    code, _, err = run(state_dir, "status")
    assert code == 1
    assert re.search(
        r"is not running here\. It keeps \d+\.\d kB\. Start it: local-aws start --state-dir ", err
    )
    assert run(state_dir, "prune")[0] == 1
    assert run(state_dir, "reset")[2] == "Local AWS emptied.\n"
    assert run(state_dir, "reset")[2] == "The local AWS is not running, and keeps nothing.\n"
    assert not (state_dir / "kept").exists()


def test_a_local_aws_that_keeps_nothing_says_so(local_aws: LocalAws) -> None:
    from local_aws import status

    held = status(local_aws)
    assert (held["keeps"], held["holds"]) == (False, {})
    local_aws.client("s3").create_bucket(
        Bucket="shop", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    local_aws.client("s3").put_object(Bucket="shop", Key="a", Body=b"12345")
    assert status(local_aws)["sizes"] == {"shop": {"objects": 1, "size": 5}}
    shown = run(local_aws.log_file.parent, "status")[1]
    assert shown.splitlines()[-1] == "kept: nothing, as it was started so"


def test_services_that_are_not_kept_or_began_empty_are_named() -> None:
    aws: Any = SimpleNamespace(
        endpoint_url="http://127.0.0.1:1", account_id="1", region=REGION, pid=1, log_file=Path("s/local.log")
    )
    held = {"sizes": {}, "endpoints": [], "holds": {}, "disk": {"kept": 0, "rest": 0}, "keeps": True}
    lost = {"not_kept": {"sqs": "it has a lock"}, "began_empty": {"glue": "it could not be taken over"}}
    assert list(_format_status(aws, {**held, **lost}))[-2:] == [
        "not kept: what sqs holds: it has a lock",
        "began empty: glue: it could not be taken over",
    ]
