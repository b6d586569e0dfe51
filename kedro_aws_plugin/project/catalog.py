"""Read from the project's own catalog: a saved model, its metrics, the rows of a table."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import CatalogProtocol, DatasetError
from kedro.io.core import AbstractVersionedDataset, VersionNotFoundError
from typing_extensions import Self

from kedro_aws_plugin.aws.errors import translated
from kedro_aws_plugin.config import AwsConfig, Registry, read_mark, merge_registry
from kedro_aws_plugin.errors import KedroAwsError, ProjectError, first_line, suggest
from kedro_aws_plugin.kedro_internals import (
    file_system,
    is_pickle,
    is_versioned,
    loads_spark_frames,
    unwrap,
    versioned_path,
)
from kedro_aws_plugin.session.session import Session, unloadable

if TYPE_CHECKING:
    import pandas as pd

_WHICH_MODEL = "Correct `registry.model` in aws.yml, or --model."


@dataclass(frozen=True)
class SavedModel:
    """A saved version of a model.

    Attributes:
        entry: Its catalog entry.
        version: Its Kedro version, which is the id of the run that saved it.
        path: Where it is, in the form of its file system.
        files: The fsspec file system.
    """

    entry: str
    version: str
    path: str
    files: Any

    def download(self, target: Path) -> None:
        """Copy it to this machine, a chunk at a time.

        Raises:
            AwsError: If it cannot be read.
        """
        try:
            with translated(f"read {self.entry} from {self.path}"):
                self.files.get_file(self.path, str(target), **self._one_stream())
        except OSError as error:
            raise _unreadable(self.entry, error) from error

    def _one_stream(self) -> dict[str, int]:
        """S3fs fetches ranges side by side and keeps them all in memory: a gigabyte of them, at a time."""
        return {"max_concurrency": 1} if "s3" in self.files.protocol else {}


class ProjectCatalog:
    """The catalog and the parameters of a project, as a run in its environment sees them.

    Args:
        catalog: The catalog of a run, or what `open` makes.
        parameters: Its parameters.
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
        with _quiet():
            context = session.kedro_context
            try:
                return cls(context.catalog, context.params)
            except KedroAwsError:
                raise
            except Exception as error:
                raise unloadable(error) from error

    def find_registry(self, config: AwsConfig, entry: str) -> Registry:
        """Find what a model is registered with: by its mark in the catalog, else by aws.yml.

        Raises:
            ConfigError: If the mark is wrong, or there is neither.
            ProjectError: If there is no such entry.
        """
        return merge_registry(config, entry, read_mark(self._entry(entry, _WHICH_MODEL)))

    def check(self, registry: Registry) -> None:
        """Check that the entries which a registration reads exist.

        Raises:
            ProjectError: If one is missing, or the model is not a versioned pickle.
        """
        self.find_model(registry.model)
        for key, entry in (("metrics", registry.metrics), ("sample", registry.sample)):
            if entry is not None:
                self._entry(entry, suggest_correction(key))

    def find_model(self, entry: str) -> "AbstractVersionedDataset[Any, Any]":
        """Find the dataset of a model.

        Raises:
            ProjectError: If there is no such entry, or it is not a versioned pickle.
        """
        dataset = self._dataset(entry, _WHICH_MODEL)
        if not is_pickle(dataset):
            raise ProjectError(
                f"`{entry}` is a {type(dataset).__name__}; a model that SageMaker can serve is saved by "
                "pickle.PickleDataset. Change its type in the catalog and run the pipeline again."
            )
        if not isinstance(dataset, AbstractVersionedDataset) or not is_versioned(dataset):
            raise ProjectError(
                f"`{entry}` is not versioned, so nobody could tell what is registered. "
                "Add `versioned: true` to it in the catalog and run the pipeline again."
            )
        return dataset

    def has(self, entry: str, version: str) -> bool:
        """Tell whether a version of a model was saved.

        Raises:
            ProjectError: As `find_model` does, or if its folder cannot be read.
        """
        return _exists(entry, self.find_model(entry), version)

    def find_saved_model(self, entry: str, version: str | None) -> SavedModel:
        """Find a saved version of a model; by default the newest.

        Raises:
            ProjectError: If there is no such entry or version, or it is not a versioned pickle.
        """
        dataset = self.find_model(entry)
        version = version or self._newest(entry, dataset)
        path = versioned_path(dataset, version)
        if not _exists(entry, dataset, version):
            raise ProjectError(
                f"`{entry}` has no version {version} ({path} does not exist). "
                "Leave --version out for the newest."
            )
        return SavedModel(entry=entry, version=version, path=path, files=file_system(dataset))

    def load_metrics(self, entry: str, version: str) -> Any:
        """Load the metrics of the run that saved a model; of a dataset without versions, what it holds.

        Returns:
            The metrics; None if that run saved none.

        Raises:
            ProjectError: If there is no such entry.
        """
        dataset = self._dataset(entry, suggest_correction("metrics"))
        versioned = is_versioned(dataset)
        try:
            with _quiet():
                return self._catalog.load(entry, version=version if versioned else None)
        except (DatasetError, VersionNotFoundError) as error:
            if versioned and not _absent(error):
                raise _unreadable(entry, error.__cause__ or error) from error
            return None

    def load_rows(self, entry: str, fix: str) -> "pd.DataFrame":
        """Load a table.

        Args:
            entry: Its catalog entry.
            fix: What to do if there is no such entry.

        Raises:
            ProjectError: If there is no such entry, it cannot be loaded, or it is not a table.
        """
        dataset = self._dataset(entry, fix)
        if loads_spark_frames(dataset):
            raise ProjectError(
                f"`{entry}` loads a frame of Spark's, and this command starts no Spark. Name an entry of the "
                "same files that loads with pandas."
            )
        try:
            with _quiet():
                table = self._catalog.load(entry)
        except DatasetError as error:
            raise ProjectError(
                f"`{entry}` cannot be loaded: {first_line(error)}. `kedro run` saves it."
            ) from error
        if not hasattr(table, "columns"):
            raise ProjectError(f"`{entry}` is a {type(table).__name__}, not a table. Name a table instead.")
        return table  # type: ignore[no-any-return]

    def _dataset(self, entry: str, fix: str) -> Any:
        """Find the dataset of an entry; of a CachedDataset, the dataset that it caches."""
        dataset = self._entry(entry, fix)
        return unwrap(dataset)

    def _entry(self, entry: str, fix: str) -> Any:
        if entry not in self._catalog:
            raise ProjectError(f"The catalog has no entry `{entry}`{suggest(entry, self._catalog)} {fix}")
        try:
            return self._catalog[entry]
        except DatasetError as error:
            cause = first_line(error)
            raise ProjectError(f"`{entry}` cannot be made: {cause}. Correct it in the catalog.") from error

    def _newest(self, entry: str, dataset: "AbstractVersionedDataset[Any, Any]") -> str:
        try:
            return str(dataset.resolve_load_version())
        except (DatasetError, VersionNotFoundError) as error:
            if not _absent(error):
                raise _unreadable(entry, error.__cause__ or error) from error
            raise ProjectError(
                f"`{entry}` has never been saved. Run the pipeline first: kedro run"
            ) from error


def suggest_correction(key: str) -> str:
    """Say what to do about an entry that a model's registration names and the catalog lacks."""
    return f"Correct `{key}` where the model's group is named: aws.yml or its catalog entry."


def _exists(entry: str, dataset: "AbstractVersionedDataset[Any, Any]", version: str) -> bool:
    path = versioned_path(dataset, version)
    try:
        with translated(f"look for {path}"):
            return bool(file_system(dataset).exists(path))
    except OSError as error:
        raise _unreadable(entry, error) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Kedro's progress messages, which are for runs."""
    logger = logging.getLogger("kedro")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _absent(error: DatasetError) -> bool:
    """Tell a missing version from a folder that cannot be listed: Kedro raises the same error for both."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    return isinstance(root, DatasetError | FileNotFoundError)


def _unreadable(entry: str, error: BaseException) -> ProjectError:
    return ProjectError(
        f"`{entry}` cannot be read: {first_line(error)}. Check that you may list and read its bucket."
    )
