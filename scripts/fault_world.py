"""A small project on a local AWS, behind a proxy that lets calls go wrong, for running commands in it.

One process runs all commands, since starting `kedro` takes seconds. A command that is to be killed runs in a
fork of it.
"""

import io
import json
import os
import pickle
import tarfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.config import Config  # noqa: TID251 - a client that waits for an answer for seconds only
from click.testing import CliRunner
from fault_proxy import Proxy

import local_aws

REGION = "eu-west-1"
BUCKET = "faults-data"
GROUP = "faults-served"
"""The group whose versions 1 to 3 are deployed; version n answers n."""

ROLE = "arn:aws:iam::123456789012:role/kedro-aws"
ACCOUNT = "arn:aws:sagemaker:eu-west-1:123456789012"
PACKAGES = f"{ACCOUNT}:model-package"
_IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py312"
_VERSION = "2026-11-21T10.00.00.000Z"
_PATIENCE = 6
_KILLED = -9
_FILES = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "faults"
        project_name = "Faults"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": f"""
        region: {REGION}
        bucket: {BUCKET}
        registry: {{group: faults-price, model: regressor, metrics: metrics, sample: table}}
        role_arn: {ROLE}
        deploy: {{endpoint: faults-price}}
    """,
    "conf/base/catalog.yml": f"""
        regressor: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/regressor.pkl", versioned: true}}
        metrics: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/metrics.json", versioned: true}}
        table: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/table.csv"}}
        predictions: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/predictions.csv"}}
        doubled: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/run/doubled.csv"}}
        total: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/run/total.json", versioned: true}}
        "{{number}}_held":
          {{type: json.JSONDataset, filepath: "s3://{BUCKET}/held/{{number}}.json", versioned: true}}
    """,
    "conf/base/parameters.yml": "{seed: 1, gate: open, seconds: 0}\n",
    "conf/local/.gitkeep": "",
    "conf/torn/aws.yml": "target: local\n",
    "conf/canary/aws.yml": """
        target: local
        deploy:
          endpoint: faults-canary
          instance_count: 2
          update: {strategy: canary, instances: 1, wait_seconds: 1}
    """,
    "conf/queue/aws.yml": f"""
        target: local
        deploy:
          endpoint: faults-queue
          mode: async
          async:
            input: s3://{BUCKET}/queue/input/
            output: s3://{BUCKET}/queue/output/
            failure: s3://{BUCKET}/queue/failed/
    """,
    "conf/account/aws.yml": "target: aws\n",
    "conf/values/aws.yml": """
        target: local
        globals:
          account: account_id
          limit: {ssm: {name: /faults/limit}}
          password: {secret: {id: faults/login, key: password}}
    """,
    "conf/shares/aws.yml": f"""
        target: local
        deploy:
          endpoint: faults-shares
          group: {GROUP}
          variants:
            champion: {{package: 1, weight: 9}}
            challenger: {{package: 2, weight: 1}}
    """,
    "conf/shadow/aws.yml": f"""
        target: local
        deploy:
          endpoint: faults-shadow
          group: {GROUP}
          variants:
            champion: {{package: 1}}
          shadow: {{package: 2, share: 1.0}}
    """,
    "conf/scaled/aws.yml": """
        target: local
        deploy:
          endpoint: faults-scaled
          autoscaling: {min: 1, max: 3, target: 100}
    """,
    "src/faults/__init__.py": "",
    "src/faults/settings.py": "",
    "src/faults/pipeline_registry.py": """
        import time

        import s3fs
        from kedro.pipeline import node, pipeline

        def double(table):
            return 2 * table

        def add(doubled):
            return {"total": float(doubled.to_numpy().sum())}

        def hold(name, seconds):
            time.sleep(seconds)
            if not s3fs.S3FileSystem().exists(f"faults-data/gates/{name}"):
                raise ValueError("its gate is shut")
            return {"held": name}

        def register_pipelines():
            nodes = [node(double, "table", "doubled"), node(add, "doubled", "total")]
            inputs = ["params:gate", "params:seconds"]
            # As many as there are trials: each runs one that is its own.
            steps = {
                f"s{each:04}": pipeline([node(hold, inputs, f"{each:04}_held", name=f"hold{each:04}")])
                for each in range(1, 1000)
            }
            return {"__default__": pipeline(nodes), **steps}
    """,
}
_HANDLERS = """
def model_fn(model_dir):
    print("version NUMBER is loaded")
    return NUMBER

