"""The starters' files for Docker, without Docker: what hadolint and Compose itself say of them."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_cookies.plugin import Cookies

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the tools are installed on Linux alone")


@pytest.fixture(scope="module", params=["aws-spaceflights", "aws-pyspark-iris"])
def project(request: pytest.FixtureRequest, cookies_session: Cookies, starter: Path) -> Path:
    inputs = {"project_name": "My Flights"}
    baked = cookies_session.bake(extra_context=inputs, template=str(starter.with_name(request.param)))
    assert baked.exception is None
    return baked.project_path


def read_compose(project: Path, **variables: str) -> dict[str, Any]:
    """Let Compose read compose.yaml, and return its only service."""
    found = find_spec("compose")
    assert found is not None
    assert found.origin is not None
    compose = str(Path(found.origin).with_name("docker-compose"))
    command = [compose, "--env-file", os.devnull, "config", "--format", "json"]
    read = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert read.stderr == ""
    services = json.loads(read.stdout)["services"]
    assert list(services) == ["kedro"]
    return services["kedro"]


@linux_only
def test_hadolint_finds_nothing(project: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    linted = subprocess.run(
        [hadolint, "Dockerfile"], cwd=project, capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")


@linux_only
def test_compose_reads_it_and_publishes_on_this_computer_alone(project: Path) -> None:
    service = read_compose(project)
    assert service["image"] == "my-flights"
    assert service["build"]["args"] == {
        "BASE_IMAGE": "python:3.12-slim-bookworm",
        "UID": "1000",
        "GID": "1000",
    }
    published = [(port["host_ip"], port["published"], port["target"]) for port in service["ports"]]
    assert published == [("127.0.0.1", "8888", 8888), ("127.0.0.1", "4141", 4141)]
    assert service["environment"]["JUPYTER_TOKEN"] == ""


@linux_only
def test_what_the_local_aws_holds_is_in_a_volume(project: Path) -> None:
    volumes = {volume["target"]: volume for volume in read_compose(project)["volumes"]}
    assert (volumes["/project"]["type"], volumes["/project"]["source"]) == ("bind", str(project))
    assert volumes["/state"]["type"] == "volume"
    assert ("/jars" in volumes) == ((project / "conf/base/spark.yml").is_file())
    assert "KEDRO_AWS_STATE_DIR=/state/" in (project / "Dockerfile").read_text()


@linux_only
def test_variables_choose_ports_owner_and_base(project: Path) -> None:
    chosen = {
        "LAB_PORT": "9000",
        "VIZ_PORT": "9001",
        "HOST_UID": "501",
        "HOST_GID": "20",
        "BASE_IMAGE": "mine",
    }
    service = read_compose(project, **chosen)
    assert service["build"]["args"] == {"BASE_IMAGE": "mine", "UID": "501", "GID": "20"}
    assert [port["published"] for port in service["ports"]] == ["9000", "9001"]
    assert "127.0.0.1:9000" in service["environment"]["LAB_URL"]
    assert "127.0.0.1:9001" in service["environment"]["VIZ_URL"]


@linux_only
def test_the_script_of_the_container_is_bash(project: Path) -> None:
    shell, _, script, name = read_compose(project)["entrypoint"]
    assert (shell, name) == ("bash", "kedro")
    assert subprocess.run(["bash", "-n", "-c", script.replace("$$", "$")], check=False).returncode == 0


def test_the_image_and_the_devcontainer_name_the_same_user_and_folder(project: Path) -> None:
    described = json.loads((project / ".devcontainer/devcontainer.json").read_text())
    services = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    dockerfile = (project / "Dockerfile").read_text()
    assert (project / ".devcontainer" / described["dockerComposeFile"]).resolve() == project / "compose.yaml"
    assert described["service"] in services
    assert f"USER {described['remoteUser']}\nWORKDIR {described['workspaceFolder']}\n" in dockerfile
    assert described["overrideCommand"] is False


def test_the_notebook_is_clean_and_names_the_kernel_that_kedro_makes(project: Path) -> None:
    notebook = json.loads((project / "notebooks/explore.ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) == 2
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert notebook["metadata"]["kernelspec"]["name"] == "kedro_my_flights"
    catalog = yaml.safe_load((project / "conf/base/catalog.yml").read_text())
    loaded = re.findall(r'catalog\.load\("(.*?)"\)', json.dumps(code).replace("\\", ""))
    assert len(loaded) == 2
    assert set(loaded) <= set(catalog)


def test_no_code_no_data_and_no_credential_is_sent_to_the_build(project: Path) -> None:
    ignored = (project / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert ignored[2:] == ["!pyproject.toml", "!requirements.lock", "!image/*.crt", "!image/*.whl"]


@linux_only
def test_a_build_that_cannot_install_says_what_to_do_about_a_private_ca(
    project: Path, tmp_path: Path
) -> None:
    built = build_without_docker(project, tmp_path, "echo CERTIFICATE_VERIFY_FAILED >&2; exit 7")
    assert built.returncode == 7
    said = " ".join(built.stdout.split())
    assert (
        "If it is CERTIFICATE_VERIFY_FAILED or UnknownIssuer, copy the certificate of your CA to "
        "image/NAME.crt." in said
    )


@linux_only
@pytest.mark.parametrize("locked", [True, False])
def test_a_build_installs_the_lock_file_if_there_is_one_and_every_wheel(
    project: Path, tmp_path: Path, locked: bool
) -> None:
    (tmp_path / "ours.whl").touch()
    if locked:
        (tmp_path / "requirements.lock").touch()
    built = build_without_docker(project, tmp_path, "exit 0")
    assert built.returncode == 0, built.stderr
    [installed] = [line for line in built.stdout.splitlines() if line.startswith("uv pip install")]
    named = "-r requirements.lock" if locked else "-r pyproject.toml --extra dev --extra lab"
    assert installed.endswith(f" --compile-bytecode {named} ./ours.whl")
    assert not (tmp_path / "uv").exists()


def build_without_docker(project: Path, folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    """Run the build's script in a folder, with another Python; uv prints its arguments, pip does nothing."""
    dockerfile = (project / "Dockerfile").read_text()
    script = re.findall(r"^RUN (trap .*?[^\\])$", dockerfile, re.MULTILINE | re.DOTALL)[0]
    tools = folder / "uv" / "bin"
    tools.mkdir(parents=True)
    for path, does in (
        (folder / "python3", python),
        (tools / "pip", "exit 0"),
        (tools / "uv", 'echo "uv $*"'),
    ):
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o755)
    return subprocess.run(
        ["sh", "-c", script.replace("\\\n", "").replace("/tmp/uv", str(folder / "uv"))],
        cwd=folder,
        env={"PATH": f"{folder}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system has no uids")
@pytest.mark.parametrize(("uid", "written"), [(1000, None), (1234, "HOST_UID=1234\nHOST_GID=20\n")])
def test_the_owner_is_written_down_where_the_image_has_another(
    starter: Path, tmp_path: Path, uid: int, written: str | None
) -> None:
    """The hook in a process that is told another uid, since only root could have one."""
    hook = starter / "hooks" / "post_gen_project.py"
    code = (
        f"import os, runpy; os.getuid = lambda: {uid}; os.getgid = lambda: 20; runpy.run_path({str(hook)!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    env = tmp_path / ".env"
    assert (env.read_text() if env.exists() else None) == written
