"""Read CloudWatch Logs: what endpoints and jobs of SageMaker have printed."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from kedro_aws_plugin.aws.clock import Clock
from kedro_aws_plugin.aws.console import find_console
from kedro_aws_plugin.aws.errors import get_error_code, is_absent, translate_errors
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.plan.execution import ENDED, Execution

TRANSFORM_JOBS = "/aws/sagemaker/TransformJobs"
"""The log group of all transform jobs; a job's streams begin with its name."""

PROCESSING_JOBS = "/aws/sagemaker/ProcessingJobs"
"""The log group of all processing jobs, likewise; the steps of a pipeline are such jobs."""

TRAINING_JOBS = "/aws/sagemaker/TrainingJobs"
"""The log group of all training jobs, likewise."""

_STREAMS_AT_ONCE = 100
"""As many log streams as one request of FilterLogEvents may name."""
_LATE = 60_000
"""Milliseconds after which a line can be read, at the latest, as CloudWatch and clocks go."""
_NO_GROUP = "ResourceNotFoundException"
_SETTLED = 10.0
"""Seconds after the end of a job in which its last lines become readable."""


@dataclass(frozen=True)
class LogSource:
    """Something that prints.

    Attributes:
        kind: What it is: "endpoint" or "transform-job", as in its ARN; "run" for an execution of a
            pipeline.
        name: Its name.
        group: Its log group.
        prefix: How the names of its streams in the group begin.
        look: Looks up an execution, whose steps print; None for all else.
        step: The only step of it that is meant; empty for all.
    """

    kind: str
    name: str
    group: str
    prefix: str = ""
    look: Callable[[], Execution | None] | None = None
    step: str = ""

    def make_console_link(self, region: str) -> str | None:
        """Make the address of its log in AWS's console; None if the console's is not known."""
        console = find_console(region)
        if console is None:
            return None
        groups = f"{console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group"
        link = f"{groups}/{_quote_twice(self.group)}"
        return f"{link}$3FlogStreamNameFilter$3D{_quote_twice(self.prefix)}" if self.prefix else link


@dataclass(frozen=True)
class LogLine:
    """A line.

    Attributes:
        time: When it was printed, in milliseconds since 1970.
        stream: The name of its log stream, without the prefix of the source.
        text: What was printed.
    """

    time: int
    stream: str
    text: str


def say_where_its_log_is(name: str) -> str:
    """Say how to read the log of an endpoint or a job, in a sentence without its full stop."""
    return f"Its log: kedro aws logs {name}"


def find_log_sources(aws: Aws, name: str, kind: str | None = None) -> list[LogSource]:
    """Find what of SageMaker has this name: an endpoint, a batch transform job, or both.

    What has been deleted counts as long as its log is there.

    Args:
        aws: The clients.
        name: The name.
        kind: The only kind to look for: "endpoint" or "transform-job"; by default both.
    """
    endpoint = LogSource("endpoint", name, f"/aws/sagemaker/Endpoints/{name}")
    job = LogSource("transform-job", name, TRANSFORM_JOBS, prefix=f"{name}/")
    found = []
    with translate_errors(f"look for the log of {name}"):
        if kind in (None, endpoint.kind) and (_endpoint_exists(aws, name) or _list_streams(aws, endpoint)):
            found.append(endpoint)
        if kind in (None, job.kind) and (_find_job_status(aws, name) or _list_streams(aws, job)):
            found.append(job)
    return found


def read_lines(aws: Aws, source: LogSource, since: int) -> Iterator[LogLine]:
    """Read what was printed, in the order of time.

    Args:
        aws: The clients.
        source: What printed it.
        since: The time of the earliest line, in milliseconds since 1970.

    Raises:
        AwsError: If AWS refuses.
    """
    for _, line in _read_events(aws, source, since):
        yield line


