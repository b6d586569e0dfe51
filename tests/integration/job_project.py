"""A project whose steps are started as SageMaker starts them: each is a process with its own /opt/ml."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kedro_aws_plugin.bundle.job_files import Installation, JobDescription, JobStep, build_job_files
from local_aws import LocalAws

BUCKET = "job-data"
FILES = {
    "pyproject.toml": """
        [project]
        name = "steps"
        version = "1.2"
        dependencies = []
        [tool.kedro]
        package_name = "steps"
        project_name = "Steps"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": f"""
        region: eu-west-1
        bucket: {BUCKET}
        registry:
          {{group: "${{globals:user}}-price", model: regressor, metrics: metrics, sample: table,
            on_run: true}}
        globals:
          stamp: {{function: "steps.stamps:stamp"}}
          user: {{env: {{name: STEPS_USER}}}}
          run: run_id
          level: {{ssm: {{name: /steps/level}}}}
          password: {{secret: {{id: steps-password}}}}
    """,
    "conf/base/catalog.yml": f"""
        regressor: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/regressor.pkl", versioned: true}}
        metrics: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/metrics.json", versioned: true}}
        table: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/table.csv"}}
        "{{kind}}_seen": {{type: json.JSONDataset, filepath: "s3://{BUCKET}/{{kind}}.json", versioned: true}}
    """,
    "conf/base/parameters.yml": """
        level: 1
        stamp: ${globals:stamp}
        user: ${globals:user}
        run: ${globals:run}
        kept: ${globals:level}
        password: ${globals:password}
    """,
    "conf/base/credentials.yml": "db: {password: hunter2}\n",
    "conf/local/credentials.yml": "db: {password: hunter3}\n",
    "conf/logging.yml": "version: 1\ndisable_existing_loggers: false\nroot: {level: WARNING}\n",
    "src/steps/__init__.py": "",
    "src/steps/settings.py": "",
    "src/steps/stamps.py": """
        import uuid

        def stamp():
            return uuid.uuid4().hex
    """,
    "src/steps/inference.py": "def predict_fn(data, model):\n    return [7.0 for _ in range(len(data))]\n",
    "src/steps/pipeline_registry.py": """
        import os, time
        from pathlib import Path
        from kedro.pipeline import node, pipeline
        from sklearn.linear_model import LinearRegression
        from kedro_aws_plugin import parameters

        def see():
            return {name: parameters[name] for name in ("stamp", "user", "run", "kept", "password")}

        def fit(table, level):
            model = LinearRegression().fit(table, level * table["engines"])
            return model, {"level": level}, see()

        def hold(seen):
            folder = os.environ.get("STEPS_GATE")
            if folder:
                Path(folder, "waiting").touch()
                while not Path(folder, "open").exists():
                    time.sleep(0.02)
            return seen

        def evaluate(model, kept, table):
            level = round(float(model.predict(table)[0]) / float(table["engines"][0]))
            return {"model": level, "memory": kept["level"]}, see()

        def fail(metrics):
            raise ValueError("the first line\\nthe table is empty")

        def register_pipelines():
            train = pipeline([
                node(fit, ["table", "params:level"], ["regressor", "kept", "first_seen"], name="fit"),
                node(hold, "first_seen", "held", name="hold"),
            ])
            judge = pipeline([
                node(evaluate, ["regressor", "kept", "table"], ["metrics", "second_seen"], name="evaluate"),
            ])
            broken = pipeline([node(fail, "metrics", None, name="fail")])
            return {"__default__": train + judge + broken, "train": train, "judge": judge}
    """,
}
VERSIONED = ("first_seen", "metrics", "regressor", "second_seen")
DESCRIPTION = JobDescription(
    package="steps",
    env="local",
    bucket=BUCKET,
    prefix="kedro-aws",
    steps={
        "train": JobStep(("fit", "hold"), ("first_seen", "regressor")),
        "judge": JobStep(("evaluate",), ("metrics", "second_seen")),
        "broken": JobStep(("fail",)),
        "register": JobStep(),
    },
    pinned=VERSIONED,
    persisted=("kept",),
    outputs=(*VERSIONED, "kept", "held"),
    git_sha="0123456789abcdef0123456789abcdef01234567",
    git_dirty=False,
    variables={"STEPS_USER": "ada"},
)


@dataclass
class Steps:
    """The project, its files, and how its steps are started."""

    aws: LocalAws
    files: Path
    root: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def begin(self, step: str, run_id: str, execution: str, *, request: str = "", **variables: str) -> Path:
        """Start a step, and give its /opt/ml."""
        ml = self.root / f"ml{len(self.started)}"
        job = ml / "processing" / "input" / "job"
        shutil.copytree(self.files, job)
        given = {"--step": step, "--run-id": run_id, "--execution": execution, "--request": request}
        command = [sys.executable, str(job / "bootstrap.py"), "--started", "2026-11-21T10:00:00Z"]
        process = subprocess.Popen(
            [*command, *(word for pair in given.items() for word in pair)],
            cwd=ml,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return ml

    def end(self, number: int = -1) -> tuple[int, str]:
        """Wait for a step: its exit code and what it printed."""
        said, _ = self.started[number].communicate(timeout=120)
        return self.started[number].returncode, said

    def run(self, step: str, run_id: str, execution: str, **options: str) -> str:
        """Run a step that succeeds, and give what it printed."""
        self.begin(step, run_id, execution, **options)
        code, said = self.end()
        assert code == 0, said
        return said

    def ask(self, **request: Any) -> str:
        """Put the parameters of a submission on S3."""
        key = f"requests/{abs(hash(json.dumps(request)))}.json"
        self.aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(request).encode())
        return f"s3://{BUCKET}/{key}"

    def load(self, name: str, run_id: str) -> Any:
        """Load a versioned JSON file of a run."""
        key = f"{name}/{run_id}/{name}"
        return json.loads(self.aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def list_keys(self) -> list[str]:
        """List what is in the bucket."""
        found = self.aws.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
        return [each["Key"] for each in found]


def make_steps(aws: LocalAws, root: Path) -> Steps:
    """Write the project, pack its job, and put its data on the local AWS."""
    project, files = root / "project", root / "files"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(textwrap.dedent(text), encoding="utf-8")
    files.mkdir()
    build_job_files(project, project / "conf", DESCRIPTION, files, installation=Installation("none"))
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=BUCKET, Key="table.csv", Body=b"engines,crew\n1,2\n2,1\n3,4\n4,3\n")
    aws.client("ssm").put_parameter(Name="/steps/level", Value="one", Type="SecureString")
    aws.client("secretsmanager").create_secret(Name="steps-password", SecretString="old")
    return Steps(aws, files, root)
