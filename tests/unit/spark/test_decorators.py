"""What a decorator refuses, and what it leaves of a node; no Java."""

import inspect
import pickle
from contextvars import ContextVar
from typing import Any

import pytest
from kedro.pipeline import node

from kedro_aws_plugin.errors import ProjectError, SparkError
from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.spark.decorators import cached, coalesce_to, repartition_by


@cached
@coalesce_to(2)
@repartition_by(4, "species")
def parse(iris: Any, petals: int = 3) -> Any:
    """Parse flowers."""
    return iris if petals == 3 else None


def test_a_node_keeps_its_name_docstring_and_signature() -> None:
    assert (parse.__name__, parse.__doc__) == ("parse", "Parse flowers.")
    assert str(inspect.signature(parse, follow_wrapped=False)) == "(iris: Any, petals: int = 3) -> Any"
    assert pickle.loads(pickle.dumps(parse)) is parse


def test_kedro_checks_its_inputs_as_before() -> None:
    assert node(parse, ["iris", "params:petals"], "parsed")._func_name == "parse"
    with pytest.raises(TypeError, match="parse"):
        node(parse, ["iris", "petals", "one_too_many"], "parsed")


@pytest.mark.parametrize("by", [(), ("species", 4), (4, 5), (None,), (1.5,), (["species"],)])
def test_what_frames_cannot_be_repartitioned_by(by: tuple[Any, ...]) -> None:
    with pytest.raises(
        SparkError, match="@repartition_by takes names of columns, a number of partitions, or"
    ):
        repartition_by(*by)


@pytest.mark.parametrize("number", [0, -1, True])
def test_numbers_of_partitions(number: int) -> None:
    for decorator in (repartition_by, coalesce_to):
        with pytest.raises(
            SparkError, match=f"@{decorator.__name__} takes a number of partitions from 1, not {number}"
        ):
            decorator(number)


@pytest.mark.parametrize("returned", ["2", ["a"]])
def test_coalesce_to_takes_a_number(returned: Any) -> None:
    with pytest.raises(SparkError, match="@coalesce_to takes a number of partitions from 1, not "):
        coalesce_to(returned)


@pytest.mark.parametrize(
    ("returned", "kind"), [(None, "NoneType"), ([1, 2], "list"), ({"a": 1}, "dict"), ("flowers", "str")]
)
def test_a_node_that_returns_no_frame(returned: Any, kind: str) -> None:
    with pytest.raises(
        SparkError, match=f"parse should return a Spark frame, .* it returned {kind}"
    ) as refused:
        parse(returned)
    assert "remove the decorator" in refused.value.message


class Frame:
    """Remembers by what it was repartitioned."""

    columns = ("species", "year")

    def repartition(self, *by: str | int) -> tuple[str | int, ...]:
        return by


@pytest.fixture
def parameters(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The run's parameters."""
    values: dict[str, Any] = {}
    monkeypatch.setattr(run_state, "_latest", run_state.RunState("now", lambda: {"partitions": values}))
    monkeypatch.setattr(run_state, "_here", ContextVar("here", default=None))
    return values


@pytest.mark.parametrize(
    ("by", "parsed", "wanted"),
    [
        (["params:partitions.parsed"], ["species", "year"], ("species", "year")),
        (["params:partitions.parsed"], [8, "species"], (8, "species")),
        (["params:partitions.parsed"], 8, (8,)),
        ([4, "params:partitions.parsed", "year"], "species", (4, "species", "year")),
    ],
)
def test_parameters_are_those_of_the_run(
    parameters: dict[str, Any], by: list[Any], parsed: Any, wanted: tuple[Any, ...]
) -> None:
    decorator = repartition_by(*by)
    parameters["parsed"] = parsed
    change = decorator.keywords["change"]  # type: ignore[attr-defined]
    assert change(Frame(), "it") == wanted


@pytest.mark.parametrize("parsed", [["species", 4], [], {"species": 1}, 0])
def test_parameters_by_which_nothing_can_be_parted(parameters: dict[str, Any], parsed: Any) -> None:
    change = repartition_by("params:partitions.parsed").keywords["change"]  # type: ignore[attr-defined]
    parameters["parsed"] = parsed
    with pytest.raises(SparkError, match="@repartition_by takes"):
        change(Frame(), "it")


def test_a_parameter_that_is_not_there(parameters: dict[str, Any]) -> None:
    parameters["parsed"] = "species"
    change = repartition_by("params:partitions.parse").keywords["change"]  # type: ignore[attr-defined]
    with pytest.raises(ProjectError, match=r"did you mean `partitions\.parsed`\?"):
        change(Frame(), "it")
