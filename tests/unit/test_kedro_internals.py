"""Kedro's and OmegaConf's private names: a test for each one that the plugin relies on."""

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project
from kedro.io import CachedDataset
from kedro.io.core import Version
from kedro_datasets.pandas import CSVDataset
from kedro_datasets.pickle import PickleDataset
from omegaconf import OmegaConf

from kedro_aws_plugin import kedro_internals as internals
from kedro_aws_plugin.kedro_internals import parse_params

PYPROJECT = '[tool.kedro]\npackage_name = "inner"\nproject_name = "Inner"\nkedro_init_version = "1.4.0"\n'


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    folder = tmp_path / "conf"
    for env in ("base", "local"):
        (folder / env).mkdir(parents=True)
    (folder / "base/globals.yml").write_text("name: base\nnested: {depth: 3}\n", encoding="utf-8")
    (folder / "base/aws.yml").write_text("a: 1\n", encoding="utf-8")
    (folder / "local/aws.yml").write_text("b: 2\n", encoding="utf-8")
    (folder / "local/aws.txt").write_text("no", encoding="utf-8")
    return folder


def make_loader(source: Path) -> OmegaConfigLoader:
    return OmegaConfigLoader(str(source), base_env="base", default_run_env="local")


@pytest.mark.parametrize("module", ["hooks", "cli"])
def test_a_warning_that_users_cannot_prevent_is_not_printed(conf: Path, module: str) -> None:
    code = (
        f"import kedro_aws_plugin.{module}\nfrom kedro.config import OmegaConfigLoader\n"
        f"assert OmegaConfigLoader({str(conf)!r}, base_env='base', default_run_env='local')['globals']\n"
        "import warnings\nwarnings.warn('another')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True
    )
    printed = done.stdout + done.stderr  # Kedro may have sent warnings to its log
    assert "register_new_resolver" not in printed
    assert "another" in printed


def test_a_run_s_id_is_its_session_s(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kedro.framework.session import KedroSession

    found: list[str | None] = []

    class Loader(OmegaConfigLoader):
        def __init__(self, *args: Any, **options: Any) -> None:
            found.append(internals.find_run_id())
            super().__init__(*args, **options)

    session = object.__new__(KedroSession)
    session.session_id, session._conf_source, session._store = "the id", str(conf), {}  # type: ignore[assignment]
    monkeypatch.setattr("kedro.framework.session.session.settings.CONFIG_LOADER_CLASS", Loader, raising=False)
    session._get_config_loader()
    assert found == ["the id"]
    assert internals.find_run_id() is None


def test_a_service_session_s_run_has_an_id_of_its_own() -> None:
    from kedro.framework.session import KedroServiceSession

    def run(self: object, run_id: str) -> str | None:  # noqa: ARG001 - looked at from further down
        return internals.find_run_id_above(sys._getframe())

    session = object.__new__(KedroServiceSession)
    session.session_id = "the session's"
    assert run(session, "the run's") == "the run's"


def test_an_inspection_is_recognised() -> None:
    assert not internals.is_inspecting()
    inspection: dict[str, Any] = {"__name__": "kedro.inspection.snapshot"}
    exec("def call(function): return function()", inspection)
    assert inspection["call"](internals.is_inspecting)
    import kedro.inspection

    assert kedro.inspection.__name__ == "kedro.inspection"


def test_a_context_is_loaded_with_the_loader_that_is_there(
    tmp_path: Path, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (tmp_path / "src/inner").mkdir(parents=True)
    (tmp_path / "src/inner/__init__.py").touch()
    (tmp_path / "src/inner/settings.py").touch()
    (tmp_path / "conf/base/aws.yml").unlink()
    (tmp_path / "conf/local/aws.yml").unlink()
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    configure_project("inner")
    loader = make_loader(conf)
    context = internals.load_context(tmp_path, None, loader)
    assert context.config_loader is loader
    assert context.project_path == tmp_path


def test_params_are_parsed_as_kedro_run_does() -> None:
    import click

    @click.command()
    @click.option("--params", callback=parse_params, default="")
    def show(params: dict[str, Any]) -> None:
        click.echo(repr(params))

    shown = CliRunner().invoke(show, ["--params", "globals.day=2026-11-21,depth=3"])
    assert shown.output == "{'globals': {'day': '2026-11-21'}, 'depth': 3}\n"


def test_globals_are_resolved_and_forgotten(conf: Path) -> None:
    loader = make_loader(conf)
    assert internals.can_resolve_globals(loader)
    assert internals.resolve_global(loader, "nested.depth") == 3
    assert internals.resolve_global(loader, "missing", "default") == "default"
    loader["globals"] = {"name": "later"}
    assert internals.resolve_global(loader, "name") == "base"
    internals.forget_resolved_globals(loader)
    assert internals.resolve_global(loader, "name") == "later"


def test_a_globals_yml_that_refers_to_a_global_is_recognised(conf: Path) -> None:
    (conf / "base/globals.yml").write_text("day: ${globals:other}\n", encoding="utf-8")
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the type is OmegaConf's own affair
        make_loader(conf)
    assert internals.is_unfinished_loader(raised.value)
    assert not internals.is_unfinished_loader(ValueError("another"))


def test_resolvers_are_kept() -> None:
    OmegaConf.register_new_resolver("kept", lambda: "before", replace=True)
    with internals.keep_resolvers():
        OmegaConf.register_new_resolver("kept", lambda: "within", replace=True)
        OmegaConf.register_new_resolver("other", lambda: "within", replace=True)
    assert OmegaConf.create({"a": "${kept:}"}).a == "before"
    assert not OmegaConf.has_resolver("other")
    OmegaConf.clear_resolver("kept")


def test_files_are_read_from_a_folder_and_from_an_archive(conf: Path, tmp_path: Path) -> None:
    archive = tmp_path / "conf.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(conf, arcname="conf")
    for source in (conf, archive):
        loader = make_loader(source)
        assert internals.has_files(loader)
        for env, text in (("base", b"a: 1\n"), ("local", b"b: 2\n")):
            assert list(internals.read_files(loader, env, ("aws*",), (".yml",))) == [text], source


def test_what_datasets_are(tmp_path: Path) -> None:
    pickle = PickleDataset(filepath=str(tmp_path / "model.pkl"), version=Version(None, "1"))
    table = CSVDataset(filepath=str(tmp_path / "table.csv"))
    assert internals.unwrap(CachedDataset(pickle)) is pickle
    assert internals.unwrap(table) is table
    assert [internals.is_pickle(each) for each in (pickle, table)] == [True, False]
    assert [internals.is_versioned(each) for each in (pickle, table)] == [True, False]
    assert not internals.loads_spark_frames(table)
    assert internals.find_versioned_path(pickle, "2") == f"{tmp_path}/model.pkl/2/model.pkl"
    assert "file" in internals.find_file_system(pickle).protocol


def test_frames_of_spark_s_are_recognised() -> None:
    ibis = type("TableDataset", (), {"_engine": "spark"})()
    spark = type("SparkDatasetV2", (), {"__module__": "kedro_datasets.spark.spark_dataset"})()
    assert internals.loads_spark_frames(ibis)
    assert internals.loads_spark_frames(spark)