def follow_lines(aws: Aws, source: LogSource, since: int, clock: Clock) -> Iterator[LogLine]:
    """Read what was printed, and then what is being printed; of a job, until it has ended.

    Args:
        aws: The clients.
        source: What prints.
        since: The time of the earliest line, in milliseconds since 1970.
        clock: The time; how often to look.

    Raises:
        AwsError: If AWS refuses.
    """
    seen: dict[str, int] = {}
    is_last = False
    while True:
        ended = _has_ended(aws, source)
        for event, line in _read_events(aws, source, since):
            if event not in seen:
                seen[event] = line.time
                yield line
        if is_last:
            return
        is_last = ended
        # Lines of another machine may come later, and with an earlier time.
        since = max(since, max(seen.values(), default=0) - _LATE)
        seen = {event: time for event, time in seen.items() if time >= since}
        clock.sleep(_SETTLED if ended and aws.target == "aws" else clock.interval)


def _read_events(aws: Aws, source: LogSource, since: int) -> Iterator[tuple[str, LogLine]]:
    with translate_errors(f"read the log of {source.name}"):
        # An endpoint has its group for itself. The streams of a job are named, as many as a request takes.
        wanted: list[tuple[str, dict[str, str]]] = [(source.group, {})]
        if source.prefix or source.look:
            streams = [(group, [*names.items()]) for group, names in _name_streams(aws, source).items()]
            wanted = [
                (group, dict(names[at : at + _STREAMS_AT_ONCE]))
                for group, names in streams
                for at in range(0, len(names), _STREAMS_AT_ONCE)
            ]
        events = (_read_streams(aws, group, since, names) for group, names in wanted)
        yield from heapq.merge(*events, key=lambda event: event[1].time)


def _name_streams(aws: Aws, source: LogSource) -> dict[str, dict[str, str]]:
    """Name the streams of a source: by their groups and own names, those that are shown."""
    if source.look is None or source.prefix:
        shown = {name: name.removeprefix(source.prefix) for name in _list_streams(aws, source)}
        return {source.group: shown}
    named: dict[str, dict[str, str]] = {}
    found = source.look()
    for step in found.steps if found else ():
        if not step.job or source.step not in ("", step.name):
            continue
        group = TRAINING_JOBS if step.is_training else source.group
        own = replace(source, group=group, prefix=f"{step.job}/")
        shown = {name: f"{step.name}/{name.removeprefix(own.prefix)}" for name in _list_streams(aws, own)}
        named.setdefault(group, {}).update(shown)
    return named


def _read_streams(
    aws: Aws, group: str, since: int, names: Mapping[str, str]
) -> Iterator[tuple[str, LogLine]]:
    """Read streams of a group, by default all of them; nothing where there is no such group."""
    request: dict[str, Any] = {"logGroupName": group, "startTime": since, "interleaved": True}
    if names:
        request["logStreamNames"] = [*names]
    try:
        for page in aws.logs.get_paginator("filter_log_events").paginate(**request):
            for event in page["events"]:
                name = event["logStreamName"]
                yield event["eventId"], LogLine(event["timestamp"], names.get(name, name), event["message"])
    except ClientError as error:
        if get_error_code(error) != _NO_GROUP:
            raise


def _list_streams(aws: Aws, source: LogSource) -> list[str]:
    """List the names of a source's log streams; none where there is no log."""
    paginator = aws.logs.get_paginator("describe_log_streams")
    try:
        if source.prefix:
            pages = paginator.paginate(logGroupName=source.group, logStreamNamePrefix=source.prefix)
        else:
            pages = paginator.paginate(logGroupName=source.group)
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    except ClientError as error:
        if get_error_code(error) == _NO_GROUP:
            return []
        raise


def _has_ended(aws: Aws, source: LogSource) -> bool:
    if source.kind == "endpoint":
        return False
    if source.look is not None:
        found = source.look()
        return found is None or found.status in ENDED
    with translate_errors(f"describe job {source.name}"):
        return _find_job_status(aws, source.name) not in ("InProgress", "Stopping")


def _endpoint_exists(aws: Aws, name: str) -> bool:
    try:
        aws.sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    return True


def _find_job_status(aws: Aws, name: str) -> str | None:
    try:
        return aws.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"]
    except ClientError as error:
        if is_absent(error):
            return None
        raise


def _quote_twice(text: str) -> str:
    """Quote a name for the console's addresses, in which "/" is "$252F"."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")
