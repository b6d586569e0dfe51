"""A catalog reaches the AWS that it was made for, or says why not, whatever the process does meanwhile."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kedro_aws_plugin.cli.viz import VizHooks, find_env
from local_aws import LocalAws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CLOSED = "http://127.0.0.1:9"
HOSTILE = {
    "HTTP_PROXY": CLOSED,
    "HTTPS_PROXY": CLOSED,
    "AWS_ENDPOINT_URL": "https://store.example.com",
    "AWS_PROFILE": "production",
    "AWS_EC2_METADATA_DISABLED": "true",
    "FSSPEC_S3_ENDPOINT_URL": "https://store.example.com",
    "FSSPEC_S3_KEY": "planted",
    "WR_S3_ENDPOINT_URL": "https://store.example.com",
}
START = """
import json, os, threading
from pathlib import Path
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

def open_catalog(path=Path.cwd(), env=None, hooks=True):
    bootstrap_project(path)
    session = KedroSession.create(path, env=env)
    if not hooks:
        from pluggy import PluginManager
        from kedro.framework.hooks.manager import _NullPluginManager
        session._hook_manager = _NullPluginManager()
    return session.load_context().catalog

def say(action):
    try:
        return action()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"

def chosen():
    return {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "FSSPEC_S3", "WR_"))}