def transform_fn(model, data, content_type, accept):
    text = data if isinstance(data, str) else data.decode()
    rows = len(text.strip().splitlines())
    if "jsonlines" in accept:
        return ("%d\\n" % model) * rows, accept
    return '{"predictions": [%s]}' % ", ".join([str(model)] * rows), "application/json"
"""


@dataclass(frozen=True)
class Ran:
    """What a command has left behind.

    Attributes:
        code: Its exit code; negative if it was killed.
        stdout: Its results.
        stderr: What it said besides.
        problem: The exception that it should have explained, if any.
    """

    code: int
    stdout: str = ""
    stderr: str = ""
    problem: str = ""

    @property
    def sentence(self) -> str:
        """The sentence of a command that failed."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("Error: ")]
        return lines[-1].removeprefix("Error: ") if lines else ""


@dataclass
class Fork:
    """A fork of this process, which waits until it is let go.

    Attributes:
        process: Its number.
    """

    process: int
    _let_go: int
    _output: int

    def begin(self) -> None:
        """Let it go."""
        os.close(self._let_go)
        self._let_go = -1

    def end(self) -> Ran:
        """Wait for its end."""
        if self._let_go >= 0:
            self.begin()
        with os.fdopen(self._output, encoding="utf-8") as file:
            said = file.read()
        _, status = os.waitpid(self.process, 0)
        return Ran(**json.loads(said)) if said else Ran(os.waitstatus_to_exitcode(status))


@dataclass
class Caller:
    """A client that calls an endpoint all the time, and notes what is not an answer."""

    failures: list[str] = field(default_factory=list)
    answers: int = 0


