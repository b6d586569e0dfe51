import json
import os
import pickle
import sys
import textwrap
from decimal import Decimal
from importlib.metadata import version

import joblib
import pandas as pd
import pytest
from packaging.version import Version
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact import _check_child
from kedro_aws_plugin.model_artifact.archive import lay_out
from kedro_aws_plugin.model_artifact.check import Checked, Hidden, check_model
from kedro_aws_plugin.model_artifact.handlers import list_model_members
from kedro_aws_plugin.model_artifact.payload import draw_rows, is_same_answer

PREDICTS = "def predict_fn(data, model):\n    return data\n"

pytestmark = pytest.mark.slow


class Explosive:
    """Does something when it is unpickled."""

    def __init__(self, function, *arguments):
        self._does = (function, arguments)

    def __reduce__(self):
        return self._does


@pytest.fixture
def check(tmp_path):
    def run(
        model: bytes | object, *, handlers: str | None = None, sample: pd.DataFrame | None = None, **options
    ) -> Checked:
        file = tmp_path / "model.pickle"
        file.write_bytes(model if isinstance(model, bytes) else pickle.dumps(model))
        override = None
        if handlers is not None:
            override = tmp_path / "inference.py"
            override.write_text(textwrap.dedent(handlers))
        lay_out(list_model_members(file, override=override), tmp_path / "model")
        return check_model(tmp_path / "model", sample, **options)

    return run


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A project's package, importable here and in the child by way of PYTHONPATH, as Kedro sets it."""
    folder = tmp_path / "src" / "my_flights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "nodes.py").write_text(
        "class Doubler:\n    def predict(self, data):\n        return data * 2\n"
    )
    (folder.parent / "neighbour.py").write_text("")
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_flights"]:
        monkeypatch.delitem(sys.modules, name)  # a generated project of another test has the same name
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder.parent), os.environ.get("PYTHONPATH", "")]))
    import my_flights.nodes

    yield my_flights.nodes
    for name in ("my_flights", "my_flights.nodes"):
        sys.modules.pop(name, None)


def test_a_model_tells_its_task_and_columns_and_answers_the_sample(model, frame, check):
    table = frame.assign(price=1.0)
    checked = check(model, sample=table)
    assert checked.task == "regression"
    assert checked.signature["output"] == {"method": "predict"}
    types = {column["name"]: column["type"] for column in checked.signature["input"]["columns"]}
    assert types == {"engines": "float", "crew": "integer", "kind": "text", "certified": "boolean"}
    rows = draw_rows(frame, 5)
    assert checked.sample == rows.to_csv(index=False, lineterminator="\n").encode()
    assert checked.content_type == "application/json"
    expected = json.dumps({"predictions": model.predict(rows).tolist()}).encode()
    assert is_same_answer(expected, checked.response, checked.content_type)
    assert checked.warnings == ()


# scikit-learn 1.6 and 1.7 warn where 1.8 raises.
@pytest.mark.filterwarnings("ignore:The following error was raised:DeprecationWarning")
@pytest.mark.parametrize(
    ("estimator", "task"),
    [
        (LogisticRegression().fit([[0], [1]], ["a", "b"]), "binary_classification"),
        (LogisticRegression().fit([[0], [1], [2]], ["a", "b", "c"]), "multiclass_classification"),
        (make_pipeline(StandardScaler(), LinearRegression()), "regression"),
        (StandardScaler(), None),
        ({}, None),
    ],
    ids=repr,
)
def test_the_task_is_the_estimators(estimator, task):
    assert _check_child._find_task(estimator) == task


def test_a_model_of_joblibs_own_format_loads(tmp_path, check):
    fitted = LinearRegression().fit(pd.DataFrame({"x": [1.0, 2]}), [1, 2])
    joblib.dump(fitted, tmp_path / "model.joblib", compress=3)
    checked = check((tmp_path / "model.joblib").read_bytes())
    signature = {"version": 1, "input": None, "output": {"method": "predict"}}
    assert (checked.task, checked.signature, checked.warnings) == ("regression", signature, ())
    assert (checked.sample, checked.response, checked.content_type) == (None, None, None)


