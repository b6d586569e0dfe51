import ast
import importlib
import sys
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact import default_inference
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
    assert names(members) == ["code/default_inference.py", "code/inference.py", "model.joblib"]
    assert members[0].source == model_file


def test_requirements_are_lines(model_file):
    members = list_model_members(model_file, requirements=["lightgbm==4.6.0", "nltk"])
    assert members[-1].name == "code/requirements.txt"
    assert members[-1].source == b"lightgbm==4.6.0\nnltk\n"


def test_without_an_override_the_defaults_answer(tmp_path, model_file):
    lay_out(list_model_members(model_file), tmp_path / "model")
    source = (tmp_path / "model" / "code" / "inference.py").read_text()
    assert "from default_inference import input_fn, model_fn, output_fn, predict_fn" in source
    assert "project_inference" not in source


def test_an_override_keeps_the_defaults_it_does_not_define(tmp_path, monkeypatch):
    module = composed(tmp_path, "def predict_fn(data, model):\n    return [42]\n", monkeypatch)
    assert module.predict_fn(None, None) == [42]
    assert module.predict_fn.__module__ == "project_inference"
    assert {module.model_fn.__module__, module.input_fn.__module__, module.output_fn.__module__} == {
        "default_inference"
    }


def test_transform_fn_leaves_out_the_trio_that_it_replaces(tmp_path, monkeypatch):
    module = composed(tmp_path, "def transform_fn(model, data, kind, accept): ...\n", monkeypatch)
    assert module.model_fn.__module__ == "default_inference"
    assert not {"input_fn", "predict_fn", "output_fn"} & set(vars(module))


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


def test_the_shipped_handlers_are_python_3_9_and_stand_alone():
    tree = ast.parse(Path(default_inference.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    allowed = sys.stdlib_module_names | {"joblib", "numpy", "pandas", "sagemaker_inference"}
    assert imported <= allowed
    zips = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "strict"]
    assert not zips  # zip(strict=) is of Python 3.10
