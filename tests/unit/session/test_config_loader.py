"""The config loader for code that reads a project's configuration without a session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

import local_aws
from kedro_aws_plugin import AwsConfigLoader
from kedro_aws_plugin.config.dynamic_globals import GlobalValue
from kedro_aws_plugin.config.globals import Global
from kedro_aws_plugin.config.injection import get_globals
from kedro_aws_plugin.config.loader import inject_globals
from kedro_aws_plugin.errors import ConfigError, KedroAwsError
from kedro_aws_plugin.project import workflow
from kedro_aws_plugin.run import git
from kedro_aws_plugin.session.connection import Connection
from kedro_aws_plugin.session.global_resolver import GlobalResolver
from kedro_aws_plugin.session.session import Session

AWS = "region: eu-west-1\nbucket: flights\n"
Make = Callable[..., AwsConfigLoader]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A loader of a configuration with a name of its own. The local AWS of its catalog is stopped."""

    def made(name: str, text: str = f"{AWS}globals: {{commit: git_sha}}\n") -> AwsConfigLoader:
        conf = tmp_path / name / "conf"
        for env in ("base", "local"):
            (conf / env).mkdir(parents=True)
        (conf / "base/aws.yml").write_text(text, encoding="utf-8")
        (conf / "base/globals.yml").write_text(f"name: {name}\n", encoding="utf-8")
        (conf / "base/parameters.yml").write_text("name: ${globals:name}\n", encoding="utf-8")
        (conf / "base/catalog.yml").write_text("x: {filepath: '${globals:commit}'}\n", encoding="utf-8")
        return AwsConfigLoader(str(conf), base_env="base", default_run_env="local")

    yield made
    for state_dir in tmp_path.glob("*/.kedro-aws"):
        local_aws.stop(state_dir)


def test_each_of_two_loaders_knows_its_own_globals(make: Make) -> None:
    one, two = make("one"), make("two")
    assert [each["parameters"]["name"] for each in (one, two, one)] == ["one", "two", "one"]


def test_a_catalog_that_is_only_shown_is_neither_bound_nor_connected(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = "x: {type: pandas.CSVDataset, filepath: 's3://flights/x.csv'}\n"
    loader = make("one", AWS)
    (tmp_path / "one/conf/base/catalog.yml").write_text(entry, encoding="utf-8")
    shown = Session.of(loader, tmp_path / "one", "flights", tmp_path / "one/conf")
    monkeypatch.setattr(workflow, "make_loader", lambda *_: (loader, tmp_path / "one/conf"))
    assert "credentials" not in workflow._read_catalog(shown)["x"]


def test_a_session_puts_nothing_in_a_second_time(make: Make, tmp_path: Path) -> None:
    loader = make("one")
    before = get_globals(loader)
    assert inject_globals(loader, tmp_path / "one" / "conf") is before
    session = Session.of(loader, tmp_path, "flights", tmp_path / "one" / "conf")
    assert session.globals is before
    assert Session.of(loader, tmp_path, "flights", tmp_path / "one" / "conf") is session


def test_a_project_without_aws_yml_is_like_any_other(make: Make) -> None:
    loader = make("one", "")
    assert get_globals(loader) is None
    assert loader["parameters"] == {"name": "one"}


def test_it_takes_what_kedros_own_loader_takes(make: Make, tmp_path: Path) -> None:
    make("one")
    conf = tmp_path / "one" / "conf"
    (conf / "prod").mkdir()
    (conf / "prod/parameters.yml").write_text("env: prod\n", encoding="utf-8")
    loader = AwsConfigLoader(str(conf), "prod", {"given": 1}, base_env="base", default_run_env="local")
    assert loader["parameters"] == {"name": "one", "env": "prod", "given": 1}


def test_a_globals_yml_that_refers_to_what_comes_after_it_is_refused(make: Make, tmp_path: Path) -> None:
    make("one")
    conf = tmp_path / "one" / "conf"
    (conf / "local/globals.yml").write_text("day: x/${globals:commit}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        AwsConfigLoader(str(conf), base_env="base", default_run_env="local")
    assert refused.value.message == (
        "conf/local/globals.yml: `day` refers to a `${globals:...}`, and Kedro resolves this file before "
        "there are any globals. Move it to `globals:` in aws.yml."
    )


def test_a_wrong_section_is_refused_in_one_sentence(make: Make) -> None:
    with pytest.raises(
        ConfigError, match=r"^conf/base/aws\.yml: `globals\.a`: `tody` is not something that can be comp"
    ):
        make("one", f"{AWS}globals: {{a: tody}}\n")


def test_the_commit_is_that_of_the_project(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = make("one")
    monkeypatch.setattr(git, "read_git_state", lambda project: (f"commit of {project.name}", False))
    assert loader["catalog"]["x"]["filepath"] == "commit of one"


def test_without_a_commit_it_says_what_to_do(make: Make, tmp_path: Path) -> None:
    loader = make("one")
    with pytest.raises(KedroAwsError) as refused:
        loader["catalog"]
    assert refused.value.format_message() == (
        f"`globals.commit`: {tmp_path / 'one'} is not a git checkout with a commit. Give the commit with "
        "`--params globals.<name>=...`, or take it from an `env:`."
    )


def never() -> Connection:
    """Stands for an AWS that must not be asked."""
    raise AssertionError("asked")


@pytest.mark.parametrize("spec", [{"ssm": {"name": "/a"}}, {"secret": {"id": "a"}}], ids=["ssm", "secret"])
def test_kedro_catalog_does_not_even_ask_for_what_it_would_print(spec: object, tmp_path: Path) -> None:
    answers = GlobalResolver(tmp_path, never)
    group = click.Group("catalog")
    with click.Context(click.Group("kedro"), info_name="kedro") as kedro:
        catalog = click.Context(group, info_name="catalog", parent=kedro)
        with click.Context(click.Command("list"), info_name="list", parent=catalog):
            assert answers(Global.model_validate(spec)) == GlobalValue("***", is_secret=True)
    with pytest.raises(AssertionError, match="asked"):
        answers(Global.model_validate(spec))


def test_an_inspection_does_not_even_ask_for_what_it_would_show(tmp_path: Path) -> None:
    inspection = {"__name__": "kedro.inspection.snapshot"}
    exec("def snapshot(ask, spec): return ask(spec)", inspection)
    spec = Global.model_validate({"secret": {"id": "a"}})
    assert inspection["snapshot"](GlobalResolver(tmp_path, never), spec) == GlobalValue("***", is_secret=True)  # type: ignore[operator]


def test_the_account_that_connecting_found_is_not_asked_for_again(tmp_path: Path) -> None:
    connection = Connection(target="aws", account="210987654321", region="eu-west-1", env="aws")
    answers = GlobalResolver(tmp_path, lambda: connection)
    assert answers(Global(fact="account_id")) == GlobalValue("210987654321")
