"""Batch transform: rows of the catalog, a file or S3 in; predictions into the catalog or to S3."""

import hashlib
import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_aws_plugin.actions.prediction import make_frame
from kedro_aws_plugin.aws.cloudformation import find_role
from kedro_aws_plugin.aws.sagemaker.endpoints import observe_package
from kedro_aws_plugin.aws.sagemaker.registry import observe_details, observe_group
from kedro_aws_plugin.aws.sagemaker.transform import (
    TransformJob,
    list_transform_instance_types,
    observe_job,
)
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.config import (
    AwsConfig,
    Transform,
    choose_group,
    choose_role,
    find_endpoint_groups,
    merge_transform,
)
from kedro_aws_plugin.config.names import is_sagemaker_name
from kedro_aws_plugin.errors import AwsError, ConfigError, ProjectError, suggest
from kedro_aws_plugin.model_artifact.lines import (
    SUFFIXES,
    WITHOUT_HEADER,
    LineFormat,
    choose_format,
    read_predictions,
    write_lines,
)
from kedro_aws_plugin.model_artifact.payload import CSV, JSON_LINES
from kedro_aws_plugin.plan.approval import choose_approved, choose_package
from kedro_aws_plugin.plan.deployment import check_isolation
from kedro_aws_plugin.plan.observed import ModelPackage
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.tags import make_project_tags
from kedro_aws_plugin.plan.transform import (
    FOLDER,
    InputFile,
    TransformInput,
    TransformRequest,
    TransformState,
    build_model_settings,
    list_model_names,
    make_job_name,
    plan_transform,
)
from kedro_aws_plugin.project.catalog import ProjectCatalog
from kedro_aws_plugin.project.transform_input import (
    S3,
    Files,
    Source,
    StoredObjects,
    download,
    find_source,
    look_at_objects,
    make_table,
)
from kedro_aws_plugin.registration.candidate import make_work_folder
from kedro_aws_plugin.session.session import Session
from local_aws import default_state_dir

if TYPE_CHECKING:
    import pandas as pd

_PREDICTION = re.compile(r"prediction(_\d+)?")
_MISSING = {
    "input": "an entry, a file or an S3 folder",
    "output": "an entry or an S3 folder",
}


@dataclass(frozen=True)
class TransformOptions:
    """What the user wants of a transform.

    Attributes:
        rows: A table to transform instead of the input of aws.yml.
        package: The version, by number or ARN; by default the newest approved one.
        job: A job that was started before, which is waited for; None starts another one.
        wait: Whether to wait for the job.
        saves: Whether the predictions are saved; without, they are only returned.
        changes: What to take instead of the keys of `transform:` in aws.yml; None for those to keep.
    """

    rows: "pd.DataFrame | None" = None
    package: str | None = None
    job: str | None = None
    wait: bool = True
    saves: bool = True
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Transformed:
    """What a transform has made.

    Attributes:
        job: The job.
        package: The ARN of the version that predicted.
        input: The prefix on S3 that it read.
        output: The catalog entry, or the folder on S3, with the predictions; None if they are only returned.
        rows_in: The rows that went in.
        rows_out: The predictions that came out; None without waiting.
        frame: The predictions; None if they are on S3, or without waiting.
    """

    job: str
    package: str
    input: str
    output: str | None
    rows_in: int
    rows_out: int | None
    frame: "pd.DataFrame | None" = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """Convert it to plain values, without the predictions."""
        return {name: value for name, value in vars(self).items() if name != "frame"}


@dataclass(frozen=True)
class PreparedTransform:
    """A transform that is ready to be planned. What it needs exists as long as the context that made it.

    Attributes:
        job: The name of the job.
        resume: The command that goes on waiting for the job.
        look: Looks at what there is, and plans from there.
        finish: Makes of the results of the steps what the user gets, and saves it.
    """

    job: str
    resume: str
    look: Callable[[], Plan]
    finish: Callable[[Sequence[dict[str, Any]]], Transformed]


@contextmanager
def prepare_transform(
    session: Session, options: TransformOptions, catalog: ProjectCatalog | None = None
) -> Iterator[PreparedTransform]:
    """Choose the version, convert the input, and name the job.

    Args:
        session: The opened project, connected.
        options: What the user wants.
        catalog: The catalog of the run in force; by default it is made when it is needed.

    Raises:
        KedroAwsError: If there is no such version or input, or the model cannot take it.
    """
    absent = [name for name in ("pandas", "pyarrow") if importlib.util.find_spec(name) is None]
    if absent:
        raise ProjectError(
            f"A transform needs {' and '.join(absent)}. Install it: pip install {' '.join(absent)}"
        )
    with make_work_folder(default_state_dir(session.project.path)) as folder:
        yield _Preparation(session, options, folder, catalog).prepare()


