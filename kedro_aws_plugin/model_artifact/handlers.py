"""List the files of a model's archive: the model, and the code that answers requests with it."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.archive import Member

PROGRAM = "inference.py"
"""The value of SAGEMAKER_PROGRAM: the module that SageMaker's containers import."""

SUBMIT_DIRECTORY = "/opt/ml/model/code"
"""The value of SAGEMAKER_SUBMIT_DIRECTORY: the folder of `code/`; SageMaker's default is /opt/ml/code."""

_TRIO = ("input_fn", "predict_fn", "output_fn")
_HANDLERS = ("model_fn", *_TRIO, "transform_fn")
_DEFAULTS = Path(__file__).with_name("default_inference.py")


def list_model_members(
    model_file: Path, *, override: Path | None = None, requirements: Sequence[str] = ()
) -> list[Member]:
    """List the files of a `model.tar.gz`.

    ```
    model.joblib                 the catalog entry's own bytes
    code/inference.py            what SageMaker imports: names each handler and where it comes from
    code/default_inference.py    the plugin's handlers
    code/project_inference.py    the project's handlers, if it has any
    code/requirements.txt        what the container installs when it starts, if anything
    ```

    Args:
        model_file: The model as Kedro's `pickle.PickleDataset` wrote it. joblib reads plain pickles too.
        override: The project's file of handlers: any of `model_fn`, `input_fn`, `predict_fn` and
            `output_fn`, or `transform_fn`, which replaces the last three. The plugin supplies the others.
        requirements: Lines for the container's pip.

    Raises:
        ProjectError: If the override cannot be read or parsed, or defines no handlers or conflicting ones.
    """
    members = [
        Member("model.joblib", model_file),
        Member("code/default_inference.py", _read_source(_DEFAULTS)),
    ]
    own: frozenset[str] = frozenset()
    if override is not None:
        members.append(Member("code/project_inference.py", _read_source(override)))
        own = find_handlers(override)
    members.append(Member("code/inference.py", _compose(own).encode()))
    if requirements:
        members.append(
            Member("code/requirements.txt", "".join(f"{line}\n" for line in requirements).encode())
        )
    return members


def find_handlers(override: Path) -> frozenset[str]:
    """Find the handlers that a file defines. It is not imported: only the container may have its imports."""
    try:
        tree = ast.parse(_read_source(override), filename=str(override))
    except SyntaxError as error:
        raise ProjectError(f"{override}, line {error.lineno}: {error.msg}. Fix it, and run again.") from error
    except ValueError as error:  # null bytes, or an encoding that is unknown
        raise ProjectError(f"{override} is not Python source: {error}. Save it as UTF-8 text.") from error
    found = frozenset(_find_bound_names(tree.body)) & frozenset(_HANDLERS)
    if not found:
        raise ProjectError(
            f"{override} defines none of {', '.join(_HANDLERS)}. Define one, or delete the file."
        )
    clash = sorted(found & frozenset(_TRIO))
    if "transform_fn" in found and clash:
        raise ProjectError(
            f"{override} defines transform_fn beside {', '.join(clash)}, which SageMaker refuses:"
            " transform_fn replaces all three. Remove one or the other."
        )
    return found


def _read_source(path: Path) -> bytes:
    try:
        # git on Windows may change line ends, which would change the archive but not what it does.
        return path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}. Fix the path or its access.") from error


def _compose(own: frozenset[str]) -> str:
    needed = ("model_fn", "transform_fn") if "transform_fn" in own else ("model_fn", *_TRIO)
    lines = ['"""What SageMaker imports: each handler, and where it comes from."""', ""]
    for module, names in (
        ("default_inference", [name for name in needed if name not in own]),
        ("project_inference", [name for name in needed if name in own]),
    ):
        if names:
            lines.append(f"from {module} import {', '.join(sorted(names))}  # noqa: F401")
    return "\n".join([*lines, ""])


def _find_bound_names(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Find the names that a module binds at its top level, within `if`, `try` and `with` too."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (
                name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
            )
        for block in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                yield from _find_bound_names(getattr(node, block, []))
        for handler in getattr(node, "handlers", []):
            yield from _find_bound_names(handler.body)
