"""Transform jobs: look at them, wait for them, read what they wrote."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from kedro_aws_plugin.aws.clock import VISIBLE_AFTER, Clock, Deadline, wait_until
from kedro_aws_plugin.aws.errors import is_absent, translate_errors
from kedro_aws_plugin.aws.logs import TRANSFORM_JOBS, say_where_its_log_is
from kedro_aws_plugin.aws.s3 import list_keys
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import AwsError, ServingError

if TYPE_CHECKING:
    from kedro_aws_plugin.plan.steps.transform import CollectPredictions, WaitForTransform

_COMPLETED = "Completed"
_ENDED = frozenset({_COMPLETED, "Failed", "Stopped"})
_TIMEOUT = 5 * 24 * 60 * 60
"""The longest that SageMaker lets a transform job run, in seconds: 5 days, by its service quotas."""

_LOG_LINES = 10
_LOG_STREAMS = 20
_LIST_EVERY = 60.0
"""Seconds between two looks at the files."""

_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class TransformJob:
    """A transform job as DescribeTransformJob shows it.

    Attributes:
        status: InProgress, Completed, Failed, Stopping or Stopped.
        input: The prefix that it reads.
        output: The folder that it writes.
        model: The name of its model.
        instances: How many instances it has.
        created: When it was made.
        failure: Why it failed.
    """

    status: str
    input: str
    output: str
    model: str
    instances: int
    created: datetime
    failure: str | None = None


def observe_job(aws: Aws, name: str) -> TransformJob | None:
    """Look up a transform job; None if there is none."""
    with translate_errors(f"describe transform job {name}"):
        try:
            found = aws.sagemaker.describe_transform_job(TransformJobName=name)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
    return TransformJob(
        status=found["TransformJobStatus"],
        input=found["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"],
        output=found.get("TransformOutput", {}).get("S3OutputPath", ""),
        model=found["ModelName"],
        instances=found["TransformResources"]["InstanceCount"],
        created=found["CreationTime"],
        failure=found.get("FailureReason"),
    )


def observe_models_in_use(aws: Aws) -> frozenset[str]:
    """Look up the models of the transform jobs that run now."""
    with translate_errors("list the transform jobs that run"):
        pages = aws.sagemaker.get_paginator("list_transform_jobs").paginate(StatusEquals="InProgress")
        names = [job["TransformJobName"] for page in pages for job in page["TransformJobSummaries"]]
        jobs = [observe_job(aws, name) for name in names]
    return frozenset(job.model for job in jobs if job)


def list_transform_instance_types(aws: Aws) -> list[str]:
    """List the instance types on which transform jobs run, as botocore's model of SageMaker knows them."""
    shape = aws.sagemaker.meta.service_model.shape_for("TransformInstanceType")
    return [str(name) for name in shape.enum]  # type: ignore[attr-defined]


def wait_for_transform(aws: Aws, step: "WaitForTransform", clock: Clock, note: Callable[[str], None]) -> None:
    """Wait until a job has ended.

    Raises:
        ServingError: If it failed, was stopped or does not exist, or the user does not want to wait.
    """
    progress = _Progress(aws, step, clock)
    seen = clock.now()

    def has_ended(job: TransformJob | None) -> bool:
        nonlocal seen
        if job is None:
            return clock.now() - seen > VISIBLE_AFTER
        seen = clock.now()
        progress.created = job.created
        return job.status in _ENDED

    deadline = Deadline(
        f"Transform job {step.name}", _TIMEOUT, ServingError, f"Go on waiting for it: {step.resume}"
    )
    try:
        job = wait_until(
            lambda: observe_job(aws, step.name),
            has_ended,
            deadline,
            clock,
            lambda status: note(progress.describe(status)),
        )
    except KeyboardInterrupt:
        raise ServingError(
            f"Transform job {step.name} goes on. Come back to it: {step.resume}. "
            f"Stop it: aws sagemaker stop-transform-job --transform-job-name {step.name}"
        ) from None
    except AwsError as error:  # such as expired credentials; the same command would begin a second job
        raise ServingError(
            f"{error.message} Transform job {step.name} goes on meanwhile. Come back to it: {step.resume}"
        ) from error
    if job is None:
        raise ServingError(
            f"There is no transform job {step.name}, so nothing was saved. "
            "Run the command without --job again."
        )
    if job.status == _COMPLETED:
        return
    lines = "".join(f"\n  {line}" for line in _read_log(aws, step.name))
    if job.status == "Stopped":
        raise ServingError(f"Transform job {step.name} was stopped. Run the command without --job again.")
    reason = (job.failure or "AWS gives no reason").rstrip(".")
    raise ServingError(
        f"Transform job {step.name} failed: {reason}. Correct the input or the model, and run the command "
        f"again. {say_where_its_log_is(step.name)}{', and it ends so:' if lines else ''}{lines}"
    )


