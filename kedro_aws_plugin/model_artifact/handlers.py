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
_PARAMETERS = {  # what the container gives each handler
    "model_fn": ("model_dir",),
    "input_fn": ("body", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "body", "content_type", "accept"),
}
_DEFAULTS = Path(__file__).with_name("default_inference.py")
_BUILD_BACKEND = Path(__file__).with_name("build_backend.py")
_PYPROJECT = b"""\
[build-system]
requires = []
build-backend = "_build_backend"
backend-path = ["."]
"""
_TRANSFORM = '''

def transform_fn(model, content, content_type, accept):
    """Answer a request by the three handlers."""
    return default_inference.answer(model, content, content_type, accept, HANDLERS)
'''


def list_build_members() -> list[Member]:
    """List the files with which pip installs `code/` without a network."""
    return [
        Member("code/_build_backend.py", read_source(_BUILD_BACKEND)),
        Member("code/pyproject.toml", _PYPROJECT),
    ]


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
    code/pyproject.toml          names the next file to pip, which the container runs in this folder
    code/_build_backend.py       what pip builds the folder with, so that it needs no network
    ```

    Args:
        model_file: The model as Kedro's `pickle.PickleDataset` wrote it. joblib reads plain pickles too.
        override: The project's file of handlers: any of `model_fn`, `input_fn`, `predict_fn` and
            `output_fn`, or `transform_fn`, which replaces the last three. The plugin supplies the others.
        requirements: Lines for the container's pip.

    Raises:
        ProjectError: If the override cannot be read or parsed, defines no handlers or conflicting ones, or
            one with parameters that the container does not give.
    """
    members = [
        Member("model.joblib", model_file),
        Member("code/default_inference.py", read_source(_DEFAULTS)),
        *list_build_members(),
    ]
    own: frozenset[str] = frozenset()
    if override is not None:
        members.append(Member("code/project_inference.py", read_source(override)))
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
        tree = ast.parse(read_source(override), filename=str(override))
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
    for node in _walk_top_level(tree.body):
        _check_parameters(node, override)
    return found


def read_source(path: Path) -> bytes:
    """Read a source file, with the line ends of Unix.

    Raises:
        ProjectError: If it cannot be read.
    """
    try:
        # git on Windows may change line ends, which would change the archive but not what it does.
        return path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror}. Fix the path or its access.") from error


def _compose(own: frozenset[str]) -> str:
    """Write the module that SageMaker imports.

    The container passes on what `answer` returns for a refusal. What three handlers of its own raise would
    become a page of HTML with status 500, so it only gets a transform_fn.
    """

    def find_source(name: str) -> str:
        return f"{'project' if name in own else 'default'}_inference.{name}"

    lines = [
        '"""What SageMaker imports: each handler, and where it comes from."""',
        "",
        "import default_inference",
        *(["import project_inference"] if own else []),
        "",
        f"model_fn = {find_source('model_fn')}",
    ]
    if "transform_fn" in own:
        return "\n".join([*lines, "transform_fn = project_inference.transform_fn", ""])
    handlers = ", ".join(map(find_source, _TRIO))
    return "\n".join([*lines, f"HANDLERS = ({handlers})", _TRANSFORM])


def _walk_top_level(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Walk through the statements of a module's top level, those within `if`, `try` and `with` too."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            for block in ("body", "orelse", "finalbody"):
                yield from _walk_top_level(getattr(node, block, []))
        for handler in getattr(node, "handlers", []):
            yield from _walk_top_level(handler.body)


def _find_bound_names(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Find the names that a module binds at its top level."""
    for node in _walk_top_level(body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (
                name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
            )


def _check_parameters(node: ast.stmt, override: Path) -> None:
    """Check that the container can call a handler: by position, and never with a context.

    Only what can be seen without importing the file is checked: functions, and names bound to a lambda.
    """
    if isinstance(node, ast.AsyncFunctionDef) and node.name in _PARAMETERS:
        raise ProjectError(
            f"{override}, line {node.lineno}: {node.name} is async, and the container does not wait for what"
            f" it answers. Write: def {node.name}({', '.join(_PARAMETERS[node.name])}):"
        )
    name, arguments = _find_arguments(node)
    if name not in _PARAMETERS or arguments is None:
        return
    given = _PARAMETERS[name]
    taken = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    required = taken[: len(taken) - len(arguments.defaults)]
    keywords = [
        each.arg
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    if len(required) <= len(given) and not keywords and (len(taken) >= len(given) or arguments.vararg):
        return
    wanted = ", ".join(taken[: len(given)] if len(taken) >= len(given) else given)
    line = f"def {name}({wanted}):" if isinstance(node, ast.FunctionDef) else f"{name} = lambda {wanted}: ..."
    asks = ", ".join([*required, *keywords]) or "nothing"
    raise ProjectError(
        f"{override}, line {node.lineno}: {name} asks for {asks}; the container gives it"
        f" {', '.join(given)} and nothing else. Write: {line}"
    )


def _find_arguments(node: ast.stmt) -> tuple[str, ast.arguments | None]:
    if isinstance(node, ast.FunctionDef):
        return node.name, node.args
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Lambda):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return (target.id if isinstance(target, ast.Name) else ""), node.value.args
    return "", None
