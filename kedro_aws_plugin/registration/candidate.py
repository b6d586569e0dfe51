"""Prepare a model for its registration: download it from the catalog, check it, pack it, describe it."""

import errno
import importlib.util
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.config import Project, Registry
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.archive import Archive, Member, build_archive, lay_out
from kedro_aws_plugin.model_artifact.check import (
    Checked,
    Hidden,
    NeedsPackageError,
    check_model,
    parse_distribution,
)
from kedro_aws_plugin.model_artifact.handlers import list_model_members
from kedro_aws_plugin.model_artifact.images import Image, choose_sklearn_image, explain_skew, take_own_image
from kedro_aws_plugin.model_artifact.payload import draw_rows
from kedro_aws_plugin.model_artifact.project_package import list_package_members
from kedro_aws_plugin.model_artifact.quality import build_model_quality, flatten_metrics
from kedro_aws_plugin.model_artifact.wheels import bundle_requirements, find_variables
from kedro_aws_plugin.plan.observed import BUNDLED, BY_PIP, NO_REQUIREMENTS, Sample
from kedro_aws_plugin.plan.register import Candidate
from kedro_aws_plugin.project.catalog import ProjectCatalog, SavedModel, suggest_correction
from kedro_aws_plugin.registration.lineage import Lineage
from kedro_aws_plugin.run.record import find_installed_versions, read_record, take_record
from local_aws import default_state_dir, make_state_dir

if TYPE_CHECKING:
    import pandas as pd

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_LEFT_BEHIND_AFTER = 6 * 24 * 60 * 60  # a transform job, which is waited for, may take 5 days


@contextmanager
def prepare_candidate(
    project: Project, catalog: ProjectCatalog, registry: Registry, version: str | None
) -> Iterator[Candidate]:
    """Prepare a saved model for its registration. Its archive exists as long as the context.

    Args:
        project: The Kedro project.
        catalog: The project's catalog.
        registry: The settings of the model's registration.
        version: The model's Kedro version; None for the newest.

    Raises:
        ProjectError: If the model cannot be found, loaded or used for a prediction.
    """
    with make_work_folder(default_state_dir(project.path)) as folder:
        maker = _Maker(project, catalog, registry)
        yield maker.prepare(catalog.find_saved_model(registry.model, version), folder)


def _find_package(project: Project) -> Path:
    """Find the folder of the project's package: in its src/, or, in a job, where Python imports it from."""
    folder = project.path / "src" / project.package
    if folder.is_dir():
        return folder
    found = importlib.util.find_spec(project.package)
    places = list(found.submodule_search_locations or []) if found is not None else []
    return Path(places[0]) if places else folder