class _Progress:
    """Counts the files that a job has made, once a minute: the folder may have many others."""

    def __init__(self, aws: Aws, step: "WaitForTransform", clock: Clock) -> None:
        self._aws = aws
        self._step = step
        self._clock = clock
        self._next = clock.now()
        self._made: int | None = None
        self.created: datetime | None = None

    def describe(self, status: str) -> str:
        """Describe how far the job is; without the files if they cannot be listed."""
        if self._clock.now() >= self._next:
            self._next = self._clock.now() + _LIST_EVERY
            self._made = self._count()
        if self._made is None:
            return status
        return f"{status}, {min(self._made, self._step.files)} of {self._step.files} files"

    def _count(self) -> int | None:
        if self.created is None:
            return None
        began = self.created.replace(microsecond=0)  # S3 shows whole seconds
        bucket, _, prefix = self._step.output.removeprefix("s3://").partition("/")
        try:
            pages = self._aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            found = [each for page in pages for each in page.get("Contents", [])]
        except (ClientError, BotoCoreError):
            return None  # the job goes on, whatever may be listed
        return sum(each["Key"].endswith(".out") and each["LastModified"] >= began for each in found)


def _read_log(aws: Aws, job: str) -> list[str]:
    """Read the last lines of a job's log; none if it cannot be read, since the job's reason is known anyway.

    Each instance has a stream. What SageMaker says of the input that the model refused is in another one,
    `.../data-log`.
    """
    try:
        streams = aws.logs.describe_log_streams(logGroupName=TRANSFORM_JOBS, logStreamNamePrefix=f"{job}/")
        names = [stream["logStreamName"] for stream in streams["logStreams"]]
        names.sort(key=lambda name: name.endswith("/data-log"))
        events = [
            event
            for name in names[-_LOG_STREAMS:]
            for event in aws.logs.get_log_events(
                logGroupName=TRANSFORM_JOBS, logStreamName=name, limit=_LOG_LINES, startFromHead=False
            )["events"]
        ]
    except (ClientError, BotoCoreError):
        return []
    events.sort(key=lambda event: event.get("timestamp", 0))
    return [event["message"].rstrip() for event in events[-_LOG_LINES:]]


def collect_predictions(aws: Aws, step: "CollectPredictions") -> dict[str, Any]:
    """Read what a job wrote, and compare its rows with those of the input.

    Returns:
        The rows, and the local copy of each file by the input's name.

    Raises:
        ServingError: If a file is missing, or does not have a row for each row of its input.
    """
    bucket, _, prefix = step.output.removeprefix("s3://").partition("/")
    found = _match(step.rows, prefix, list_keys(aws.s3, bucket, prefix))
    files: dict[str, str] = {}
    counted: dict[str, int] = {}
    for number, (name, key) in enumerate(found.items()):
        body = aws.s3.get_object(Bucket=bucket, Key=key)["Body"]
        if step.folder is None:
            counted[name] = count_lines(iter(lambda: body.read(_CHUNK), b""))  # noqa: B023 - read in this turn
            continue
        path = step.folder / f"{number:05d}.out"
        with path.open("wb") as file:
            shutil.copyfileobj(body, file, _CHUNK)
        counted[name] = count_file(path)
        files[name] = str(path)
    _check_rows(step, counted)
    return {"rows": sum(counted.values()), "files": files}


def count_file(path: Path) -> int:
    """Count the lines of a local file that are not empty."""
    with path.open("rb") as file:
        return count_lines(iter(lambda: file.read(_CHUNK), b""))


def count_lines(chunks: Iterator[bytes]) -> int:
    """Count the lines that are not empty; the last one may lack its line break."""
    count, is_open = 0, False
    for chunk in chunks:
        first, *lines = chunk.split(b"\n")
        # Each element but the last is the end of a line.
        is_open = is_open or bool(first.strip())
        for line in lines:
            count += is_open
            is_open = bool(line.strip())
    return count + is_open


def _match(rows: Mapping[str, int], prefix: str, keys: tuple[str, ...]) -> dict[str, str]:
    """Find the key of each input's predictions: `<input>.out`, with its folder or without.

    Without, only if no other input has the name; so a key is that of one input only.
    """
    known = set(keys)
    last_parts = [name.rpartition("/")[2] for name in rows]
    found = {}
    for name, last in zip(rows, last_parts, strict=True):
        ends = [name, *([last] if last_parts.count(last) == 1 else [])]
        if key := next((f"{prefix}{end}.out" for end in ends if f"{prefix}{end}.out" in known), None):
            found[name] = key
    return found


def _check_rows(step: "CollectPredictions", counted: Mapping[str, int]) -> None:
    wrong = [name for name, rows in step.rows.items() if counted.get(name) != rows]
    if not wrong:
        return
    first = wrong[0]
    came = f"{counted[first]} of {step.rows[first]}" if first in counted else "none"
    others = f" and {len(wrong) - 1} more files" if wrong[1:] else ""
    raise ServingError(
        f"{sum(step.rows.values())} rows went into transform job {step.job}, and "
        f"{sum(counted.values())} came out ({first}: {came}{others}). Nothing was saved; the files are in "
        f"{step.output}. The model must answer with one line for each row."
    )
