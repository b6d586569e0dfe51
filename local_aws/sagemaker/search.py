"""SageMaker's Search over the resources that the local AWS has."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import invalid, unsupported
from local_aws.protocol.resources import Region, Resource, Resources, decode_position, encode_position, pick
from local_aws.sagemaker.search_filters import Property, find_property, make_test

_PAGE = 10
_ENDPOINT = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")


class Search:
    """The operation Search, for endpoints, models, model packages and their groups."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {"Search": self.search}

    def search(self, region: str, params: Params) -> Params:
        """Search: filtered, sorted, a page at a time."""
        kind = params["Resource"]
        if kind not in _RECORDS:
            raise unsupported(f"Search for {kind}")
        wanted = make_test(kind, params["SearchExpression"]) if "SearchExpression" in params else None
        key = _make_key(kind, params.get("SortBy"))
        with self._resources.lock:
            records = list(_RECORDS[kind](self._resources[region]))
        if params.get("CrossAccountFilterOption") == "CrossAccount":
            records = []
        found = [each for each in records if wanted is None or wanted(each)]
        return _page(kind, found, key, params)


def _make_key(kind: str, sort_by: str | None) -> Callable[[Resource], list[Any]]:
    """Make the key to sort by. Resources without the property come first in ascending order."""
    chosen = find_property(kind, sort_by or "CreationTime")
    modified = find_property(kind, "LastModifiedTime") if sort_by is None and kind in _MODIFIED else None

    def find_value(record: Resource) -> Any:
        values = (modified.read(record) if modified else []) or chosen.read(record)
        return values[0] if values else None

    def make_key(record: Resource) -> list[Any]:
        value = find_value(record)
        return [value is not None, "" if value is None else value, _arn(kind).read(record)[0]]

    return make_key


def _page(kind: str, found: list[Resource], key: Callable[[Resource], list[Any]], params: Params) -> Params:
    descending = params.get("SortOrder", "Descending") == "Descending"
    ordered = sorted(found, key=key, reverse=descending)
    if token := params.get("NextToken"):
        last = decode_position(token)
        try:
            ordered = [each for each in ordered if (key(each) < last if descending else key(each) > last)]
        except TypeError as error:  # the token of another search
            raise invalid("Invalid NextToken.") from error
    size = params.get("MaxResults", _PAGE)
    return {
        "Results": [{kind: each} for each in ordered[:size]],
        "NextToken": encode_position(key(ordered[size - 1])) if len(ordered) > size else None,
        "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
    }


def _arn(kind: str) -> Property:
    return find_property(kind, f"{kind}Arn")


def _list_endpoints(here: Region) -> Iterable[Resource]:
    members = (*_ENDPOINT, "EndpointConfigName", "ProductionVariants", "FailureReason")
    return (
        {**pick(each, members), **_show_tags(here, each["EndpointArn"])} for each in here.endpoints.values()
    )


def _list_models(here: Region) -> Iterable[Resource]:
    """List the models, each with the endpoints that serve it, as AWS does."""
    for model in here.models.values():
        shown = {key: value for key, value in model.items() if key != "Resolved"}
        serving = [each for each in here.endpoints.values() if _serves(here, each, model["ModelName"])]
        yield {
            "Model": {**shown, **_show_tags(here, model["ModelArn"])},
            "Endpoints": [pick(each, _ENDPOINT) for each in serving],
        }


def _serves(here: Region, endpoint: Resource, model: str) -> bool:
    config = here.configs.get(endpoint["EndpointConfigName"], {})
    return any(each["ModelName"] == model for each in config.get("ProductionVariants", []))


def _list_packages(here: Region) -> Iterable[Resource]:
    hidden = {"Request", "ClientToken"}
    for package in here.packages.values():
        shown = {key: value for key, value in package.items() if key not in hidden}
        yield {**shown, **_show_tags(here, package["ModelPackageArn"])}


def _list_groups(here: Region) -> Iterable[Resource]:
    hidden = {"LastVersion", "ManagedConfiguration"}
    for group in here.groups.values():
        shown = {key: value for key, value in group.items() if key not in hidden}
        yield {**shown, **_show_tags(here, group["ModelPackageGroupArn"])}


def _show_tags(here: Region, arn: str) -> Params:
    tags = here.tags.get(arn, {})
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}


_RECORDS: Mapping[str, Callable[[Region], Iterable[Resource]]] = {
    "Endpoint": _list_endpoints,
    "Model": _list_models,
    "ModelPackage": _list_packages,
    "ModelPackageGroup": _list_groups,
}
_MODIFIED = {"Endpoint", "ModelPackage"}
