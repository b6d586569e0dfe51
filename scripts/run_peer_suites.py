"""Run the Athena tests of other projects against a local AWS, and print how many pass.

Their code is not part of this repository: give the folders of their checkouts. Each project runs in an
environment of its own, which this script makes in the folder ENVIRONMENTS if it is not there:

    python scripts/run_peer_suites.py --environments /tmp/peers pyathena=/src/PyAthena \
        awswrangler=/src/aws-sdk-pandas dbt-athena=/src/dbt-adapters ibis=/src/ibis

Of each failed test it says whether the local AWS refused something by name ("refused"), whether the test
needs what no local AWS has, such as Spark or an account's other resources ("environment"), or neither
("wrong"). The table goes to standard output, the failed tests to standard error.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
os.environ["PYTHONPATH"] = str(ROOT)

import local_aws  # noqa: E402 - this checkout's

REGION, BUCKET, DATABASE = "us-west-2", "peer-suites", "aws_sdk_pandas"
WORKERS = 4
"""Most tests wait for their queries, a second between two questions."""
HERE = ROOT / "scripts"
CLIENTS_OWN = 2
"""The one of awswrangler's workgroups that lets clients choose where results are."""
BOTO = "boto3==1.43.117"
REFUSED = re.compile(r"the local (Athena|AWS) does not support|The local AWS does not support")


@dataclass(frozen=True)
class Suite:
    """The tests of one project.

    Attributes:
        installs: What pip installs, `{}` being the checkout.
        folder: Where pytest starts, below the checkout.
        tests: What pytest runs, by the row of the table.
        variables: The environment that the tests want.
        environment: What the names or the texts of failures have if they need more than a local AWS.
    """

    installs: Sequence[str]
    folder: str
    tests: Mapping[str, Sequence[str]]
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Sequence[str] = ()


PYATHENA = Suite(
    installs=("{}", BOTO, "sqlalchemy[asyncio]<2.1", "pandas<3", "pyarrow", "polars<2", "s3fs", "Jinja2",
              "pytest", "pytest-xdist", "pytest-dependency", "pytest-asyncio", "tzdata"),
    folder=".",
    tests={
        "PyAthena": (
            "tests/pyathena",
            "--ignore=tests/pyathena/spark",
            "--ignore=tests/pyathena/aio/spark",
        )
    },
    variables={
        "AWS_ATHENA_S3_STAGING_DIR": f"s3://{BUCKET}/pyathena/",
        "AWS_ATHENA_WORKGROUP": "pyathena",
        "AWS_ATHENA_SPARK_WORKGROUP": "pyathena-spark",
        "SETUPTOOLS_SCM_PRETEND_VERSION": "3.25.0",
    },
    # An older SQLAlchemy; a URL with https.
    environment=("_render_string_type", "S3FileSystem::test_sign"),
)  # fmt: skip
AWSWRANGLER = Suite(
    installs=("{}", BOTO, "pytest", "pytest-xdist", "pytest-timeout", "pytest-rerunfailures", "geopandas",
              "boto3-stubs", "moto", "openpyxl"),
    folder=".",
    tests={
        f"awswrangler, {name}": (f"tests/unit/test_{module}.py",)
        for name, module in {
            "athena": "athena", "CSV": "athena_csv", "Parquet": "athena_parquet",
            "projection": "athena_projection", "prepared": "athena_prepared", "cache": "athena_cache",
            "catalog": "catalog", "Iceberg": "athena_iceberg",
        }.items()
    },
    # Of an older pandas; botocore gives each session classes of its own for the errors of a service.
    environment=("Cannot modify read-only array", "test_failing_catalog"),
)  # fmt: skip
DBT = Suite(
    installs=("{}/dbt-adapters", "{}/dbt-tests-adapter", "{}/dbt-athena", BOTO, "dbt-core<1.12", "pytest",
              "pytest-xdist", "pytest-dotenv", "moto", "pyparsing"),
    folder="dbt-athena",
    tests={
        "dbt-athena": ("tests/functional", "-k", "not iceberg", "-o", "addopts="),
        "dbt-athena, Iceberg": ("tests/functional", "-k", "iceberg", "-o", "addopts="),
    },
    variables={
        "DBT_TEST_ATHENA_S3_STAGING_DIR": f"s3://{BUCKET}/dbt/staging/",
        "DBT_TEST_ATHENA_S3_TMP_TABLE_DIR": f"s3://{BUCKET}/dbt/tables/",
        "DBT_TEST_ATHENA_REGION_NAME": REGION,
        "DBT_TEST_ATHENA_DATABASE": "awsdatacatalog",
        "DBT_TEST_ATHENA_SCHEMA": "dbt",
        "DBT_TEST_ATHENA_WORK_GROUP": "primary",
        "DBT_TEST_ATHENA_POLL_INTERVAL": "0.05",
        "DBT_TEST_ATHENA_NUM_RETRIES": "0",
    },
)  # fmt: skip
IBIS = Suite(
    installs=("{}[athena]", "sqlglot<28", BOTO, "pandas<3", "pytest", "pytest-xdist"),
    folder=".",
    tests={"ibis, its calls": (str(HERE / "peer_ibis.py"), "--noconftest", "-c", os.devnull)},
    variables={"IBIS_ATHENA_S3_STAGING_DIR": f"s3://{BUCKET}/ibis"},
)
SUITES = {"pyathena": PYATHENA, "awswrangler": AWSWRANGLER, "dbt-athena": DBT, "ibis": IBIS}