class World:
    """The project, its local AWS, and the proxy between them. Make it with `opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.aws, _ = local_aws.start(folder / "server", region=REGION, exit_with_parent=True)
        self.proxy = Proxy(self.aws, folder / "shown")
        self.s3 = self.aws.client("s3")
        self.sagemaker = self.aws.client("sagemaker")
        self.runtime = self.aws.client("sagemaker-runtime")
        self.scaling = self.aws.client("application-autoscaling")
        self.stacks = self.aws.client("cloudformation")
        self.project = folder / "project"
        self._made: dict[str, Any] = {}

    def cli(self, *arguments: str) -> Ran:
        """Run `kedro aws ...` in this process, through the proxy."""
        from kedro_aws_plugin.cli import commands

        result = CliRunner().invoke(commands, ["aws", *arguments], prog_name="kedro")
        failed = result.exception is not None and not isinstance(result.exception, SystemExit)
        return Ran(result.exit_code, result.stdout, result.stderr, repr(result.exception) if failed else "")

    def kedro_run(self) -> Ran:
        """Run the project's pipeline in this process, through the proxy."""
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project

        bootstrap_project(self.project)
        try:
            with KedroSession.create(project_path=self.project) as session:
                session.run()
        except Exception as error:  # noqa: BLE001 - Kedro shows it as it is
            return Ran(1, "", f"Error: {error}")
        return Ran(0)

    def in_fork(self, run: Callable[[], Ran], prepare: Callable[[int], None]) -> Ran:
        """Run something in a fork of this process, which may be killed meanwhile.

        Args:
            run: What to run.
            prepare: Is called with the number of the process before that begins.
        """
        child = self.fork(run)
        prepare(child.process)
        return child.end()

    def fork(self, run: Callable[[], Ran]) -> "Fork":
        """Make a fork of this process that runs something once it is let go."""
        begin, let_go = os.pipe()
        output, said = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(let_go)
            os.close(output)
            os.read(begin, 1)
            self._made.pop("session", None)  # its connections are the parent's
            ran = run()
            with os.fdopen(said, "w", encoding="utf-8") as file:
                json.dump(asdict(ran), file)
            os._exit(0)
        os.close(begin)
        os.close(said)
        return Fork(process, let_go, output)

    def carry_out(self, look: Callable[[Any], Any]) -> Ran:
        """Do what a command does once its project is open: look, plan and apply.

        Args:
            look: Makes the plan with the clients of the session.
        """
        from kedro_aws_plugin.actions.carry_out import carry_out
        from kedro_aws_plugin.errors import KedroAwsError

        said: list[str] = []
        results: list[dict[str, Any]] = []
        session = self.session
        try:
            results = carry_out(session, lambda: look(session.aws), said.append)
        except KedroAwsError as error:
            return Ran(1, "", "\n".join([*said, f"Error: {error.format_message()}"]))
        except Exception as error:  # noqa: BLE001 - what a command should have explained
            return Ran(1, "", "\n".join(said), repr(error))
        return Ran(0, "done" if results else "unchanged:", "\n".join(said))

    @property
    def session(self) -> Any:
        """A session of the project, connected through the proxy."""
        from kedro_aws_plugin.session.session import Session

        if "session" not in self._made:
            session = Session.open()
            session.connect(lambda _connection: None)
            self._made["session"] = session
        return self._made["session"]

    @property
    def candidate(self) -> Any:
        """The project's model, packed once for all registrations."""
        return self._made["candidate"]

    @contextmanager
    def pack(self) -> Iterator[None]:
        """Pack the project's model, which exists as long as the context."""
        from kedro_aws_plugin.config import require_registry
        from kedro_aws_plugin.project.catalog import ProjectCatalog
        from kedro_aws_plugin.registration.candidate import prepare_candidate

        session = self.session
        catalog = ProjectCatalog.open(session)
        registry = catalog.find_registry(session.config, require_registry(session.config).model)
        with prepare_candidate(session.project, catalog, registry, None) as candidate:
            self._made["candidate"] = candidate
            yield

    def register(self, group: str, number: int, approval: str = "Approved") -> str:
        """Register a version of which the model answers a number, and return its ARN."""
        base = f"sagemaker/{group}/{number}"
        handlers = _HANDLERS.replace("NUMBER", str(number))
        answer = f'{{"predictions": [{number}, {number}]}}'
        for name, body in {
            "model.tar.gz": _pack({"code/inference.py": handlers}),
            "sample.csv": b"1,2\n3,4\n",
            "sample-answer.json": answer.encode(),
        }.items():
            self.s3.put_object(Bucket=BUCKET, Key=f"{base}/{name}", Body=body)
        container = {
            "Image": _IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/{base}/model.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        }
        made = self.sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=approval,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        return str(made["ModelPackageArn"])

    def serves(self, endpoint: str) -> str:
        """Ask an endpoint; its answer, or the error."""
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=endpoint, ContentType="text/csv", Body=b"1,2\n"
            )
            return str(json.loads(answer["Body"].read())["predictions"][0])
        except Exception as error:  # noqa: BLE001 - whatever keeps a client from its answer
            return f"{type(error).__name__}: {error}"

    @contextmanager
    def calling(self, endpoint: str) -> Iterator[Caller]:
        """Let a client call an endpoint as long as the context."""
        caller, done = Caller(), threading.Event()

        def call() -> None:
            while not done.is_set():
                answer = self.serves(endpoint)
                caller.answers += 1
                if answer not in {"1", "2", "3"}:
                    caller.failures.append(answer)
                time.sleep(0.02)

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        try:
            yield caller
        finally:
            done.set()
            thread.join()

    def find(self, name: str) -> dict[str, list[str]]:
        """Find everything that was made for an endpoint or a group of a name, by kinds."""
        found = {
            "models": [each["ModelName"] for each in self._list("list_models", "Models", name)],
            "configs": [
                each["EndpointConfigName"]
                for each in self._list("list_endpoint_configs", "EndpointConfigs", name)
            ],
            "endpoints": [each["EndpointName"] for each in self._list("list_endpoints", "Endpoints", name)],
        }
        groups = self._list("list_model_package_groups", "ModelPackageGroupSummaryList", name)
        packages = [
            f"{each['ModelPackageArn'].rpartition('/')[2]} {each['ModelApprovalStatus']}"
            for group in groups
            for each in self.sagemaker.list_model_packages(
                ModelPackageGroupName=group["ModelPackageGroupName"]
            )["ModelPackageSummaryList"]
        ]
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"sagemaker/{name}/")
        uploads = self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return {
            **found,
            "targets": self._list_scaled(name),
            "stacks": [
                f"{each['StackName']} {each['StackStatus']}"
                for each in self.stacks.describe_stacks()["Stacks"]
                if name in each["StackName"]
            ],
            "groups": [each["ModelPackageGroupName"] for each in groups],
            "packages": packages,
            "objects": sorted(each["Key"].rpartition("/")[2] for each in listed.get("Contents", [])),
            "uploads": [each["Key"] for each in uploads if name in each["Key"]],
            **self._find_runs(name),
        }

    def _list_scaled(self, name: str) -> list[str]:
        pages = self.scaling.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker")
        return [
            each["ResourceId"]
            for page in pages
            for each in page["ScalableTargets"]
            if name in each["ResourceId"]
        ]

    def bootstrap(self, name: str) -> Ran:
        """Do what `kedro aws bootstrap` does in an account, for a bucket and a database of a name."""
        from kedro_aws_plugin.aws.cloudformation import observe_foundation
        from kedro_aws_plugin.config import AwsConfig
        from kedro_aws_plugin.plan.bootstrap import plan_bootstrap
        from kedro_aws_plugin.project.raw_data import list_raw_files

        table = {"location": f"s3://{name}/data/raw/rows/", "format": "csv", "columns": {"a": "string"}}
        database = name.replace("-", "_")
        athena = {"database": database, "workgroup": name, "tables": {"rows": table}}
        settings = {"env": "aws", "target": "aws", "region": REGION, "bucket": name, "athena": athena}
        config = AwsConfig.model_validate(settings)
        files = list_raw_files(self.folder / "raw")
        return self.carry_out(
            lambda aws: plan_bootstrap(config, "faults", files, observe_foundation(aws, name, "data/raw/"))
        )

    def clear_stack(self, name: str) -> None:
        """Delete a stack with its bucket, which the stack would leave."""
        self.stacks.delete_stack(StackName=f"kedro-aws-{name}")
        for each in self.s3.list_object_versions(Bucket=name).get("Versions", []):
            self.s3.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
        self.s3.delete_bucket(Bucket=name)

    def clear_schedules(self) -> None:
        """Delete all groups of schedules, with what is in them."""
        scheduler = self.aws.client("scheduler")
        for each in scheduler.list_schedule_groups(NamePrefix="faults-")["ScheduleGroups"]:
            if each["State"] == "ACTIVE":
                scheduler.delete_schedule_group(Name=each["Name"])

    def _find_runs(self, name: str) -> dict[str, list[str]]:
        """Find the pipeline of a name, its versions, its executions, what they saved, and its schedules."""
        number = name[-5:-1]
        pipeline = make_pipeline_name(name)
        listed = self.sagemaker.list_pipelines(PipelineNamePrefix=pipeline)["PipelineSummaries"]
        found: dict[str, list[str]] = {"pipelines": [each["PipelineName"] for each in listed]}
        for each in found["pipelines"]:
            versions = self.sagemaker.list_pipeline_versions(PipelineName=each)["PipelineVersionSummaries"]
            found["versions"] = [str(version["PipelineVersionId"]) for version in versions]
            runs = self.sagemaker.list_pipeline_executions(PipelineName=each)["PipelineExecutionSummaries"]
            found["executions"] = [run["PipelineExecutionStatus"] for run in runs]
        saved = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"held/{number}.json/").get("Contents", [])
        found["held"] = [each["Key"].rpartition("/")[2] for each in saved]
        schedules = self.aws.client("scheduler").list_schedules(NamePrefix=pipeline)["Schedules"]
        return {**found, "schedules": [each["Name"] for each in schedules]}

    def _list(self, operation: str, key: str, name: str) -> list[dict[str, Any]]:
        pages = self.sagemaker.get_paginator(operation).paginate(NameContains=name)
        return [each for page in pages for each in page[key]]

    def settle(self, name: str) -> None:
        """Wait until the endpoint and the runs of a name are neither created nor updated nor deleted."""
        deadline = time.monotonic() + 400
        while time.monotonic() < deadline:
            found = self._list("list_endpoints", "Endpoints", name)
            statuses = [each["EndpointStatus"] for each in found]
            if not any(each.endswith("ing") for each in [*statuses, *self.find_executions(name)]):
                return
            time.sleep(0.05)

    def find_executions(self, name: str) -> list[str]:
        """Find the statuses of the executions of the pipeline of a name."""
        return self._find_runs(name).get("executions", [])


