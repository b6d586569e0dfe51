import os
import pickle
import sys
import textwrap
from importlib.metadata import version

import joblib
import pandas as pd
import pytest
from packaging.version import Version
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact import _check_child
from kedro_aws_plugin.model_artifact.archive import lay_out
from kedro_aws_plugin.model_artifact.check import Checked, Hidden, check_model
from kedro_aws_plugin.model_artifact.handlers import list_model_members
from kedro_aws_plugin.model_artifact.payload import Payload, is_same_answer

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
        model: bytes | object, *, handlers: str | None = None, sample: Payload | None = None, **options
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
    checked = check(model, sample=Payload.from_frame(frame))
    assert checked.task == "regression"
    assert checked.feature_names == ("engines", "crew", "kind", "certified")
    assert checked.content_type == "application/json"
    expected = str({"predictions": list(map(float, model.predict(frame[:5])))}).replace("'", '"').encode()
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
    assert checked == Checked("regression", ("x",), None, None, ())


def test_what_model_code_prints_does_not_reach_the_report(check, capfd):
    handlers = """
        import os, sys
        print('{"task": "nonsense"}')
        def transform_fn(model, body, content_type, accept):
            print("more", file=sys.stderr); os.write(1, b"raw")
            return body.upper()
    """
    checked = check({}, handlers=handlers, sample=Payload(b'"abc"', "application/json"))
    assert (checked.task, checked.response) == (None, b'"ABC"')
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
        f'The model needs packaging, which the container may lack. Add "packaging=={version("packaging")}" to'
        " registry.requirements in conf/base/aws.yml.",
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
        check(model, sample=Payload(b"crew\n1\n", "text/csv"))
    assert caught.value.message == (
        "The model does not answer the sample: The request lacks the columns engines, kind, certified; the"
        " model takes engines, crew, kind, certified. Correct registry.sample or the handlers."
    )