@dataclass(frozen=True)
class Score:
    """The tests of one row: how many ended how, and the failed ones with their kind and reason."""

    counts: Counter[str]
    failures: Sequence[tuple[str, str, str]]


def make_environment(suite: Suite, checkout: Path, folder: Path) -> Path:
    """Make a project's environment unless it is there; return its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        installs = [install.format(checkout) for install in suite.installs]
        subprocess.run(
            [python, "-m", "pip", "install", "-q", *installs],
            check=True,
            env={**os.environ, **suite.variables},
        )
    return python


def prepare(aws: local_aws.LocalAws) -> dict[str, str]:
    """Make the bucket, databases and workgroups that the projects have in their accounts.

    Returns:
        Variables for the suites: the outputs of awswrangler's stack.
    """
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    glue, athena = aws.client("glue"), aws.client("athena")
    glue.create_database(DatabaseInput={"Name": DATABASE})
    output = {"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"}}
    athena.create_work_group(Name="pyathena", Configuration=output)
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    by_key = {"EncryptionOption": "SSE_KMS", "KmsKey": key}
    # awswrangler's tests would make these workgroups, several processes at once.
    for number, encryption in enumerate((None, {"EncryptionOption": "SSE_S3"}, by_key, by_key)):
        results: dict[str, object] = {"OutputLocation": f"s3://{BUCKET}/athena_workgroup{number}/"}
        if encryption:
            results["EncryptionConfiguration"] = encryption
        settings = {"ResultConfiguration": results, "EnforceWorkGroupConfiguration": number != CLIENTS_OWN}
        athena.create_work_group(Name=f"aws_sdk_pandas_{number}", Configuration=settings)
    managed = {"ManagedQueryResultsConfiguration": {"Enabled": True}}
    athena.create_work_group(Name="aws_sdk_pandas_managed", Configuration=managed)
    outputs = {"Region": REGION, "BucketName": BUCKET, "GlueDatabaseName": DATABASE, "KmsKeyArn": key}
    return {"PEER_STACK_OUTPUTS": json.dumps(outputs)}


def run(
    suite: Suite, tests: Sequence[str], checkout: Path, python: Path, variables: Mapping[str, str]
) -> Score:
    """Run some tests of a project and read how they ended."""
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        flags = "-m pytest -p peer_plugin -p no:cacheprovider -q --tb=short"
        command = [str(python), *flags.split(), "-n", str(WORKERS)]
        subprocess.run(
            [*command, f"--junitxml={report.name}", *tests],
            check=False,
            cwd=checkout / suite.folder,
            env={**os.environ, **variables, **suite.variables, "PYTHONPATH": str(HERE)},
            stdout=sys.stderr,
        )
        return read_report(Path(report.name), suite.environment)


def read_report(report: Path, environment: Sequence[str]) -> Score:
    """Read pytest's report in JUnit's form."""
    counts: Counter[str] = Counter()
    failures = []
    for case in ET.parse(report).getroot().iter("testcase"):
        kind, reason = judge(case, environment)
        counts[kind] += 1
        if kind not in {"passed", "skipped"}:
            failures.append((f"{case.get('classname')}::{case.get('name')}", kind, reason))
    return Score(counts, failures)


def judge(case: ET.Element, environment: Sequence[str]) -> tuple[str, str]:
    """Say how a test ended, and the last line of what it said."""
    if case.find("skipped") is not None:
        return "skipped", ""
    failed = case.find("failure")
    failed = case.find("error") if failed is None else failed
    if failed is None:
        return "passed", ""
    text = f"{case.get('classname')}::{case.get('name')} {failed.get('message')} {failed.text}"
    reason = " ".join((failed.get("message") or "").split())
    if REFUSED.search(text):
        return "refused", reason
    return ("environment" if any(re.search(each, text) for each in environment) else "wrong"), reason


def write_table(scores: Mapping[str, Score]) -> Iterator[str]:
    """Write the rows of the table for the docs."""
    yield "| suite | tests | passed | wrong | refused | environment |"
    yield "|---|---|---|---|---|---|"
    for name, score in scores.items():
        counts = score.counts
        total = sum(counts.values()) - counts["skipped"]
        columns = [total, *(counts[kind] for kind in ("passed", "wrong", "refused", "environment"))]
        yield f"| {name} | {' | '.join(map(str, columns))} |"


def main() -> int:
    """Run the suites whose checkouts are given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs="+", metavar="PROJECT=FOLDER", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--environments", type=Path, required=True, help="a folder for their environments")
    parser.add_argument("--only", default="", help="run the rows whose name has this text")
    parser.add_argument(
        "--matching", default="", help="run the tests that this expression of pytest's -k finds"
    )
    options = parser.parse_args()
    checkouts = dict(given.split("=", 1) for given in options.checkouts)
    scores: dict[str, Score] = {}
    with tempfile.TemporaryDirectory() as folder:
        aws, _ = local_aws.start(Path(folder), region=REGION, exit_with_parent=True)
        try:
            variables = {**aws.environment(), **prepare(aws)}
            for project, checkout in checkouts.items():
                suite = SUITES[project]
                python = make_environment(suite, Path(checkout), options.environments / project)
                for row, tests in suite.tests.items():
                    if options.only in row:
                        chosen = (*tests, "-k", options.matching) if options.matching else tests
                        scores[row] = run(suite, chosen, Path(checkout), python, variables)
                        for failure in scores[row].failures:
                            print(*failure, sep=" | ", file=sys.stderr)
        finally:
            local_aws.stop(Path(folder))
    print("\n".join(write_table(scores)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
