"""The run's parameters outside of nodes: names, types, which run, and where there is none."""

import copy
import datetime
import json
import pickle
from pathlib import Path
from typing import Any

import click
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework import project
from omegaconf.basecontainer import BaseContainer
from run_in_force import VALUES, begin

from kedro_aws_plugin import parameters
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.run.state import RunState
from kedro_aws_plugin.session.parameters import ParameterError, publish

pytestmark = pytest.mark.usefixtures("no_run")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("depth", 3),
        ("partitions.dotted.name", 1),
        ("partitions.parsed", "the name with a dot"),
        ("get", "shadows a method"),
        ("by_year.2026.rows", 5),
        ("nothing", None),
    ],
)
def test_a_parameter_is_found_by_its_name_or_the_names_on_the_way(key: str, value: Any) -> None:
    begin(VALUES)
    assert parameters[key] == value
    assert key in parameters


def test_it_is_a_mapping_of_all_of_them() -> None:
    begin(VALUES)
    assert dict(parameters) == VALUES
    assert len(parameters) == len(VALUES)
    assert parameters.get("depht", 7) == 7
    assert parameters.get("get") == "shadows a method"


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (
            "partitions.parse",
            "There is no parameter `partitions.parse`; did you mean `partitions.parsed`? Add it to "
            "parameters.yml, or give --params partitions.parse=...",
        ),
        (
            "depth.more",
            "There is no parameter `depth.more`; did you mean `depth`? Add it to parameters.yml, or give "
            "--params depth.more=...",
        ),
        (
            "tree.leaf.edg",
            "There is no parameter `tree.leaf.edg`; did you mean `tree.leaf.edge`? Add it to parameters.yml, "
            "or give --params tree.leaf.edg=...",
        ),
        ("x", "There is no parameter `x`. Add it to parameters.yml, or give --params x=..."),
    ],
)
def test_a_missing_one_is_named_with_the_nearest(key: str, sentence: str) -> None:
    begin(VALUES)
    with pytest.raises(ParameterError) as missing:
        parameters[key]
    assert missing.value.message == sentence
    assert str(missing.value) == sentence
    assert isinstance(missing.value, KeyError | ProjectError)


def test_typed_access_converts_as_pydantic_does() -> None:
    begin(VALUES)
    assert parameters.typed("depth", int) == 3
    assert parameters.typed("depth", float) == 3.0
    assert parameters.typed("cutoff", datetime.date) == datetime.date(2026, 11, 21)
    assert parameters.typed("by_year", dict[int, dict[str, int]]) == {2026: {"rows": 5}}


def test_another_type_is_refused_without_showing_the_value() -> None:
    begin({"password": "hunter2", "columns": ["a", {}]})
    with pytest.raises(ParameterError) as wrong:
        parameters.typed("password", int)
    assert wrong.value.message == (
        "The parameter `password` is not an int: input should be a valid integer, unable to parse string as "
        "an integer. Correct it in parameters.yml, or in --params."
    )
    with pytest.raises(
        ParameterError, match=r"^The parameter `columns.1` is not a list\[str\]: input should be"
    ):
        parameters.typed("columns", list[str])
    assert repr(parameters) == "<parameters: password, columns>"


def test_nothing_can_be_changed_and_copies_can() -> None:
    begin({"a": {"b": [1, {"c": 2}]}})
    for change in (
        lambda: parameters["a"].update(b=2),
        lambda: parameters["a"]["b"].append(3),
        parameters["a"]["b"].sort,
        lambda: parameters["a"]["b"][1].pop("c"),
        lambda: parameters["a"].__setitem__("b", 1),
        lambda: parameters["a"].__ior__({}),
    ):
        with pytest.raises(TypeError, match=r"^Parameters are read-only\. Make a copy that may be changed"):
            change()
    with pytest.raises(TypeError):
        parameters["a"] = 1  # type: ignore[index]
    own = copy.deepcopy(parameters["a"])
    own["b"].append(3)
    assert parameters["a"] == {"b": [1, {"c": 2}]}