class _Preparation:
    """Prepares one transform."""

    def __init__(
        self, session: Session, options: TransformOptions, folder: Path, catalog: ProjectCatalog | None
    ) -> None:
        self._session = session
        self._table = None if options.rows is None else make_table("The frame", options.rows)
        self._options = options
        self._folder = folder
        self._known_catalog = catalog
        self._config: AwsConfig = session.config
        self._aws: Aws = session.aws
        size = merge_transform(self._config, options.changes)
        self._size: Transform = size if options.saves else size.model_copy(update={"output": None})

    @property
    def _catalog(self) -> ProjectCatalog:
        if self._known_catalog is None:
            self._known_catalog = ProjectCatalog.open(self._session)
        return self._known_catalog

    @property
    def _goes_to_s3(self) -> bool:
        return (self._size.output or "").startswith(S3)

    def prepare(self) -> PreparedTransform:
        former = self._find_former_job()
        if former is not None:  # it has decided how many files there are
            self._size = self._size.model_copy(update={"instance_count": former.instances})
        self._check()
        package = self._choose_package(former)
        warnings = check_isolation(package, self._size, "transform") if former is None else ()
        role = choose_role(self._config, lambda: find_role(self._aws, self._config.bucket))
        by_sagemaker = self._size.join and self._goes_to_s3
        summary = package.properties.get("signature", "")
        form = choose_format(package.signature, summary, joined=by_sagemaker)
        source, given = self._prepare_input(form, package, by_sagemaker=by_sagemaker)
        job = self._job = self._options.job or make_job_name(package.group, datetime.now(timezone.utc))
        groups = find_endpoint_groups(self._config)
        settings = build_model_settings(self._size, self._session.overrides)
        names = list_model_names(groups, package.group, package.arn, role, settings)
        wanted = TransformRequest(
            job=job,
            package=package.arn,
            model=names[0],
            role_arn=role,
            input=given,
            output=self._choose_folder(job, former),
            accept=CSV if by_sagemaker and given.content_type.startswith(CSV) else JSON_LINES,
            size=self._size,
            tags=make_project_tags(self._session.project.package, self._config.env, self._config.bucket),
            resume=self._write_resume(job),
            join=by_sagemaker,
            wait=self._options.wait,
            folder=None if self._goes_to_s3 else self._folder,
            overrides=self._session.overrides,
        )

        has_looked = False

        def look_at_model() -> Plan:
            nonlocal has_looked
            # Where the answer to the request was lost, the job is there when it is begun anew.
            made = former or (observe_job(self._aws, job) if has_looked else None)
            has_looked = True
            if made is not None:
                return plan_transform(wanted, TransformState(model_exists=True, job_input=made.input))
            existing = next((name for name in names if observe_package(self._aws, name) is not None), None)
            chosen = replace(wanted, model=existing or names[0])
            plan = plan_transform(chosen, TransformState(model_exists=existing is not None))
            return replace(plan, warnings=(*warnings, *plan.warnings))

        return PreparedTransform(
            job, wanted.resume, look_at_model, lambda results: self._finish(wanted, source, results)
        )

    def _check(self) -> None:
        """Check what can be checked before anything is read."""
        for key, what in _MISSING.items():
            needed = self._options.rows is None if key == "input" else self._options.saves
            if needed and getattr(self._size, key) is None:
                raise ConfigError(
                    f"conf/base/aws.yml: `transform.{key}` is missing. Add it, or give --{key}: {what}."
                )
        output = self._size.output
        if output is not None and not self._goes_to_s3:
            self._catalog.check_entry(output, "Name a catalog entry, or a folder on S3: s3://...")
        known = list_transform_instance_types(self._aws)
        if self._size.instance_type not in known:
            given = self._options.changes.get("instance_type")
            where = "--instance-type" if given else "conf/base/aws.yml: `transform.instance_type`"
            raise ConfigError(
                f"{where}: SageMaker runs no transform jobs on `{self._size.instance_type}`"
                f"{suggest(self._size.instance_type, known)}"
            )

    def _find_former_job(self) -> TransformJob | None:
        if self._options.job is None:
            return None
        known = is_sagemaker_name(self._options.job)
        found = observe_job(self._aws, self._options.job) if known else None
        if found is None:
            raise AwsError(f"There is no transform job {self._options.job}. Leave --job out to start one.")
        return found

    def _choose_package(self, former: TransformJob | None) -> ModelPackage:
        default = self._config.registry.group if self._config.registry else None
        wanted = self._options.package
        if former is None:
            group = observe_group(self._aws, choose_group(self._config, wanted, self._size.group))
            chosen = choose_approved(group, wanted, default)
        else:  # what is approved by now does not change what has predicted
            own = observe_package(self._aws, former.model)
            if not own and wanted is None:
                raise AwsError(
                    f"The model of transform job {self._options.job} does not exist any more. "
                    "Name the version that it was made of: --package"
                )
            where = None if own else self._size.group
            group = observe_group(self._aws, choose_group(self._config, own or wanted, where))
            chosen = choose_package(group, own or wanted, default)
        return observe_details(self._aws, replace(group, packages=(chosen,))).packages[0]

    def _prepare_input(
        self, form: LineFormat, package: ModelPackage, *, by_sagemaker: bool
    ) -> tuple[Callable[[], Source], TransformInput]:
        """Find the input, and convert it unless it is on S3 in lines.

        Returns:
            What reads its rows again, and what SageMaker reads.
        """
        known = (package.signature or {}).get("input") or {"columns": ()}
        columns = known["columns"]
        source: Source
        if self._table is not None:
            source = self._table
        else:
            name = str(self._size.input)
            if name.startswith(S3):
                stored = look_at_objects(self._aws, name, form)
                if stored.rows:
                    given = _describe_stored(stored, form, by_sagemaker=by_sagemaker)
                    return lambda: self._download(stored, columns, self._find_start()), given
                source = self._download(stored, columns)
            else:
                source = find_source(self._catalog, name, columns)
        self._check_names(source)
        digest = self._compute_digest(source)
        given = self._convert(source, form)

        def read_again() -> Source:
            if self._compute_digest(source) != digest:
                raise ProjectError(
                    f"{source.name} was changed after its rows were sent, so the predictions are not "
                    "those of its rows. Nothing was saved: run the command again."
                )
            return source

        return read_again, given

    def _compute_digest(self, source: Source) -> str | None:
        """Compute a digest of files that are read again for the join; a table in memory stays as it is."""
        return source.compute_digest() if self._size.join and isinstance(source, Files) else None

    def _find_start(self) -> datetime | None:
        """Find when the job was made that has read what is on S3."""
        made = observe_job(self._aws, self._job)
        return made.created if made is not None else None

    def _download(
        self,
        stored: StoredObjects,
        columns: Sequence[Mapping[str, Any]],
        unchanged_since: datetime | None = None,
    ) -> Files:
        return download(self._aws, stored, self._folder, columns, unchanged_since)

    def _check_names(self, source: Source) -> None:
        first = next(source.iterate_tables(), None) if self._size.join else None
        names = [] if first is None else [str(name) for name in first.columns]
        taken = [name for name in names if _PREDICTION.fullmatch(name)]
        if taken:
            raise ProjectError(
                f"{source.name} has a column `{taken[0]}` already. Rename it, or leave --join out."
            )

    def _convert(self, source: Source, form: LineFormat) -> TransformInput:
        files = self._size.instance_count
        parts = write_lines(source.iterate_tables(), form, self._folder, source.name, files=files)
        digest = hashlib.sha256("\n".join([form.content_type, *(part.sha256 for part in parts)]).encode())
        uri = f"{S3}{self._config.bucket}/{FOLDER}/input/{digest.hexdigest()[:16]}/"
        names = {part.path.name: part for part in parts}
        return TransformInput(
            uri=uri,
            content_type=form.content_type,
            rows={name: part.rows for name, part in names.items()},
            uploads={name: InputFile(part.path, part.size, part.sha256) for name, part in names.items()},
        )

    def _choose_folder(self, job: str, former: TransformJob | None) -> str:
        if former is not None:
            folder = former.output
        elif self._goes_to_s3:
            folder = str(self._size.output)
        else:
            folder = f"{S3}{self._config.bucket}/{FOLDER}/output/{job}"
        return f"{folder.rstrip('/')}/"

    def _write_resume(self, job: str) -> str:
        if self._options.rows is not None or not self._options.saves:
            # The command would save the predictions, which the notebook or node only wanted to have.
            return f"aws sagemaker describe-transform-job --transform-job-name {job}"
        words = ["kedro", "aws", "transform", "--job", job]
        for key in ("input", "output", "group"):
            if given := self._options.changes.get(key):
                words += [f"--{key}", str(given)]
        joins = self._options.changes.get("join")
        if joins is not None:
            words.append("--join" if joins else "--no-join")
        return shlex.join(words)

    def _finish(
        self, wanted: TransformRequest, source: Callable[[], Source], results: Sequence[dict[str, Any]]
    ) -> Transformed:
        done = Transformed(
            job=wanted.job,
            package=wanted.package,
            input=wanted.input.uri,
            output=self._size.output,
            rows_in=wanted.input.count,
            rows_out=results[-1]["rows"] if wanted.wait else None,
        )
        if not wanted.wait or wanted.folder is None:
            return done
        paths = [Path(results[-1]["files"][name]) for name in wanted.input.rows]
        frame = self._make_frame({"predictions": read_predictions(paths)}, source)
        if self._size.output is not None:
            self._catalog.save_rows(self._size.output, frame)
        return replace(done, frame=frame)

    def _make_frame(self, answer: dict[str, Any], source: Callable[[], Source]) -> "pd.DataFrame":
        import pandas as pd

        if not self._size.join:
            return make_frame(answer, None if self._table is None else self._table.rows.index)
        inputs = source().load_table()
        predictions = make_frame(answer, inputs.index)
        return pd.concat(
            [inputs.reset_index(drop=True), predictions.reset_index(drop=True)], axis=1
        ).set_axis(inputs.index, axis=0)


def _describe_stored(stored: StoredObjects, form: LineFormat, *, by_sagemaker: bool) -> TransformInput:
    """Describe objects that SageMaker takes as they are."""
    kind = JSON_LINES
    if stored.suffix == SUFFIXES[CSV]:
        # SageMaker joins where it knows both content types.
        kind = CSV if by_sagemaker or form.columns is None else WITHOUT_HEADER
    return TransformInput(uri=stored.uri, content_type=kind, rows=stored.rows)