def make_pipeline_name(name: str) -> str:
    """Make the name of the SageMaker pipeline of a trial's name, which ends with a number and an x."""
    return f"faults-s{name[-5:-1]}-local"


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """Open the world in an empty folder; this process is in its project as long as the context."""
    # No answer is what a client takes for one after a minute; this one takes seconds.
    patience: Any = Config.OPTION_DEFAULTS
    patience["read_timeout"] = _PATIENCE
    before = Path.cwd()
    world = World(folder)
    try:
        _write_project(world)
        os.environ["KEDRO_AWS_STATE_DIR"] = str(folder / "shown")
        os.environ["COLUMNS"] = "200"
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        _ask_for_prices_at(world.proxy)
        _take_for_the_account()
        os.chdir(world.project)
        with world.pack():
            yield world
    finally:
        os.chdir(before)
        world.proxy.close()
        local_aws.stop(folder / "server")


def _ask_for_prices_at(proxy: Proxy) -> None:
    """Let the plugin ask the proxy for AWS's price list, and for quotas, which the local AWS has not."""
    from kedro_aws_plugin.aws import prices

    proxy.price_list = {
        "publicationDate": "2026-11-30T02:56:06Z",
        "products": {"A": {"attributes": {"usagetype": "EU-Host:ml.m5.large"}}},
        "terms": {
            "OnDemand": {
                "A": {"A.B": {"priceDimensions": {"C": {"unit": "Hrs", "pricePerUnit": {"USD": "0.12"}}}}}
            }
        },
    }
    proxy.quotas = {"Quotas": [{"QuotaName": "ml.m5.large for endpoint usage", "Value": 4.0}]}
    changed: Any = prices
    changed.ADDRESS, changed._TIMEOUT = proxy.address, _PATIENCE


