"""Workgroups and their tags."""

from typing import Any

from local_aws.athena.account import DEFAULT_WORKGROUP, Account, Region
from local_aws.athena.executions import ENGINE_VERSION, Execution
from local_aws.athena.faults import invalid_request, unsupported
from local_aws.athena.paging import page
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.clock import now
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import ACCOUNT_ID, pick, read_tags

_SUMMARY = ("Name", "State", "Description", "CreationTime")
_RESULT_MEMBERS = {
    "OutputLocation": "RemoveOutputLocation",
    "EncryptionConfiguration": "RemoveEncryptionConfiguration",
    "ExpectedBucketOwner": "RemoveExpectedBucketOwner",
    "AclConfiguration": "RemoveAclConfiguration",
}
_REMOVABLE = {
    "BytesScannedCutoffPerQuery": "RemoveBytesScannedCutoffPerQuery",
    "CustomerContentEncryptionConfiguration": "RemoveCustomerContentEncryptionConfiguration",
}


class Workgroups:
    """Operations on workgroups, engine versions and tags."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def operations(self) -> dict[str, Operation]:
        """Return the operations by AWS's names."""
        return {
            "CreateWorkGroup": self.create,
            "GetWorkGroup": self.get,
            "ListWorkGroups": self.list,
            "UpdateWorkGroup": self.update,
            "DeleteWorkGroup": self.delete,
            "ListEngineVersions": self.list_engine_versions,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }

    def create(self, region: str, params: Params) -> Params:
        """Answer CreateWorkGroup."""
        name = params["Name"]
        asked = params.get("Configuration", {})
        _check(asked)
        with self._account.lock:
            here = self._account[region]
            if name in here.workgroups:
                raise invalid_request("WorkGroup is already created")
            here.workgroups[name] = {
                "Name": name,
                "State": "ENABLED",
                "Configuration": {
                    "ResultConfiguration": {},
                    "EnforceWorkGroupConfiguration": True,
                    "PublishCloudWatchMetricsEnabled": True,
                    "RequesterPaysEnabled": False,
                    **asked,
                    "EngineVersion": dict(ENGINE_VERSION),
                },
                "Description": params.get("Description", ""),
                "CreationTime": now(),
            }
            here.tags[_arn(here, name)] = read_tags(params)
            return {}

    def get(self, region: str, params: Params) -> Params:
        """Answer GetWorkGroup."""
        with self._account.lock:
            return {"WorkGroup": self._account[region].workgroup(params["WorkGroup"])}

    def list(self, region: str, params: Params) -> Params:
        """Answer ListWorkGroups, by name."""
        with self._account.lock:
            groups = list(self._account[region].workgroups.values())
            shown, token = page(groups, lambda each: str(each["Name"]), params)
            summaries = [{**pick(each, _SUMMARY), "EngineVersion": dict(ENGINE_VERSION)} for each in shown]
        return {"WorkGroups": summaries, "NextToken": token}

    def update(self, region: str, params: Params) -> Params:
        """Answer UpdateWorkGroup: only what the request names changes."""
        asked = dict(params.get("ConfigurationUpdates", {}))
        _check(asked)
        with self._account.lock:
            here = self._account[region]
            group = here.workgroup(params["WorkGroup"])
            here.workgroups[group["Name"]] = {
                **group,
                **pick(params, ("Description", "State")),
                "Configuration": _merge_settings(group["Configuration"], asked),
            }
            return {}

    def delete(self, region: str, params: Params) -> Params:
        """Answer DeleteWorkGroup; RecursiveDeleteOption also deletes all that is in it."""
        name = params["WorkGroup"]
        if name == DEFAULT_WORKGROUP:
            raise invalid_request(f"WorkGroup {name} cannot be deleted.")
        with self._account.lock:
            here = self._account[region]
            here.workgroup(name)
            if not params.get("RecursiveDeleteOption") and not _is_empty(here, name):
                raise invalid_request(f"WorkGroup {name} is not empty")
            del here.workgroups[name]
            here.tags.pop(_arn(here, name), None)
            _empty(here, name)
            return {}

    def list_engine_versions(self, _region: str, _params: Params) -> Params:
        """Answer ListEngineVersions."""
        effective = ENGINE_VERSION["EffectiveEngineVersion"]
        return {
            "EngineVersions": [
                dict(ENGINE_VERSION),
                {"SelectedEngineVersion": effective, "EffectiveEngineVersion": effective},
            ]
        }

    def tag(self, region: str, params: Params) -> Params:
        """Answer TagResource."""
        with self._account.lock:
            _tags(self._account[region], params["ResourceARN"]).update(read_tags(params))
            return {}

    def untag(self, region: str, params: Params) -> Params:
        """Answer UntagResource."""
        with self._account.lock:
            tags = _tags(self._account[region], params["ResourceARN"])
            for key in params["TagKeys"]:
                tags.pop(key, None)
            return {}

    def list_tags(self, region: str, params: Params) -> Params:
        """Answer ListTagsForResource. AWS allows 50 tags, so one page holds them all."""
        with self._account.lock:
            tags = _tags(self._account[region], params["ResourceARN"])
            return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _check(configuration: Params) -> None:
    managed = configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled")
    if managed and configuration.get("ResultConfiguration", {}).get("OutputLocation"):
        raise invalid_request("A workgroup with managed query results cannot have an OutputLocation.")
    version = configuration.get("EngineVersion", {}).get("SelectedEngineVersion", "AUTO")
    if version not in ENGINE_VERSION.values():
        raise unsupported(f"the engine version {version!r}; use AUTO")


def _merge_settings(configuration: Params, asked: Params) -> Params:
    results = dict(configuration["ResultConfiguration"])
    changes = asked.pop("ResultConfigurationUpdates", {})
    for member, removal in _RESULT_MEMBERS.items():
        if changes.get(removal):
            results.pop(member, None)
        if member in changes:
            results[member] = changes[member]
    changed: dict[str, Any] = {**configuration, "ResultConfiguration": results}
    for member, removal in _REMOVABLE.items():
        if asked.pop(removal, False):
            changed.pop(member, None)
    asked.pop("EngineVersion", None)
    return {**changed, **asked}


def _is_empty(here: Region, name: str) -> bool:
    return not (
        any(each.workgroup == name for each in here.executions.values())
        or any(each["WorkGroup"] == name for each in here.named_queries.values())
        or any(group == name for group, _ in here.prepared)
    )


def _empty(here: Region, name: str) -> None:
    def forgotten(execution: Execution) -> bool:
        return execution.workgroup == name and execution.is_final

    for execution in [each for each in here.executions.values() if forgotten(each)]:
        del here.executions[execution.id]
    for query in [each for each in here.named_queries.values() if each["WorkGroup"] == name]:
        del here.named_queries[query["NamedQueryId"]]
    for key in [key for key in here.prepared if key[0] == name]:
        del here.prepared[key]


def _arn(here: Region, name: str) -> str:
    return f"arn:aws:athena:{here.name}:{ACCOUNT_ID}:workgroup/{name}"


def _tags(here: Region, arn: str) -> dict[str, str]:
    name = arn.rsplit("/", maxsplit=1)[-1]
    if arn != _arn(here, name) or name not in here.workgroups:
        raise AwsFault(
            "ResourceNotFoundException", f"Resource {arn} was not found", details={"ResourceName": arn}
        )
    return here.tags.setdefault(arn, {})
