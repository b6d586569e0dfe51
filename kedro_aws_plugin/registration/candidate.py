"""Prepare a model for its registration: download it from the catalog, check it, pack it, describe it."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro_aws_plugin.config import Project, Registry
from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.archive import Archive, build_archive, lay_out
from kedro_aws_plugin.model_artifact.check import Checked, Hidden, check_model
from kedro_aws_plugin.model_artifact.handlers import list_model_members
from kedro_aws_plugin.model_artifact.images import choose_sklearn_image, explain_skew
from kedro_aws_plugin.model_artifact.payload import Payload
from kedro_aws_plugin.model_artifact.quality import build_model_quality, flatten_metrics
from kedro_aws_plugin.plan.register import Candidate, Sample
from kedro_aws_plugin.project.catalog import ProjectCatalog, SavedModel, suggest_correction
from kedro_aws_plugin.registration.lineage import Lineage
from kedro_aws_plugin.run.record import find_installed_versions, read_record, take_record
from local_aws import default_state_dir, make_state_dir

_LEFT_BEHIND_AFTER = 24 * 60 * 60


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
    with _make_work_folder(default_state_dir(project.path)) as folder:
        maker = _Maker(project, catalog, registry)
        yield maker.prepare(catalog.find_saved_model(registry.model, version), folder)


class _Maker:
    """Prepares the models of one project."""

    def __init__(self, project: Project, catalog: ProjectCatalog, registry: Registry) -> None:
        self._catalog = catalog
        self._project = project
        self._registry = registry
        handlers = project.path / "src" / project.package / "inference.py"
        self._own_handlers = handlers if handlers.is_file() else None

    def prepare(self, saved: SavedModel, folder: Path) -> Candidate:
        """Download, check and pack a saved model in a folder."""
        pickle = folder / "model.pickle"
        saved.download(pickle)
        members = list_model_members(
            pickle, override=self._own_handlers, requirements=self._registry.requirements
        )
        lay_out(members, folder / "model")
        checked, sample = self._check(folder / "model")
        archive = build_archive(members, folder / "model.tar.gz")
        versions = find_installed_versions()
        if "scikit-learn" not in versions:
            raise ProjectError(
                "scikit-learn is not installed, so the container that matches it cannot be chosen. "
                "Install it: pip install scikit-learn"
            )
        image = choose_sklearn_image(self._project.config.region, versions["scikit-learn"])
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
            sample=sample,
            warnings=(*warnings, *checked.warnings, *explain_skew(image, versions)),
        )

    def _check(self, model: Path) -> tuple[Checked, Sample | None]:
        """Load the model as the container will, and let it predict for the sample payload."""
        hidden = Hidden(package=self._project.package, requirements=self._registry.requirements)
        entry = self._registry.sample
        if entry is None:
            return check_model(model, None, hidden=hidden), None
        rows = self._catalog.load_rows(entry, suggest_correction("sample"))
        checked = check_model(model, Payload.from_frame(rows), hidden=hidden)
        # The project's own handlers may need columns that the model does not name.
        columns = None if self._own_handlers else checked.feature_names
        sample = Sample(body=Payload.from_frame(rows, columns=columns).body, answer=checked.response or b"")
        return checked, sample

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
            run_id=saved.version,
            model_entry=saved.entry,
            model_version=saved.version,
            parameters_hash=record.parameters_hash,
            artifact_sha256=archive.sha256,
            content_sha256=archive.content_sha256,
            versions=record.versions,
            metrics=flatten_metrics(metrics, entry=self._registry.metrics or "metrics") if metrics else {},
        )


@contextmanager
def _make_work_folder(state: Path) -> Iterator[Path]:
    """Make a temporary folder on the project's disk, where a large model fits.

    Folders that killed commands left behind are deleted after a day.
    """
    root = state / "tmp"
    make_state_dir(state)
    root.mkdir(exist_ok=True)
    for left in root.iterdir():
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND_AFTER:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        yield Path(folder)