def _take_for_the_account() -> None:
    """Let the plugin take the local AWS, behind the proxy, for the account of an environment on the real AWS.

    It still asks who it is there.
    """
    from kedro_aws_plugin.aws.session import Aws, find_account
    from kedro_aws_plugin.doctor import examine
    from kedro_aws_plugin.session import connection
    from kedro_aws_plugin.session.session import Session

    changed: Any = connection
    connect = changed._connect_local

    def connect_to_account(project: Any) -> Any:
        connected = connect(project)
        account = find_account(Aws("local", project.config.region), project.config.env)
        return replace(connected, account=account)

    changed._connect_aws = connect_to_account
    clients = cached_property(lambda session: Aws(session.connect().target, session.config.region))
    clients.__set_name__(Session, "aws")
    changed = Session
    changed.aws = clients
    changed = examine
    changed.can_reach = lambda _region: True


def _write_project(world: World) -> None:
    raw = world.folder / "raw" / "data" / "raw" / "rows" / "rows.csv"
    raw.parent.mkdir(parents=True)
    raw.write_text("a\n1\n", encoding="utf-8")
    for name, text in _FILES.items():
        file = world.project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
    import pandas as pd
    from sklearn.linear_model import LinearRegression

    table = pd.DataFrame({"engines": [1.0, 2.0, 3.0, 4.0], "crew": [2.0, 1.0, 4.0, 3.0]})
    model = LinearRegression().fit(table, 100 * table["engines"] + table["crew"])
    world.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    saved = {
        f"regressor.pkl/{_VERSION}/regressor.pkl": pickle.dumps(model),
        f"metrics.json/{_VERSION}/metrics.json": json.dumps({"r2": 1.0, "mae": 0.0}).encode(),
        "table.csv": table.to_csv(index=False).encode(),
    }
    for key, body in saved.items():
        world.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    world.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    for number in (1, 2, 3):
        world.register(GROUP, number)


def _pack(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()