"""


def run(code: str, project: Path, **variables: str) -> Any:
    """Run a program in a hostile shell in the project, and give back the JSON that it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START + code],
        cwd=project,
        env={**kept, **HOSTILE, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_switch_in_the_process_does_not_move_a_catalog(small_project: Path) -> None:
    """First one that fails, as `%reload_kedro --env=aws` without credentials, then one that succeeds."""
    code = """
catalog = open_catalog()
fresh = open_catalog()
before = chosen()
failed = say(lambda: open_catalog(env="aws"))
unmoved = chosen() == before
seen = [len(catalog.load("table"))]
from kedro_aws_plugin.aws.environment import use_aws
os.environ.update(AWS_ACCESS_KEY_ID="AKIAUSER", AWS_SECRET_ACCESS_KEY="s")
use_aws("eu-west-1", "KEDROAWSLOCAL", ())
seen += [len(catalog.load("table")), len(fresh.load("table"))]
thread = threading.Thread(target=lambda: seen.append(len(catalog.load("regressor").coef_)))
thread.start()
thread.join()
print(json.dumps([failed, unmoved, seen, "AWS_ENDPOINT_URL" in os.environ]))
"""
    (small_project / "conf" / "aws").mkdir()
    failed, unmoved, seen, local = run(code, small_project)
    assert failed.startswith("AwsError: Could not find out the AWS account of the environment `aws`: ")
    assert (unmoved, seen, local) == (True, [4, 4, 4, 2], False)


def test_two_projects_of_one_process_each_reach_their_own_aws(small_project: Path) -> None:
    """The second project's AWS is stood for by a closed port: what reaches it fails there."""
    code = """
mine = open_catalog()
from kedro_aws_plugin.aws.environment import use_local
use_local({**chosen(), "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "KEDROAWSLOCALOTHER"})
import s3fs
unbound = s3fs.S3FileSystem(config_kwargs={"retries": {"total_max_attempts": 1}})
print(json.dumps([len(mine.load("table")), say(lambda: unbound.ls("small-data"))]))
"""
    rows, elsewhere = run(code, small_project)
    assert rows == 4
    assert "127.0.0.1:9" in elsewhere


def test_a_catalog_of_the_real_aws_never_reaches_the_local_one(small_project: Path) -> None:
    """In a process that was switched to the local AWS after the catalog was made."""
    code = """
from kedro_aws_plugin.session import session
from kedro_aws_plugin.session.connection import Binding, Connection
from kedro_aws_plugin.aws.environment import use_aws
def connect(project):  # as the real one, without the request to STS
    use_aws("eu-west-1", "KEDROAWSLOCAL", ())
    return Connection("aws", "123456789012", "eu-west-1", "aws", binding=Binding("aws", "eu-west-1"))
real, session.connect = session.connect, connect
catalog = open_catalog(env="aws")
session.connect = real
open_catalog()
print(json.dumps([say(lambda: catalog.load("table")), say(lambda: catalog.load("query"))]))
"""
    with (small_project / "conf" / "base" / "catalog.yml").open("a", encoding="utf-8") as file:
        file.write("query: {type: kedro_aws_plugin.datasets.AthenaQueryDataset, query: SELECT 1}\n")
    (small_project / "conf" / "aws").mkdir()
    table, query = run(code, small_project)
    for said in (table, query):
        assert "This catalog was created for the real AWS, but a later Kedro session has switched" in said
        assert "Nothing was sent" in said


@pytest.mark.parametrize("named", [True, False], ids=["AwsConfigLoader", "Kedro's loader"])
def test_without_hooks_the_config_loader_chooses_or_athena_says_so(small_project: Path, named: bool) -> None:
    if named:
        (small_project / "src" / "small" / "settings.py").write_text(
            "from kedro_aws_plugin import AwsConfigLoader\n\nCONFIG_LOADER_CLASS = AwsConfigLoader\n"
        )
    with (small_project / "conf" / "base" / "catalog.yml").open("a", encoding="utf-8") as file:
        file.write("query: {type: kedro_aws_plugin.datasets.AthenaQueryDataset, query: SELECT 1 AS one}\n")
    code = """
catalog = open_catalog(hooks=False)
names = %s
print(json.dumps([say(lambda name=name: len(catalog.load(name))) for name in names]))
"""
    if named:
        assert run(code % ["table", "query"], small_project) == [4, 1]
    else:
        (query,) = run(code % ["query"], small_project)
        assert "created without the plugin's hooks, so nothing has chosen its AWS. Nothing was sent." in query


@pytest.mark.usefixtures("small_project")
def test_kedro_viz_gets_the_aws_from_the_command(
    local_aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("KEDRO_AWS_ATHENA", raising=False)
    hooks = VizHooks()
    hooks.before_command_run(None, ["viz", "run"])
    hooks.before_command_run(object(), ["viz", "--help"])
    hooks.before_command_run(object(), ["run"])
    assert "AWS_ENDPOINT_URL" not in os.environ
    hooks.before_command_run(object(), ["viz", "run", "--no-browser"])
    assert os.environ["AWS_ENDPOINT_URL"] == local_aws.endpoint_url
    assert json.loads(os.environ["KEDRO_AWS_ATHENA"])["local"] is True
    assert "(env local)" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        hooks.before_command_run(object(), ["viz", "build", "--env", "nowhere"])
    assert ended.value.code == 1
    assert "`nowhere`" in capsys.readouterr().err


def test_the_environment_of_a_command() -> None:
    assert find_env(["viz", "run", "--env", "aws"]) == "aws"
    assert find_env(["viz", "run", "--env=aws", "-a"]) == "aws"
    assert find_env(["viz", "run", "-e", "ci"]) == "ci"
    assert find_env(["viz", "run", "-eprod"]) == "prod"
    assert find_env(["viz", "run", "-ae", "ci"]) == "ci"
    assert find_env(["viz"]) is None


def test_a_configuration_without_the_projects_aws_yml_is_refused(small_project: Path) -> None:
    (small_project / "other" / "base").mkdir(parents=True)
    (small_project / "other" / "local").mkdir()
    code = """
bootstrap_project(Path.cwd())
session = KedroSession.create(Path.cwd(), conf_source=str(Path.cwd() / "other"))
print(json.dumps(say(session.load_context)))
"""
    said = run(code, small_project)
    assert said.startswith("ConfigError: ")
    assert "other has no base/aws.yml, so nothing chooses the AWS; the project has conf/base/aws.yml." in said
