"""The resources of SageMaker that the overlay holds, by region."""

import base64
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from local_aws.kept.tables import OpenRoom, open_nothing
from local_aws.protocol.aws_json import Params
from local_aws.protocol.clock import now
from local_aws.protocol.messages import invalid

ACCOUNT_ID = "123456789012"
_DEFAULT_PAGE = 10

Resource = dict[str, Any]
"""A resource as its Describe operation shows it. Times are in seconds since the epoch."""


@dataclass
class Region:
    """The resources of one region, by name and in the order of their creation.

    `packages`, `executions` and `tags` are by ARN, `pipeline_versions` by ARN and number.
    """

    name: str
    groups: dict[str, Resource] = field(default_factory=dict)
    packages: dict[str, Resource] = field(default_factory=dict)
    models: dict[str, Resource] = field(default_factory=dict)
    configs: dict[str, Resource] = field(default_factory=dict)
    endpoints: dict[str, Resource] = field(default_factory=dict)
    transform_jobs: dict[str, Resource] = field(default_factory=dict)
    invocations: dict[str, Resource] = field(default_factory=dict)
    processing_jobs: dict[str, Resource] = field(default_factory=dict)
    training_jobs: dict[str, Resource] = field(default_factory=dict)
    pipelines: dict[str, Resource] = field(default_factory=dict)
    pipeline_versions: dict[str, Resource] = field(default_factory=dict)
    executions: dict[str, Resource] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def make_arn(self, kind: str, name: str) -> str:
        """Make the ARN of a resource of this region."""
        return f"arn:{choose_partition(self.name)}:sagemaker:{self.name}:{ACCOUNT_ID}:{kind}/{name}"

    def holds(self, arn: str) -> bool:
        """Tell whether an ARN is in use. Names that differ in case only can have the same ARN."""
        return arn in self.tags


class Resources:
    """The resources of all regions. Hold `lock` while you read or change more than one of them.

    Args:
        open_room: Makes the tables of a service, with what is kept of them.
    """

    def __init__(self, open_room: OpenRoom = open_nothing) -> None:
        self.lock = threading.RLock()
        self._room = open_room("sagemaker", self.lock)
        self._regions: dict[str, Region] = {}
        self._last_time = 0.0
        for region in self._room.list_regions():
            self._open(region)

    def __getitem__(self, region: str) -> Region:
        with self.lock:
            return self._regions.get(region) or self._open(region)

    def _open(self, region: str) -> Region:
        kinds = [each.name for each in fields(Region) if each.name != "name"]
        tables = {kind: self._room.open_table(kind, region) for kind in kinds}
        here = self._regions[region] = Region(region, **tables)
        return here

    def flush(self) -> None:
        """Write what has changed. Who changes something outside of a request calls it.

        Raises:
            NotKept: If it cannot be written. The next request tries again.
        """
        self._room.flush()

    def list_regions(self) -> list[Region]:
        """List the regions that were used."""
        with self.lock:
            return list(self._regions.values())

    def now(self) -> float:
        """Read the time in seconds, to a millisecond. It never returns the same time twice, so times sort."""
        with self.lock:
            self._last_time = max(now(), round(self._last_time + 0.001, 3))
            return self._last_time

    def clear(self) -> None:
        """Delete all resources, also from `Region` objects that other code still holds."""
        with self.lock:
            for here in self._regions.values():
                for table in (
                    here.groups,
                    here.packages,
                    here.models,
                    here.configs,
                    here.endpoints,
                    here.transform_jobs,
                    here.invocations,
                    here.processing_jobs,
                    here.training_jobs,
                    here.pipelines,
                    here.pipeline_versions,
                    here.executions,
                    here.tags,
                ):
                    table.clear()


def read_tags(params: Params) -> dict[str, str]:
    """Read the tags of a request as a dict."""
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}


def pick(resource: Resource, names: Iterable[str]) -> Resource:
    """Take the named members of a resource, as far as it has them."""
    return {name: resource[name] for name in names if resource.get(name) is not None}


@dataclass(frozen=True)
class Listing:
    """The List operation of one kind of resource.

    Attributes:
        result: The member of the response that has the list.
        name: The member for NameContains and SortBy=Name.
        arn: The member with the ARN, which decides the order of equal resources.
        summary: The members that are listed.
        order: AWS's default SortOrder.
        status: The member for SortBy=Status.
    """

    result: str
    name: str
    arn: str
    summary: Sequence[str]
    order: str = "Descending"
    status: str = "EndpointStatus"

    def page(self, resources: Iterable[Resource], params: Params) -> Params:
        """Make one page of filtered and sorted resources, with a NextToken if more follow."""
        key = self._choose_key(params.get("SortBy", "CreationTime"))
        descending = params.get("SortOrder", self.order) == "Descending"
        found = sorted(
            (each for each in resources if self._is_wanted(each, params)), key=key, reverse=descending
        )
        if "NextToken" in params:
            last = decode_position(params["NextToken"])
            found = [each for each in found if (key(each) < last if descending else key(each) > last)]
        size = params.get("MaxResults", _DEFAULT_PAGE)
        token = encode_position(key(found[size - 1])) if len(found) > size else None
        return {self.result: [pick(each, self.summary) for each in found[:size]], "NextToken": token}

    def _choose_key(self, sort_by: str) -> Callable[[Resource], list[Any]]:
        member = {"Name": self.name, "Status": self.status}.get(sort_by, sort_by)
        return lambda resource: [resource.get(member, ""), resource["CreationTime"], resource[self.arn]]

    def _is_wanted(self, resource: Resource, params: Params) -> bool:
        if params.get("NameContains", "").lower() not in str(resource.get(self.name, "")).lower():
            return False
        return all(
            resource[member] > params.get(f"{member}After", 0)
            and resource[member] < params.get(f"{member}Before", float("inf"))
            for member in ("CreationTime", "LastModifiedTime")
            if member in resource
        )


def encode_position(position: list[Any]) -> str:
    """Write the place of the last listed resource as a NextToken."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def decode_position(token: str) -> list[Any]:
    """Read what `encode_position` wrote.

    Raises:
        AwsFault: If it is something else.
    """
    try:
        position = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise invalid("Invalid NextToken.") from error
    if not isinstance(position, list):
        raise invalid("Invalid NextToken.")
    return position


def choose_partition(region: str) -> str:
    """Choose the partition of AWS that a region is in."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")
