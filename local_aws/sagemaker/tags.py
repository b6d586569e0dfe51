"""SageMaker's operations on tags, and GetResources of the Resource Groups Tagging API."""

import base64
import binascii
from collections.abc import Iterator

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault, invalid
from local_aws.protocol.moto_app import Moto
from local_aws.protocol.resources import Region, Resources, read_tags

_MAX_TAGS = 50
_PAGE = 50


class Tags:
    """Operations on tags."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def add(self, region: str, params: Params) -> Params:
        """AddTags."""
        arn = params["ResourceArn"]
        with self._resources.lock:
            tags = _find_tags(self._resources[region], arn)
            merged = {**tags, **read_tags(params)}
            if len(merged) > _MAX_TAGS:
                raise invalid(f"The number of tags would exceed the limit of {_MAX_TAGS} for {arn}.")
            tags.update(merged)
            return {"Tags": _to_list(merged)}

    def list(self, region: str, params: Params) -> Params:
        """ListTags. AWS allows at most 50 tags, so one page has them all."""
        with self._resources.lock:
            return {"Tags": _to_list(_find_tags(self._resources[region], params["ResourceArn"]))}

    def delete(self, region: str, params: Params) -> Params:
        """DeleteTags."""
        with self._resources.lock:
            tags = _find_tags(self._resources[region], params["ResourceArn"])
            for key in params["TagKeys"]:
                tags.pop(key, None)
            return {}


class Tagging:
    """GetResources over SageMaker's resources here and the resources that moto holds."""

    def __init__(self, resources: Resources, moto: Moto) -> None:
        self._resources = resources
        self._moto = moto

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {"GetResources": self.get}

    def get(self, region: str, params: Params) -> Params:
        """GetResources."""
        found = dict(sorted([*self._find_own(region, params), *self._find_in_moto(region, params)]))
        arns = list(found)
        if token := params.get("PaginationToken"):
            last = _decode(token)
            arns = [arn for arn in arns if arn > last]
        size = params.get("ResourcesPerPage", _PAGE)
        more = base64.b64encode(arns[size - 1].encode()).decode() if len(arns) > size else ""
        return {
            "ResourceTagMappingList": [
                {"ResourceARN": arn, "Tags": _to_list(found[arn])} for arn in arns[:size]
            ],
            "PaginationToken": more,
        }

    def _find_own(self, region: str, params: Params) -> Iterator[tuple[str, dict[str, str]]]:
        types = params.get("ResourceTypeFilters", [])
        wanted = params.get("ResourceARNList", [])
        with self._resources.lock:
            for arn, tags in self._resources[region].tags.items():
                if types and not {"sagemaker", f"sagemaker:{_parse_kind(arn)}"} & set(types):
                    continue
                if wanted and arn not in wanted:
                    continue
                if tags and all(_matches(tags, each) for each in params.get("TagFilters", [])):
                    yield arn, dict(tags)

    def _find_in_moto(self, region: str, params: Params) -> Iterator[tuple[str, dict[str, str]]]:
        types = params.get("ResourceTypeFilters", [])
        others = [each for each in types if each.split(":")[0] != "sagemaker"]
        if types and not others:
            return
        query: Params = {key: params[key] for key in ("TagFilters", "ResourceARNList") if key in params}
        if others:
            query["ResourceTypeFilters"] = others
        token = None
        while token != "":
            page = {**query, "PaginationToken": token} if token else query
            answer = self._moto.call("resourcegroupstaggingapi", "GetResources", page, region)
            for each in answer["ResourceTagMappingList"]:
                yield each["ResourceARN"], {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            token = answer.get("PaginationToken") or ""


def _parse_kind(arn: str) -> str:
    return arn.split(":", 5)[-1].split("/", maxsplit=1)[0]


def _find_tags(here: Region, arn: str) -> dict[str, str]:
    if arn not in here.tags:
        raise invalid(f"Could not find resource {arn}.")
    return here.tags[arn]


def _to_list(tags: dict[str, str]) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _matches(tags: dict[str, str], wanted: Params) -> bool:
    values = wanted.get("Values", [])
    return wanted["Key"] in tags and (not values or tags[wanted["Key"]] in values)


def _decode(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AwsFault("PaginationTokenExpiredException", "The PaginationToken is not valid.") from error
