import ast
import importlib
import sys
import textwrap
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact import build_backend, default_inference
from kedro_aws_plugin.model_artifact.archive import lay_out
from kedro_aws_plugin.model_artifact.handlers import find_handlers, list_model_members


def names(members):
    return sorted(member.name for member in members)


def override(folder: Path, text: str) -> Path:
    path = folder / "inference.py"
    path.write_text(text, encoding="utf-8")
    return path


def composed(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch):
    lay_out(list_model_members(folder / "absent", override=override(folder, text))[1:], folder / "model")
    monkeypatch.syspath_prepend(str(folder / "model" / "code"))
    for name in ("inference", "default_inference", "project_inference"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module("inference")
    for name in ("inference", "default_inference", "project_inference"):
        sys.modules.pop(name, None)
    return module


def test_the_model_goes_in_as_it_is(model_file):
    members = list_model_members(model_file)
    assert names(members) == [
        "code/_build_backend.py",
        "code/default_inference.py",
        "code/inference.py",
        "code/pyproject.toml",
        "model.joblib",
    ]
    assert members[0].source == model_file


def test_requirements_are_lines(model_file):
    members = list_model_members(model_file, requirements=["lightgbm==4.6.0", "nltk"])
    assert members[-1].name == "code/requirements.txt"
    assert members[-1].source == b"lightgbm==4.6.0\nnltk\n"


def test_without_an_override_the_defaults_answer(tmp_path, model_file):
    lay_out(list_model_members(model_file), tmp_path / "model")
    source = (tmp_path / "model" / "code" / "inference.py").read_text()
    trio = "(default_inference.input_fn, default_inference.predict_fn, default_inference.output_fn)"
    assert f"HANDLERS = {trio}" in source
    assert "model_fn = default_inference.model_fn" in source
    assert "project_inference" not in source


def test_an_override_keeps_the_defaults_it_does_not_define(tmp_path, monkeypatch):
    module = composed(tmp_path, "def predict_fn(data, model):\n    return [42]\n", monkeypatch)
    assert [each.__module__ for each in (module.model_fn, *module.HANDLERS)] == [
        "default_inference",
        "default_inference",
        "project_inference",
        "default_inference",
    ]


def test_the_container_gets_one_handler_which_calls_three(tmp_path, monkeypatch):
    text = """
        def input_fn(body, content_type): return f"{content_type}:{body}"
        def predict_fn(data, model): return [model, data]
        def output_fn(prediction, accept): return (f"{prediction[0]} answers {prediction[1]}", accept)
    """
    module = composed(tmp_path, textwrap.dedent(text), monkeypatch)
    # AWS's container refuses a transform_fn beside any of the three.
    assert not {"input_fn", "predict_fn", "output_fn"} & set(vars(module))
    answer = module.transform_fn("the model", "1,2", "text/csv", "text/plain")
    assert answer == ("the model answers text/csv:1,2", "text/plain")


def test_a_transform_fn_of_the_project_is_passed_through(tmp_path, monkeypatch):
    module = composed(tmp_path, "def transform_fn(model, data, kind, accept): ...\n", monkeypatch)
    assert module.model_fn.__module__ == "default_inference"
    assert module.transform_fn.__module__ == "project_inference"
    assert not hasattr(module, "HANDLERS")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "\ndef input_fn(body, content_type, context): ...",
            "line 2: input_fn asks for body, content_type, context; the container gives it body, content_type"
            " and nothing else. Write: def input_fn(body, content_type):",
        ),
        ("def model_fn(folder, context): ...", "Write: def model_fn(folder):"),
        (
            "def output_fn(p, a): ...\nasync def input_fn(body, kind): ...",
            "line 2: input_fn is async, .* Write: def input_fn(body, content_type):",
        ),
        ("input_fn: object = lambda b: b", "asks for b; .* Write: input_fn = lambda body, content_type: "),
        ("def predict_fn(model): ...", "predict_fn asks for model; .* Write: def predict_fn(data, model):"),
        ("def output_fn(): ...", "output_fn asks for nothing; .* Write: def output_fn(prediction, accept):"),
        (
            "def transform_fn(m, b, t, a, *, context): ...",
            "asks for m, b, t, a, context; .* Write: def transform_fn(m, b, t, a):",
        ),
        ("if True:\n  predict_fn = lambda d, m, c: d", "line 2: .* Write: predict_fn = lambda d, m: ..."),
    ],
)
def test_a_handler_that_asks_for_what_the_container_does_not_give_is_refused(tmp_path, text, said):
    with pytest.raises(ProjectError) as caught:
        find_handlers(override(tmp_path, text))
    assert all(part in caught.value.message for part in said.split(" .* "))