def test_what_is_read_only_is_a_dictionary_and_a_list_to_everybody_else() -> None:
    begin({"a": {"b": [1, 2]}})
    found = parameters["a"]
    assert json.dumps(found) == '{"b": [1, 2]}'
    again = pickle.loads(pickle.dumps(found))
    assert (again, type(again), type(again["b"])) == (found, type(found), type(found["b"]))


class Loader(OmegaConfigLoader):
    """Counts how often the parameters are parsed."""

    parsed = 0

    def __getitem__(self, key: str) -> Any:
        if key == "parameters" and key not in self:
            self.parsed += 1
        return super().__getitem__(key)


def test_what_a_module_reads_first_kedro_need_not_parse_again(conf: Path) -> None:
    loader = Loader(str(conf), base_env="base", default_run_env="local", runtime_params={"a": "given"})
    loader["globals"] = {"day": "d"}
    publish(loader, "run")
    state = run_state.find_run()
    assert state is not None
    assert (state.run_id, loader.parsed, "parameters" in loader) == ("run", 0, False)
    assert parameters["a"] == "given"
    kedros = loader["parameters"]
    kedros["a"] = "changed by a hook"
    assert (loader.parsed, parameters["a"]) == (1, "given")


def test_what_kedro_reads_first_is_not_parsed_again(conf: Path) -> None:
    loader = Loader(str(conf), base_env="base", default_run_env="local")
    publish(loader, "run")
    state = run_state.find_run()
    assert state is not None
    state.offer({"a": "validated", "nested": {"b": [1]}})
    assert (parameters["a"], loader.parsed) == ("validated", 0)


def test_objects_that_kedro_made_of_parameters_are_read_again_as_they_are_written(conf: Path) -> None:
    loader = Loader(str(conf), base_env="base", default_run_env="local")
    loader["globals"] = {"day": "d"}
    publish(loader, "run")
    state = run_state.find_run()
    assert state is not None
    state.offer({"a": Path("a model")})
    assert parameters["a"] == "base"


def test_without_files_they_are_those_of_params(tmp_path: Path) -> None:
    for env in ("base", "local"):
        (tmp_path / env).mkdir()
    loader = Loader(
        str(tmp_path), base_env="base", default_run_env="local", runtime_params={"a": {"b": "given"}}
    )
    publish(loader, "run")
    assert (parameters["a.b"], "parameters" in loader) == ("given", False)


def test_without_a_run_they_are_those_of_the_project_around(
    shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Loader(str(shell), base_env="base", default_run_env="local")
    resolvers = dict(BaseContainer._resolvers)
    assert parameters["a"] == "base"
    assert project.PACKAGE_NAME == "tiny_parameters"
    assert len(parameters["day"]) == len("2026-11-21")
    assert dict(BaseContainer._resolvers) == resolvers
    own["globals"] = {"day": "still its own"}
    assert own["parameters"]["day"] == "still its own"
    monkeypatch.setenv("KEDRO_ENV", "prod")
    assert parameters["a"] == "prod"


@pytest.mark.usefixtures("shell")
def test_a_command_without_a_session_may_name_the_environment() -> None:
    command = click.Command("list", params=[click.Option(["--env"])])
    with command.make_context("list", ["--env", "prod"]):
        assert parameters["a"] == "prod"


def test_outside_of_a_project_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError) as lost:
        parameters["a"]
    assert lost.value.message == (
        f"There are no parameters here: no Kedro run is in progress, and {tmp_path} is not inside a Kedro "
        "project. Read them within a node, or change to the project's folder."
    )


def test_what_they_are_computed_with_cannot_read_them() -> None:
    run_state.publish(RunState("run", lambda: {"a": parameters["b"]}))
    with pytest.raises(ProjectError, match=r"^Code that computes the parameters also reads them"):
        parameters["a"]