def test_what_model_code_prints_does_not_reach_the_report(check, capfd):
    handlers = """
        import os, sys
        print('{"task": "nonsense"}')
        def transform_fn(model, body, content_type, accept):
            print("more", file=sys.stderr); os.write(1, b"raw")
            return body.upper()
    """
    checked = check({}, handlers=handlers, sample=pd.DataFrame({"abc": ["d"]}))
    assert (checked.task, checked.response) == (None, b"ABC\nD\n")
    assert capfd.readouterr() == ("", "")


def test_the_projects_own_package_is_missing_as_in_the_container(package, check):
    with pytest.raises(
        ProjectError, match=r"own package `my_flights(\.nodes)?`, which the container does not have"
    ):
        check(package.Doubler(), hidden=Hidden("my_flights"))


@pytest.mark.usefixtures("package")
def test_its_neighbours_are_missing_too(check):
    with pytest.raises(ProjectError, match="module `neighbour`, which is not installed here"):
        check({}, handlers="import neighbour\ndef model_fn(d): ...", hidden=Hidden("my_flights"))


@pytest.mark.usefixtures("package")
def test_handlers_that_import_the_projects_package_are_refused(check):
    handlers = "import my_flights.nodes\ndef predict_fn(data, model): ..."
    with pytest.raises(ProjectError, match="own package `my_flights"):
        check({}, handlers=handlers, hidden=Hidden("my_flights"))


def test_a_package_that_the_container_installs_is_not_hidden(package, check):
    checked = check(package.Doubler(), hidden=Hidden("my_flights", ["My.Flights[x]>=1"]))
    assert checked.warnings == ()


def test_distributions_that_the_container_lacks_are_named_with_their_version(check):
    checked = check(Explosive(Version, "1.0"), handlers=PREDICTS)
    assert checked.warnings == (
        f'The model needs packaging, which the container lacks: add "packaging=={version("packaging")}" to'
        " registry.requirements.",
    )


ABSENT = b"\x80\x04\x8c\x0bno_such_lib\x8c\x05Model\x93."


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (ABSENT, "The model needs the module `no_such_lib`, which is not installed here. Install it"),
        (b"\x80\x04", "The model does not load: EOFError"),
        (b"not a pickle", "The model does not load: "),
        (
            b"\x80\x04\x8c\x08builtins\x8c\x06absent\x93.",
            "does not load: AttributeError: .*absent.*Save it again",
        ),
        (Explosive(sys.exit, "bye"), "The model does not load: SystemExit: bye"),
        (Explosive(os._exit, 7), "ended with code 7 and printed: nothing"),
    ],
)
def test_a_model_that_does_not_load_is_one_sentence(check, model, said):
    with pytest.raises(ProjectError, match=said) as caught:
        check(model)
    assert "\n" not in caught.value.message


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to die of")
def test_a_model_that_kills_its_process_is_one_sentence(check):
    handlers = "import os, signal\ndef model_fn(d): os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ProjectError, match="killed by signal 9; most often, memory ran out"):
        check({}, handlers=handlers)


def test_memory_that_runs_out_is_said(check):
    with pytest.raises(ProjectError, match="does not load: memory ran out"):
        check({}, handlers="def model_fn(d): bytearray(2 ** 62)")


def test_a_model_that_takes_too_long_is_given_up(check):
    with pytest.raises(ProjectError, match=r"within 1 s\. Make it smaller"):
        check({}, handlers="import time\ndef model_fn(d): time.sleep(60)", timeout=1)


@pytest.mark.parametrize(
    "model",
    [{"weights": [1, 2]}, make_pipeline(StandardScaler())],
    ids=["a dictionary", "only a transformer"],
)
def test_what_cannot_predict_is_refused_without_a_sample_too(check, model):
    with pytest.raises(ProjectError) as error:
        check(model)
    assert str(error.value) == (
        f"The model is a {type(model).__name__}, which has no method `predict`. Save the model itself in "
        "that entry, or write a predict_fn in the project's inference.py."
    )