@pytest.mark.parametrize(
    "text",
    [
        "def input_fn(body, content_type, context=None): ...",
        "def input_fn(*everything): ...",
        "def input_fn(body, /, *rest, context=None, **more): ...",
        "def input_fn(body=None, content_type=None): ...",
        "input_fn = lambda body, content_type: body",
        "input_fn = make_handler(3)",
    ],
)
def test_a_handler_that_the_container_can_call_is_accepted(tmp_path, text):
    assert find_handlers(override(tmp_path, text)) == {"input_fn"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def model_fn(d): ...", {"model_fn"}),
        ("from elsewhere import load as model_fn", {"model_fn"}),
        ("output_fn = lambda p, a: p", {"output_fn"}),
        ("input_fn, other = 1, 2", {"input_fn"}),
        ("predict_fn: object = 1", {"predict_fn"}),
        ("try:\n  import x\nexcept ImportError:\n  def input_fn(a, b): ...\n", {"input_fn"}),
        ("try:\n  import x\nfinally:\n  def output_fn(p, a): ...\n", {"output_fn"}),
        ("if True:\n  pass\nelse:\n  def model_fn(d): ...\n", {"model_fn"}),
        ("class Wrapper:\n  def input_fn(self): ...\ndef predict_fn(d, m): ...", {"predict_fn"}),
    ],
)
def test_handlers_are_found_however_they_are_bound(tmp_path, text, found):
    assert find_handlers(override(tmp_path, text)) == found


def test_an_override_is_read_not_imported(tmp_path):
    text = "raise SystemExit('imported')\nimport package_of_the_container\ndef model_fn(d): ...\n"
    assert find_handlers(override(tmp_path, text)) == {"model_fn"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef model_fn(:\n", r"inference\.py, line 2: .*Fix it"),
        ("def predict(data): ...\n", r"inference\.py defines none of model_fn.*Define one"),
        ("def transform_fn(): ...\ndef output_fn(): ...\n", r"transform_fn beside output_fn.*Remove one"),
        ("model_fn = '\0'\n", r"inference\.py.*(null bytes|Fix it)"),
    ],
)
def test_an_override_that_cannot_serve_is_refused(tmp_path, model_file, text, said):
    with pytest.raises(ProjectError, match=said):
        list_model_members(model_file, override=override(tmp_path, text))


def test_an_override_that_is_not_there_is_refused(tmp_path, model_file):
    with pytest.raises(ProjectError, match=r"nowhere\.py cannot be read: No such file"):
        list_model_members(model_file, override=tmp_path / "nowhere.py")


def test_line_ends_do_not_change_the_archive(tmp_path, model_file):
    path = tmp_path / "inference.py"
    sources = []
    for end in (b"\n", b"\r\n"):
        path.write_bytes(b"def model_fn(d):" + end + b"    ..." + end)
        sources.append([member.source for member in list_model_members(model_file, override=path)])
    assert sources[0] == sources[1]


@pytest.mark.parametrize("shipped", [default_inference, build_backend])
def test_the_shipped_modules_are_python_3_9_and_stand_alone(shipped):
    tree = ast.parse(Path(shipped.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    allowed = sys.stdlib_module_names | {
        "joblib",
        "numpy",
        "pandas",
        "pyarrow",
        "sagemaker_containers",
        "sagemaker_inference",
    }
    assert imported <= allowed
    zips = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "zip" and node.keywords
    ]
    assert not zips  # zip(strict=) is of Python 3.10
