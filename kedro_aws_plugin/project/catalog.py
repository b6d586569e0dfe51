"""Read from the project's own catalog: a saved model, its metrics, the rows of a table."""

import logging
import pickle
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import CatalogProtocol, DatasetError
from kedro.io.core import AbstractVersionedDataset, VersionNotFoundError
from typing_extensions import Self

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.config import AwsConfig, Registry, merge_registry, read_mark
from kedro_aws_plugin.errors import KedroAwsError, ProjectError, first_line, suggest
from kedro_aws_plugin.kedro_internals import (
    exists,
    find_file_system,
    find_versioned_path,
    is_pickle,
    is_versioned,
    loads_spark_frames,
    unwrap,
)
from kedro_aws_plugin.session.session import Session, explain_unloadable_project

if TYPE_CHECKING:
    import pandas as pd

_VERSION = re.compile(r"[^/\\]*[^/\\.][^/\\]*")
_WHICH_MODEL = "Correct `registry.model` in aws.yml, or --model."


@dataclass(frozen=True)
class SavedModel:
    """A saved version of a model.

    Attributes:
        entry: The model's catalog entry.
        version: The Kedro version, which is the id of the run that saved it.
        write: Writes the model to a file, as a pickle.
    """

    entry: str
    version: str
    write: Callable[[Path], None]