def test_handlers_that_predict_by_themselves_need_no_method(check):
    assert check({"weight": 2}, handlers=PREDICTS).task is None


def test_a_sample_that_cannot_be_answered_is_one_sentence(model, check):
    with pytest.raises(ProjectError) as caught:
        check(model, sample=pd.DataFrame({"crew": [1]}))
    assert caught.value.message == (
        "The sample has no columns engines, kind, certified, which the model takes. Name the table that the"
        " model was fitted with in registry.sample of conf/base/aws.yml."
    )


def test_a_request_that_the_handlers_refuse_is_told_in_their_words(check):
    handlers = """
        from default_inference import Refusal
        def input_fn(body, content_type):
            raise Refusal(400, "Send no more than one row.")
    """
    with pytest.raises(ProjectError) as caught:
        check(LinearRegression().fit([[1]], [1]), handlers=handlers, sample=pd.DataFrame({"x": [1]}))
    assert caught.value.message == (
        "The model does not answer the sample: Send no more than one row. Correct registry.sample or the"
        " handlers."
    )


def test_the_signature_is_beside_the_handlers(model, frame, check, tmp_path):
    checked = check(model, sample=frame)
    assert json.loads((tmp_path / "model/code/signature.json").read_text()) == checked.signature


def test_another_method_answers(check):
    frame = pd.DataFrame({"x": [0.0, 1, 2, 3]})
    fitted = LogisticRegression().fit(frame, ["b", "a", "b", "a"])
    checked = check(fitted, sample=frame, method="predict_proba")
    assert checked.signature["output"]["classes"] == ["a", "b"]
    expected = json.dumps({"predictions": fitted.predict_proba(frame).tolist()}).encode()
    assert is_same_answer(expected, checked.response, checked.content_type)


def test_a_method_that_the_model_lacks_is_named(check):
    with pytest.raises(ProjectError) as caught:
        check(LinearRegression().fit([[1]], [1]), method="predict_proba")
    assert caught.value.message == (
        "The model is a LinearRegression, which has no method `predict_proba`. Correct registry.method in"
        " conf/base/aws.yml, or register a model that has it."
    )


def test_answers_that_differ_from_the_models_end_it(check):
    frame = pd.DataFrame({"price": [Decimal("1.10"), Decimal("2.20"), Decimal("1.10")]})
    fitted = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LinearRegression()).fit(frame, [1, 2, 1])
    with pytest.raises(ProjectError) as caught:
        check(fitted, sample=frame)
    assert "row 1 of the sample as CSV gives 1." in caught.value.message
    assert "Column `price` has Decimal('1.10') there, and 1.1 would reach the model." in caught.value.message


def test_with_handlers_of_the_projects_own_only_the_sample_is_asked(check):
    frame = pd.DataFrame({"x": [1, 2, 3], "id": ["a", "b", "NA"]})
    fitted = LinearRegression().fit(frame[["x"]], [1, 2, 3])
    handlers = "def predict_fn(data, model):\n    return data['id'].str.lower()\n"
    checked = check(fitted, handlers=handlers, sample=frame)
    assert json.loads(checked.response) == {"predictions": ["a", "b", "na"]}
    assert checked.sample.splitlines()[0] == b"x,id"


def test_an_output_fn_of_the_projects_own_gets_the_models_columns(check):
    frame = pd.DataFrame({"x": [1, 2, 3], "tags": [[1], [2], [3]]})
    fitted = LinearRegression().fit(frame[["x"]], [1, 2, 3])
    written = check(fitted, handlers="def output_fn(prediction, accept):\n    return 'x'\n", sample=frame)
    assert written.response == b"x"
    assert written.sample.splitlines()[0] == b"x"


def test_a_column_that_no_request_can_carry_ends_it(check):
    frame = pd.DataFrame({"tags": [[1], [2]]})
    with pytest.raises(
        ProjectError, match="Column `tags` of the sample has values of type list, which no request"
    ):
        check(FunctionTransformer(len).fit(frame), sample=frame, method="transform")
