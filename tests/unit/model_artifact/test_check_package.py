"""A model with classes of the project's own, tried as the container will have it."""

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.archive import lay_out
from kedro_aws_plugin.model_artifact.check import Checked, Hidden, NeedsPackageError, check_model
from kedro_aws_plugin.model_artifact.handlers import list_model_members
from kedro_aws_plugin.model_artifact.project_package import list_package_members

pytestmark = pytest.mark.slow

DOUBLER = "class Doubler:\n    def predict(self, data):\n        return data * 2\n"
IMAGE = frozenset({"numpy", "pandas", "scikit-learn", "scipy", "joblib"})
LACKING = "kedro"

Check = Callable[..., Checked]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project's package, importable here and in the child by way of PYTHONPATH, as Kedro sets it."""
    folder = tmp_path / "src" / "my_flights"
    (folder / "tests").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "nodes.py").write_text(DOUBLER)
    (folder / "tests" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder.parent), os.environ.get("PYTHONPATH", "")]))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_flights"]:
        del sys.modules[name]


@pytest.fixture
def check(package: Path, tmp_path: Path) -> Check:
    """Fit the project's own class, pack it with the package as it then is, and try it."""

    def run(
        source: str = DOUBLER,
        *,
        handlers: str | None = None,
        packed: bool = True,
        requirements: tuple[str, ...] = (),
    ) -> Checked:
        for name in [name for name in sys.modules if name.partition(".")[0] == "my_flights"]:
            del sys.modules[name]
        import my_flights.nodes

        file = tmp_path / "model.pickle"
        file.write_bytes(pickle.dumps(my_flights.nodes.Doubler()))
        (package / "nodes.py").write_text(source)
        override = None
        if handlers is not None:
            override = package / "inference.py"
            override.write_text(handlers)
        members = list_model_members(file, override=override)
        lay_out(members + (list_package_members(package) if packed else []), tmp_path / "model")
        return check_model(tmp_path / "model", None, hidden=Hidden("my_flights", requirements, IMAGE))

    return run


def test_a_model_that_needs_the_projects_package_says_so(check: Check) -> None:
    with pytest.raises(NeedsPackageError, match=r"own package `my_flights(\.nodes)?`, .* Move it into src/"):
        check(packed=False)


def test_the_packed_copy_is_loaded_and_not_the_projects_own(check: Check, package: Path) -> None:
    checked = check()
    assert (checked.warnings, checked.distributions) == ((), ())
    (package / "nodes.py").unlink()
    # The trial ran on a copy: the second one finds the class there too.
    model = package.parents[1] / "model"
    assert check_model(model, None, hidden=Hidden("my_flights", (), IMAGE)) == checked
    (model / "code" / "my_flights" / "nodes.py").unlink()
    with pytest.raises(ProjectError, match=r"module `my_flights\.nodes`, which the packed copy"):
        check_model(model, None, hidden=Hidden("my_flights", (), IMAGE))


def test_an_import_that_the_container_lacks_is_shown_with_its_line(check: Check) -> None:
    with pytest.raises(ProjectError) as caught:
        check(f"import numpy\nimport {LACKING}\n{DOUBLER}")
    assert caught.value.message == (
        f"src/my_flights/nodes.py, line 2, imports `{LACKING}`, which the container does not have. Import it"
        f' inside the function that needs it, or add "{LACKING}=={version(LACKING)}" to registry.requirements'
        " in conf/base/aws.yml."
    )


@pytest.mark.parametrize(
    "source",
    [
        f"{DOUBLER}    def explain(self):\n        import {LACKING}\n",
        f"try:\n    import {LACKING}\nexcept ImportError:\n    {LACKING} = None\n{DOUBLER}",
        f"import numpy, pandas, sklearn.pipeline, json\nfrom . import __name__\n{DOUBLER}",
    ],
    ids=["lazy", "optional", "of the image"],
)
def test_imports_that_do_no_harm_are_accepted(check: Check, source: str) -> None:
    assert check(source).warnings == ()


def test_what_pip_installs_in_the_container_may_be_imported_with_all_that_it_needs(check: Check) -> None:
    # pluggy is not required itself; Kedro needs it.
    assert check(f"import {LACKING}, pluggy\n{DOUBLER}", requirements=(f"{LACKING}>=1",)).warnings == ()


HANDLERS = "import my_flights.nodes\n\ndef predict_fn(data, model):\n    return data\n"


def test_handlers_may_import_the_packed_package(check: Check) -> None:
    assert check(handlers=HANDLERS).warnings == ()


def test_handlers_may_not_import_what_the_container_lacks(check: Check) -> None:
    with pytest.raises(ProjectError, match=rf"src/my_flights/inference\.py, line 1, imports `{LACKING}`"):
        check(handlers=f"import {LACKING}\n{HANDLERS}")


def test_what_the_package_leaves_out_is_said(check: Check) -> None:
    with pytest.raises(ProjectError, match=r"`my_flights\.tests`, which the packed .* move it if"):
        check(f"import my_flights.tests\n{DOUBLER}")
