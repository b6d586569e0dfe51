"""The private names of Kedro and OmegaConf that this plugin uses: all of them, and nothing else.

Kedro has no public alternative to any of these. `tests/unit/test_kedro_internals.py` has a test for each
function, which fails when a version of Kedro or OmegaConf moves a name.

Two functions read the callers' frames. `after_context_created`, the last hook before a run's configuration
is read, is given neither the session nor the id of the run, up to and including Kedro 1.7: the id is first
given to `after_catalog_created`, when the catalog's `${globals:run_id}` has been resolved already. And
nothing else distinguishes `kedro.inspection` from other code that reads a project's configuration.
"""

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kedro.config import AbstractConfigLoader
    from kedro.framework.context import KedroContext
    from kedro.io.core import AbstractVersionedDataset

_SESSIONS = ("AbstractSession", "KedroSession", "KedroServiceSession")
_BACKENDS = frozenset({"pickle", "joblib", "cloudpickle", "dill"})


def silence_resolver_warning() -> None:
    """Silence a warning that Kedro 1.7 on OmegaConf 2.4 causes several times for each configuration it reads.

    Kedro registers its resolvers by the function's former name. Users cannot prevent that.
    """
    warnings.filterwarnings(
        "ignore", message=r"register_new_resolver\(\) is deprecated", category=UserWarning
    )


def find_run_id() -> str | None:
    """Find the id of the run whose session is among the callers; None without a session."""
    return find_run_id_above(sys._getframe())


def find_run_id_above(frame: FrameType | None) -> str | None:
    """Find the id of the run whose session is among the callers of a frame.

    Args:
        frame: Where to begin.
    """
    found: str | None = None
    while frame is not None:
        session = frame.f_locals.get("self")
        if session is not None and _is_session(session):
            # A service session has an id of its own, and gives each of its runs another id.
            found = frame.f_locals.get("run_id") or found or session.session_id
        elif found:
            break
        frame = frame.f_back
    return found


def is_inspecting() -> bool:
    """Tell whether `kedro.inspection` is among the callers, which shows the arguments of datasets."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("kedro.inspection"):
            return True
        frame = frame.f_back
    return False


def load_context(project: Path, env: str | None, loader: "AbstractConfigLoader") -> "KedroContext":
    """Load a project's context, hooks included, with a config loader that has been made already.

    Args:
        project: The project's folder; `bootstrap_project` has been called for it.
        env: The Kedro environment that the loader was made for.
        loader: The config loader.
    """
    from kedro.framework.session import KedroSession

    class _Session(KedroSession):
        def _get_config_loader(self) -> "AbstractConfigLoader":
            return loader

    return _Session.create(project_path=project, env=env).load_context()


def make_catalog(context: "KedroContext", run_id: str, versions: Mapping[str, str]) -> Any:
    """Make the catalog that a run of a context would have.

    Args:
        context: The context.
        run_id: The run's id, which is the version of what it saves.
        versions: The versions to load, by dataset.
    """
    return context._get_catalog(save_version=run_id, load_versions=dict(versions))


def parse_params(context: Any, parameter: Any, value: str) -> Any:
    """Parse `--params` as `kedro run` does: a callback of a click option."""
    from kedro.framework.cli.utils import _split_params

    return _split_params(context, parameter, value)


def can_resolve_globals(loader: "AbstractConfigLoader") -> bool:
    """Tell whether a config loader resolves `${globals:...}` as Kedro's own does."""
    return hasattr(loader, "_get_globals_value")


def resolve_global(loader: Any, name: str, *default: Any) -> Any:
    """Resolve `${globals:<name>}` by a config loader, as Kedro's own resolver does."""
    return loader._get_globals_value(name, *default)


def forget_resolved_globals(loader: "AbstractConfigLoader") -> None:
    """Make a config loader resolve its globals again: it keeps those that it resolved first."""
    setattr(loader, "_globals_oc", None)  # noqa: B010 - not an attribute of every loader


def is_unfinished_loader(error: Exception) -> bool:
    """Tell whether a config loader failed because its globals.yml refers to a global."""
    return "no attribute '_globals'" in str(error)


@contextmanager
def keep_resolvers() -> Iterator[None]:
    """Restore OmegaConf's resolvers after this context.

    The whole process has one set of them, from the loader that was made last.
    """
    from omegaconf.basecontainer import BaseContainer

    before = dict(BaseContainer._resolvers)
    try:
        yield
    finally:
        BaseContainer._resolvers.clear()
        BaseContainer._resolvers.update(before)


def has_files(loader: "AbstractConfigLoader") -> bool:
    """Tell whether a config loader reads files as Kedro's own does."""
    return hasattr(loader, "_fs")


def read_files(
    loader: Any, env: str, patterns: tuple[str, ...], suffixes: tuple[str, ...]
) -> Iterator[bytes]:
    """Read the files of an environment from where a config loader finds them: a folder, archive or store.

    Args:
        loader: The config loader; `has_files` holds for it.
        env: The environment.
        patterns: Glob patterns within the environment's folder.
        suffixes: The suffixes of the files to read.
    """
    files, folder = loader._fs, _find_environment_folder(loader, env)
    found = {path for pattern in patterns for path in files.glob(f"{folder}/{pattern}")}
    for path in sorted(found):
        if Path(path).suffix in suffixes and files.isfile(path):
            with files.open(path) as opened:
                yield opened.read()


def unwrap(dataset: Any) -> Any:
    """Get the dataset that a CachedDataset caches; any other dataset is returned unchanged."""
    return getattr(dataset, "_dataset", dataset)


def is_pickle(dataset: Any) -> bool:
    """Tell whether a dataset saves pickles, including those of joblib, cloudpickle and dill."""
    return getattr(dataset, "_backend", None) in _BACKENDS


def loads_spark_frames(dataset: Any) -> bool:
    """Tell whether a dataset loads Spark frames."""
    return "spark" in (getattr(dataset, "_engine", None), *type(dataset).__module__.split("."))


def is_versioned(dataset: Any) -> bool:
    """Tell whether a dataset has `versioned: true` in the catalog."""
    return getattr(dataset, "_version", None) is not None


def find_versioned_path(dataset: "AbstractVersionedDataset[Any, Any]", version: str) -> str:
    """Find the path of a version in the dataset's file system."""
    return str(dataset._get_versioned_path(version))


def exists(dataset: "AbstractVersionedDataset[Any, Any]", path: str) -> bool:
    """Tell whether a path exists where the dataset saves."""
    return bool(dataset._exists_function(path))


def find_file_system(dataset: "AbstractVersionedDataset[Any, Any]") -> Any:
    """Find the fsspec file system of a dataset."""
    return dataset._fs  # type: ignore[attr-defined]


def _find_environment_folder(loader: Any, env: str) -> str:
    if loader._protocol == "file":
        return (Path(loader.conf_source) / env).as_posix()
    root = getattr(loader, "_remote_root_path", None) or loader._fs.ls("", detail=False)[-1]
    return f"{str(root).rstrip('/')}/{env}"


def _is_session(value: Any) -> bool:
    """Tell whether a value is a Kedro session, without the import of sessions, which takes long."""
    module = sys.modules.get("kedro.framework.session")
    classes: Mapping[str, Any] = vars(module) if module is not None else {}
    return any(isinstance(value, classes[name]) for name in _SESSIONS if name in classes)