class _Maker:
    """Prepares the models of one project."""

    def __init__(self, project: Project, catalog: ProjectCatalog, registry: Registry) -> None:
        self._catalog = catalog
        self._project = project
        self._registry = registry
        self._package = _find_package(project)
        handlers = self._package / "inference.py"
        self._own_handlers = handlers if handlers.is_file() else None

    def prepare(self, saved: SavedModel, folder: Path) -> Candidate:
        """Download, check and pack a saved model in a folder."""
        pickle = folder / "model.pickle"
        saved.write(pickle)
        image = self._choose_image()
        members = self._list_members(pickle, image, folder / "wheels")
        package = list_package_members(self._package) if self._registry.include_project else []
        lay_out([*members, *package], folder / "model")
        rows = self._load_sample()
        try:
            checked = self._check(folder / "model", image, rows)
        except NeedsPackageError:
            package = list_package_members(self._package)
            lay_out(package, folder / "model")
            checked = self._check(folder / "model", image, rows)
        members += _list_signature(checked)
        archive = build_archive([*members, *package], folder / "model.tar.gz")
        metrics, warnings = self._load_metrics(saved)
        return Candidate(
            entry=saved.entry,
            version=saved.version,
            archive=archive.path,
            size=archive.size,
            sha256=archive.sha256,
            content_sha256=archive.content_sha256,
            image=image.uri,
            framework_version=image.framework_version,
            properties=self._trace(saved, archive, metrics).to_properties(),
            quality=self._describe_quality(metrics, checked),
            sample=None if checked.sample is None else Sample(checked.sample, checked.response or b""),
            signature=checked.signature,
            warnings=(*warnings, *checked.warnings, *self._explain_skew(image, checked)),
            environment=find_variables(members),
        )

    def _list_members(self, pickle: Path, image: Image, wheels: Path) -> list[Member]:
        """List the model, its handlers, and what the container installs."""
        requirements = self._registry.requirements
        if not self._registry.bundle or not requirements:
            return list_model_members(pickle, override=self._own_handlers, requirements=requirements)
        wheels.mkdir()
        bundled = bundle_requirements(requirements, image, wheels)
        return [*list_model_members(pickle, override=self._own_handlers), *bundled]

    def _describe_requirements(self) -> str:
        if not self._registry.requirements:
            return NO_REQUIREMENTS
        return BUNDLED if self._registry.bundle else BY_PIP

    def _choose_image(self) -> Image:
        region = self._project.config.region
        if self._registry.image is not None:
            return take_own_image(self._registry.image, region)
        installed = find_installed_versions().get("scikit-learn")
        if installed is None:
            raise ProjectError(
                "scikit-learn is not installed, so the container that matches it cannot be chosen. "
                "Install it: pip install scikit-learn"
            )
        return choose_sklearn_image(region, installed)

    def _explain_skew(self, image: Image, checked: Checked) -> list[str]:
        if image.framework_version is None and self._project.config.target == "local":
            return [f"The local AWS runs no images: this Python answers in the place of {image.uri}."]
        versions = find_installed_versions(("scikit-learn", "numpy", "pandas", *checked.distributions))
        required = {parse_distribution(line) for line in self._registry.requirements}
        return explain_skew(image, versions, required=required)

    def _load_sample(self) -> "pd.DataFrame | None":
        """Load the rows by which the model is checked."""
        entry = self._registry.sample
        return (
            None if entry is None else draw_rows(self._catalog.load_rows(entry, suggest_correction("sample")))
        )

    def _check(self, model: Path, image: Image, rows: "pd.DataFrame | None") -> Checked:
        """Load the model as the container will, and let it predict for the sample."""
        # What an image of the user's own has is not known.
        installed = image.distributions if image.framework_version else None
        hidden = Hidden(self._project.package, self._registry.requirements, installed)
        return check_model(model, rows, method=self._registry.method, hidden=hidden)

    def _load_metrics(self, saved: SavedModel) -> tuple[dict[str, Any] | None, list[str]]:
        entry = self._registry.metrics
        if entry is None:
            return None, []
        metrics = self._catalog.load_metrics(entry, saved.version)
        missing = f"Run {saved.version} saved no `{entry}`: {saved.entry} is registered without metrics."
        return metrics, [] if metrics is not None else [missing]

    def _describe_quality(self, metrics: dict[str, Any] | None, checked: Checked) -> bytes | None:
        if metrics is None:
            return None
        quality = build_model_quality(metrics, checked.task, entry=self._registry.metrics or "metrics")
        return json.dumps(quality, indent=2).encode()

    def _trace(self, saved: SavedModel, archive: Archive, metrics: dict[str, Any] | None) -> Lineage:
        kept = read_record(default_state_dir(self._project.path), saved.version)
        record = kept or take_record(self._project.path, self._catalog.parameters)
        return Lineage(
            git_sha=record.git_sha,
            git_dirty=record.git_dirty,
            recorded="run" if kept else "registration",
            requirements=self._describe_requirements(),
            run_id=saved.version,
            model_entry=saved.entry,
            model_version=saved.version,
            parameters_hash=record.parameters_hash,
            artifact_sha256=archive.sha256,
            content_sha256=archive.content_sha256,
            versions=record.versions,
            metrics=flatten_metrics(metrics, entry=self._registry.metrics or "metrics") if metrics else {},
        )


def _list_signature(checked: Checked) -> list[Member]:
    """List the file that the packed handlers read, as the check wrote it."""
    if checked.signature is None:
        return []
    return [Member("code/signature.json", json.dumps(checked.signature).encode())]


@contextmanager
def make_work_folder(state: Path) -> Iterator[Path]:
    """Make a temporary folder on the project's disk, where a large model or table fits.

    Folders that killed commands left behind are deleted after six days.

    Raises:
        ProjectError: If the disk is full, here or within the context.
    """
    root = state / "tmp"
    with explain_full_disk(root):
        make_state_dir(state)
        root.mkdir(mode=0o700, exist_ok=True)
        for left in root.iterdir():
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND_AFTER:
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=root) as folder:
            yield Path(folder)


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Say which disk is full, wherever the error of it comes up within the context.

    Raises:
        ProjectError: If it is.
    """
    try:
        yield
    except Exception as error:
        if _is_of_a_full_disk(error):
            raise ProjectError(
                f"The disk of {folder} is full. Make room on it, and run the command again."
            ) from error
        raise


def _is_of_a_full_disk(error: BaseException | None) -> bool:
    """Tell whether an error comes from a disk, or a user's share of it, that is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        error = error.__cause__
    return False
