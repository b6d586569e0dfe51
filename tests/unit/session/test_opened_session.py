"""A project is opened once, and the hooks say which AWS is in force when that is news."""

from pathlib import Path

import click
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework import startup

from kedro_aws_plugin.aws.guard import Rule, set_rule
from kedro_aws_plugin.config import Project
from kedro_aws_plugin.errors import ConfigError, ProjectError
from kedro_aws_plugin.hooks import AwsHooks
from kedro_aws_plugin.session import session as module
from kedro_aws_plugin.session.connection import Connection
from kedro_aws_plugin.session.session import Session

LOCAL = {"target": "local", "account": "123456789012", "region": "eu-west-1", "env": "local"}
URL = "http://127.0.0.1:41234"
LINE = "local AWS at http://127.0.0.1:41234, account 123456789012, eu-west-1 (env local)"
HERE = Connection(**LOCAL, url=URL)  # type: ignore[arg-type]
STARTED = Connection(**LOCAL, url=URL, note=": started")  # type: ignore[arg-type]
REAL = Connection(target="aws", account="999999999999", region="us-east-1", env="prod")


def make_session(folder: Path, text: str = "region: eu-west-1\nbucket: flights\n") -> Session:
    conf = folder / "conf"
    for env in ("base", "local"):
        (conf / env).mkdir(parents=True)
    if text:
        (conf / "base/aws.yml").write_text(text, encoding="utf-8")
    loader = OmegaConfigLoader(str(conf), base_env="base", default_run_env="local")
    return Session.of(loader, folder, "flights", conf)


def test_it_belongs_to_its_config_loader(tmp_path: Path) -> None:
    session = make_session(tmp_path)
    assert Session.of(session.loader, tmp_path, "flights", session.conf) is session
    assert session.config.bucket == "flights"
    assert session.config is session.config
    assert (session.project.path, session.project.package) == (tmp_path, "flights")


def test_without_aws_yml_there_is_no_configuration_and_a_sentence(tmp_path: Path) -> None:
    session = make_session(tmp_path, "")
    assert (session.optional_config, session.globals) == (None, None)
    with pytest.raises(ConfigError, match=r"^conf/base/aws\.yml is missing\. Create it with two lines"):
        _ = session.config


def test_it_connects_once_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(module, "connect", lambda project: asked.append(project) or STARTED)
    session = make_session(tmp_path)
    told: list[Connection] = []
    assert [session.connect(), session.connect(told.append)] == [STARTED, STARTED]
    assert capsys.readouterr() == ("", f"{LINE}: started\n")
    assert told == []
    assert asked == [session.project]


def test_it_returns_to_its_aws_after_another_session_has_chosen_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(project: Project) -> Connection:
        chosen.append(project.config.bucket)
        set_rule(Rule("local", f"http://127.0.0.1/{project.config.bucket}"))
        return HERE

    chosen: list[str] = []
    monkeypatch.setattr(module, "connect", choose)
    mine = make_session(tmp_path / "mine", "region: eu-west-1\nbucket: mine\n")
    other = make_session(tmp_path / "other", "region: eu-west-1\nbucket: other\n")
    for session in (mine, mine, other, mine, other):
        session.return_to_its_aws()
    assert chosen == ["mine", "other", "mine", "other"]


def test_a_global_that_needs_aws_connects_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "connect", lambda _: STARTED)
    session = make_session(tmp_path, "region: eu-west-1\nbucket: flights\nglobals: {account: account_id}\n")
    (session.conf / "base/parameters.yml").write_text("owner: ${globals:account}\n", encoding="utf-8")
    assert capsys.readouterr().err == ""
    assert session.loader["parameters"] == {"owner": "123456789012"}
    assert capsys.readouterr().err == f"{LINE}: started\n"


def test_who_connects_may_announce_it_in_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "connect", lambda _: STARTED)
    told: list[Connection] = []
    make_session(tmp_path).connect(told.append)
    assert told == [STARTED]
    assert capsys.readouterr() == ("", "")


def test_it_opens_the_project_around_the_current_folder(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session.open()
    assert (session.path, session.conf) == (shell.parent, shell)
    assert (session.project.package, session.config.bucket) == ("tiny_parameters", "tiny")
    assert (session.config.env, session.loader["parameters"]["a"]) == ("local", "base")
    assert Session.open("prod").config.target == "aws"
    monkeypatch.setenv("KEDRO_ENV", "prod")
    assert Session.open().loader["parameters"]["a"] == "prod"
    assert Session.open("local").config.target == "local"


def test_the_settings_that_kedro_has_loaded_for_a_command_are_not_loaded_again(
    shell: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded = startup.bootstrap_project(shell.parent)
    again: list[Path] = []
    monkeypatch.setattr(startup, "bootstrap_project", lambda path: again.append(path) or loaded)
    with click.Context(click.Command("status"), obj=loaded):
        assert Session.open().project.package == "tiny_parameters"
        assert again == []
    other = loaded._replace(project_path=tmp_path / "other")
    with click.Context(click.Command("status"), obj=other):
        Session.open()
    assert again == [shell.parent]


@pytest.mark.usefixtures("shell")
def test_it_is_opened_with_what_params_of_a_run_give() -> None:
    given = {"a": "given", "globals": {"day": "some day"}}
    found = Session.open(params=given).loader["parameters"]
    assert (found["a"], found["day"]) == ("given", "some day")


def test_outside_of_a_project_it_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError) as lost:
        Session.open()
    assert lost.value.message == (
        f"{tmp_path} is not inside a Kedro project. "
        "Change to one, or make one: kedro new --starter=aws-spaceflights"
    )


@pytest.mark.parametrize(("env", "folder"), [("prod", "prod"), (None, "local"), ("prod", "base")])
def test_a_globals_yml_that_refers_to_a_global_is_named(shell: Path, env: str | None, folder: str) -> None:
    (shell / folder / "globals.yml").write_text("month: ${globals:day}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"^conf/{folder}/globals\.yml: `month` refers to a"):
        Session.open(env)


def test_the_hooks_repeat_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    hooks = AwsHooks()
    for connection in (STARTED, HERE, STARTED, REAL, REAL, HERE):
        hooks._announce(connection)
    assert capsys.readouterr().err.splitlines() == [
        f"{LINE}: started",
        f"{LINE}: started",
        "AWS, account 999999999999, us-east-1 (env prod)",
        LINE,
    ]