class ProjectCatalog:
    """The catalog and the parameters of a project, as a run in its environment sees them.

    Args:
        catalog: The catalog of a run, or the one that `open` makes.
        parameters: The parameters of the run.
    """

    def __init__(self, catalog: CatalogProtocol[Any, Any], parameters: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self._catalog = catalog

    @classmethod
    def open(cls, session: Session) -> Self:
        """Make the catalog that a run in the session's environment would see.

        Raises:
            ProjectError: If the project does not load.
        """
        with silence_kedro():
            context = session.kedro_context
            try:
                return cls(context.catalog, context.params)
            except KedroAwsError:
                raise
            except Exception as error:
                raise explain_unloadable_project(error) from error

    def find_registry(self, config: AwsConfig, entry: str) -> Registry:
        """Find the settings of a model's registration: from its mark in the catalog, else from aws.yml.

        Raises:
            ConfigError: If the mark is wrong, or there is neither.
            ProjectError: If there is no such entry.
        """
        return merge_registry(config, entry, read_mark(self._find_entry(entry, _WHICH_MODEL)))

    def check(self, registry: Registry) -> None:
        """Check that the entries which a registration reads exist.

        Raises:
            ProjectError: If one is missing, or the model is not versioned.
        """
        self.find_model(registry.model)
        for key, entry in (("metrics", registry.metrics), ("sample", registry.sample)):
            if entry is not None:
                self._find_entry(entry, suggest_correction(key))

    def find_model(self, entry: str) -> "AbstractVersionedDataset[Any, Any]":
        """Find the dataset of a model.

        Raises:
            ProjectError: If there is no such entry, or it is not versioned.
        """
        dataset = self._find_dataset(entry, _WHICH_MODEL)
        if not isinstance(dataset, AbstractVersionedDataset) or not is_versioned(dataset):
            raise ProjectError(
                f"`{entry}` is not versioned, so it would be unclear which model is registered. "
                "Add `versioned: true` to it in the catalog and run the pipeline again."
            )
        return dataset

    def has_version(self, entry: str, version: str) -> bool:
        """Tell whether a version of a model was saved.

        Raises:
            ProjectError: As `find_model` does, or if its folder cannot be read.
        """
        return _has_version(entry, self.find_model(entry), version)

    def find_saved_model(self, entry: str, version: str | None) -> SavedModel:
        """Find a saved version of a model; by default the newest.

        Raises:
            ProjectError: If there is no such entry or version, or it is not versioned.
        """
        dataset = self.find_model(entry)
        version = version or self._find_newest(entry, dataset)
        if not _VERSION.fullmatch(version):
            raise ProjectError(
                f"`{version}` is not a Kedro version: use one like 2026-11-21T22.48.12.552Z, which is the "
                "name of a folder. Omit --version for the newest one."
            )
        path = find_versioned_path(dataset, version)
        if not _has_version(entry, dataset, version):
            raise ProjectError(
                f"`{entry}` has no version {version} ({path} does not exist). "
                "Omit --version for the newest one."
            )
        copy = self._copy_pickle if is_pickle(dataset) else self._pickle
        return SavedModel(entry, version, partial(copy, entry, version))

    def _copy_pickle(self, entry: str, version: str, target: Path) -> None:
        """Copy a model's own bytes to this machine, a chunk at a time."""
        dataset = self.find_model(entry)
        path, files = find_versioned_path(dataset, version), find_file_system(dataset)
        # s3fs holds all ranges that it fetches at once in memory, up to a GB.
        streams = {"max_concurrency": 1} if "s3" in files.protocol else {}
        try:
            with translate_errors(f"read {entry} from {path}"):
                files.get_file(path, str(target), **streams)
        except OSError as error:
            raise _explain_unreadable(entry, error) from error

    def _pickle(self, entry: str, version: str, target: Path) -> None:
        """Load a model by its own dataset, which has another format, and pickle what that gives."""
        kind = type(self.find_model(entry)).__name__
        try:
            with silence_kedro():
                model = self._catalog.load(entry, version=version)
        except DatasetError as error:
            raise ProjectError(f"`{entry}` cannot be loaded: {first_line(_find_root(error))}") from error
        if not callable(getattr(model, "predict", None)):
            raise ProjectError(
                f"`{entry}` is a {kind} that loads a {type(model).__name__}, and that has no method predict, "
                "as scikit-learn's models have it. Name a model with `registry.model` in aws.yml, or --model."
            )
        try:
            with target.open("wb") as file:
                pickle.dump(model, file)
        except (AttributeError, TypeError, pickle.PicklingError) as error:
            raise ProjectError(
                f"`{entry}` is a {kind} that loads a {type(model).__name__}, which cannot be pickled for the "
                f"container: {first_line(error)}. Save the estimator itself."
            ) from error

    def load_metrics(self, entry: str, version: str) -> Any:
        """Load the metrics of the run that saved a model; without versions, the current metrics.

        Returns:
            The metrics; None if that run saved none.

        Raises:
            ProjectError: If there is no such entry.
        """
        dataset = self._find_dataset(entry, suggest_correction("metrics"))
        versioned = is_versioned(dataset)
        try:
            with silence_kedro():
                return self._catalog.load(entry, version=version if versioned else None)
        except (DatasetError, VersionNotFoundError) as error:
            if versioned and not _is_missing(error):
                raise _explain_unreadable(entry, error.__cause__ or error) from error
            return None

    def load_rows(self, entry: str, fix: str) -> "pd.DataFrame":
        """Load a table.

        Args:
            entry: Its catalog entry.
            fix: The end of the message if there is no such entry: what to do.

        Raises:
            ProjectError: If there is no such entry, it cannot be loaded, or it is not a table.
        """
        dataset = self._find_dataset(entry, fix)
        if loads_spark_frames(dataset):
            raise ProjectError(
                f"`{entry}` loads a Spark frame, and this command does not start Spark. Name an entry that "
                "loads the same files with pandas."
            )
        try:
            with silence_kedro():
                table = self._catalog.load(entry)
        except DatasetError as error:
            root = _find_root(error)
            what = "If it was never saved: kedro run" if _is_missing(error) else "Run the command again."
            raise ProjectError(f"`{entry}` cannot be loaded: {first_line(root)}. {what}") from error
        if not hasattr(table, "columns"):
            raise ProjectError(f"`{entry}` is a {type(table).__name__}, not a table. Name a table instead.")
        return table  # type: ignore[no-any-return]

    def check_is_no_path(self, name: str) -> None:
        """Check a name under which there is no file, and which may be that of an entry.

        Raises:
            ProjectError: If it looks like the path of a file, and is no entry.
        """
        if Path(name).suffix and ":" not in name and name not in self._catalog:
            raise ProjectError(f"There is no file {name}. Correct the path, or name a catalog entry.")

    def check_entry(self, entry: str, fix: str) -> None:
        """Check that there is an entry.

        Args:
            entry: Its name.
            fix: The end of the message if there is none: what to do.

        Raises:
            ProjectError: If there is none, or its dataset cannot be made.
        """
        self._find_entry(entry, fix)

    def save_rows(self, entry: str, rows: "pd.DataFrame") -> None:
        """Save a table.

        Raises:
            ProjectError: If it cannot be saved.
        """
        try:
            with silence_kedro():
                self._catalog.save(entry, rows)
        except DatasetError as error:
            raise ProjectError(
                f"`{entry}` cannot be saved: {first_line(error)}. Correct its entry in the catalog."
            ) from error

    def _find_dataset(self, entry: str, fix: str) -> Any:
        """Find the dataset of an entry; of a CachedDataset, the dataset that it caches."""
        dataset = self._find_entry(entry, fix)
        return unwrap(dataset)

    def _find_entry(self, entry: str, fix: str) -> Any:
        if entry not in self._catalog:
            raise ProjectError(f"The catalog has no entry `{entry}`{suggest(entry, self._catalog)} {fix}")
        try:
            return self._catalog[entry]
        except DatasetError as error:
            cause = first_line(error)
            raise ProjectError(f"`{entry}` cannot be created: {cause}. Correct it in the catalog.") from error

    def _find_newest(self, entry: str, dataset: "AbstractVersionedDataset[Any, Any]") -> str:
        try:
            return str(dataset.resolve_load_version())
        except (DatasetError, VersionNotFoundError) as error:
            if not _is_missing(error):
                raise _explain_unreadable(entry, error.__cause__ or error) from error
            raise ProjectError(
                f"`{entry}` has never been saved. Run the pipeline first: kedro run"
            ) from error


def find_unsendable(catalog: CatalogProtocol[Any, Any], entries: Collection[str]) -> list[str]:
    """Find the entries of a catalog that cannot be sent to another process."""
    return [entry for entry in sorted(entries) if entry in catalog and not _is_sendable(catalog.get(entry))]


def _is_sendable(dataset: object) -> bool:
    try:
        ForkingPickler.dumps(dataset)
    except (AttributeError, TypeError, pickle.PicklingError):
        return False
    return True


def suggest_correction(key: str) -> str:
    """Say how to correct the name of an entry that the catalog lacks, for a key of a model's registration."""
    return f"Correct `{key}` where the model's group is named: aws.yml or its catalog entry."


def _has_version(entry: str, dataset: "AbstractVersionedDataset[Any, Any]", version: str) -> bool:
    path = find_versioned_path(dataset, version)
    try:
        with translate_errors(f"look for {path}"):
            return exists(dataset, path)
    except OSError as error:
        raise _explain_unreadable(entry, error) from error


@contextmanager
def silence_kedro() -> Iterator[None]:
    """Silence Kedro's progress messages, which are for runs."""
    logger = logging.getLogger("kedro")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_missing(error: DatasetError) -> bool:
    """Tell a missing version from a folder that cannot be listed: Kedro raises the same error for both."""
    return isinstance(_find_root(error), DatasetError | FileNotFoundError)


def _find_root(error: BaseException) -> BaseException:
    """Find the error that Kedro wrapped, perhaps several times."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _explain_unreadable(entry: str, error: BaseException) -> ProjectError:
    return ProjectError(
        f"`{entry}` cannot be read: {first_line(error)}. Check that you may list and read its bucket."
    )
