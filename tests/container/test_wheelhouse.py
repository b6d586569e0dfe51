"""A step installs itself from the wheels that were uploaded for it: the image's Python, and no index."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from kedro_aws_plugin.bundle.job_files import Installation, JobDescription, JobStep, build_job_files
from kedro_aws_plugin.model_artifact.pip_download import Container
from local_aws import LocalAws

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from make_container_environment import NotPossibleError, find_python

BUCKET = "wheelhouse"
FILES = {
    "pyproject.toml": """
        [project]
        name = "bare"
        version = "1.0"
        dependencies = ["kedro", "kedro-aws-plugin"]
        [tool.kedro]
        package_name = "bare"
        project_name = "Bare"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": f"region: eu-west-1\nbucket: {BUCKET}\n",
    "conf/base/catalog.yml": "",
    "conf/base/parameters.yml": "",
    "conf/local/.gitkeep": "",
    "src/bare/__init__.py": "",
    "src/bare/settings.py": "",
    "src/bare/pipeline_registry.py": """
        import sys
        import kedro
        from kedro.pipeline import node, pipeline

        def look():
            return {"python": sys.version_info[:2], "prefix": sys.prefix, "kedro": kedro.__version__}

        def register_pipelines():
            return {"__default__": pipeline([node(look, None, "seen", name="look")])}
    """,
}
DESCRIPTION = JobDescription(
    "bare", "local", BUCKET, "kedro-aws", {"all": JobStep(("look",))}, persisted=("seen",), outputs=("seen",)
)
LOOK = "import json, pickle, sys; print(json.dumps(pickle.load(open(sys.argv[1], 'rb'))))"


def test_a_step_runs_from_its_wheelhouse_without_an_index(local_aws: LocalAws, tmp_path: Path) -> None:
    if shutil.which("uv") is None:
        pytest.importorskip("uv", reason="uv is not installed: pip install uv")
    try:
        python, _ = find_python()
    except NotPossibleError as error:
        pytest.skip(f"Python 3.12: {error}")
    project, inputs = tmp_path / "project", tmp_path / "ml" / "processing" / "input"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(textwrap.dedent(text), encoding="utf-8")
    for name in ("job", "wheels"):
        (inputs / name).mkdir(parents=True)
    installation = Installation("wheelhouse", Container("3.12", "1.9-0"))
    files = build_job_files(project, project / "conf", DESCRIPTION, inputs / "job", installation=installation)
    assert files.lock is not None
    files.lock.download(inputs / "wheels")
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    nowhere = "http://127.0.0.1:9"
    environment = {
        **{
            name: os.environ[name] for name in ("HOME", "TMPDIR", "KEDRO_AWS_STATE_DIR") if name in os.environ
        },
        **local_aws.environment(),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nowhere),
        **{"NO_PROXY": "127.0.0.1", "PIP_INDEX_URL": f"{nowhere}/simple", "PATH": "/usr/bin:/bin"},
    }
    command = [python, "-I", str(inputs / "job" / "bootstrap.py"), "--step", "all", "--run-id", "r1"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    kept = tmp_path / "seen.pickle"
    s3.download_file(BUCKET, "kedro-aws/runs/r1/seen.pickle", str(kept))
    seen = json.loads(subprocess.check_output([python, "-I", "-c", LOOK, str(kept)]))
    assert seen["python"] == [3, 12]
    assert seen["prefix"] == str(tmp_path / "ml" / "processing" / "work" / "venv")
    assert f"kedro=={seen['kedro']}" in files.lock.lines
