"""Step Functions' operations on state machines, their versions and tags."""

from uuid import uuid4

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import Resource, pick
from local_aws.stepfunctions.definition import Problem, parse
from local_aws.stepfunctions.executions import Executions
from local_aws.stepfunctions.store import LOGS_NOTHING, Store, check_name, list_page, make_arn, show_revision

_MAX_TAGS = 50
MAX_VERSIONS = 1000
"""Versions of a state machine; PublishStateMachineVersion in Step Functions' API reference."""

_IDEMPOTENT = ("publish", "versionDescription")
"""What a second CreateStateMachine must have in common with the first besides the definition."""


class Machines:
    """Operations on state machines.

    Args:
        store: What there is.
        executions: The executions, which are stopped when their state machine is deleted.
    """

    def __init__(self, store: Store, executions: Executions) -> None:
        self._store = store
        self._executions = executions

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateStateMachine": self.create,
            "UpdateStateMachine": self.update,
            "DescribeStateMachine": self.describe,
            "ListStateMachines": self.list,
            "DeleteStateMachine": self.delete,
            "PublishStateMachineVersion": self.publish,
            "ListStateMachineVersions": self.list_versions,
            "DeleteStateMachineVersion": self.delete_version,
            "ValidateStateMachineDefinition": self.validate,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }

    def create(self, region: str, params: Params) -> Params:
        """CreateStateMachine; the same request again answers the same."""
        name = check_name(params["name"])
        if params.get("type") == "EXPRESS":
            text = "The local AWS does not support state machines of the type EXPRESS."
            raise AwsFault("StateMachineTypeNotSupported", text)
        _check_definition(params["definition"])
        _check_description(params)
        if len(params.get("tags", [])) > _MAX_TAGS:
            raise _too_many_tags()
        with self._store.lock:
            arn = make_arn(region, "stateMachine", name)
            if arn in self._store.machines:
                return self._answer_again(arn, params)
            now = self._store.now()
            self._store.machines[arn] = {
                "stateMachineArn": arn,
                "name": name,
                "type": "STANDARD",
                "creationDate": now,
                "Versions": 0,
                "Tags": {tag["key"]: tag["value"] for tag in params.get("tags", [])},
                "Asked": pick(params, _IDEMPOTENT),
            }
            self._revise(self._store.machines[arn], params["definition"], params["roleArn"])
            published = self._publish(arn, params) if params.get("publish") else None
            return {"stateMachineArn": arn, "creationDate": now, "stateMachineVersionArn": published}

    def _answer_again(self, arn: str, params: Params) -> Params:
        machine, revision = self._store.find_revision(arn)
        asked = pick(params, _IDEMPOTENT)
        if (revision["definition"], machine.get("Asked", asked)) != (params["definition"], asked):
            raise AwsFault("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
        published = self._publish(arn, params) if params.get("publish") else None
        return {
            "stateMachineArn": arn,
            "creationDate": machine["creationDate"],
            "stateMachineVersionArn": published,
        }

    def _revise(self, machine: Resource, definition: str, role: str) -> None:
        revision = str(uuid4())
        self._store.revisions[revision] = {
            "revisionId": revision,
            "IsFirst": "Revision" not in machine,
            "definition": definition,
            "roleArn": role,
            "Machine": machine["stateMachineArn"],
            "Date": self._store.now(),
        }
        machine["Revision"] = revision

    def _publish(self, arn: str, params: Params, member: str = "versionDescription") -> str:
        """Publish a version, unless the latest one has the same revision."""
        machine = self._store.find_machine(arn)
        number: int = machine["Versions"]
        latest = self._store.versions.get(f"{arn}:{number}")
        if latest is None or latest["Revision"] != machine["Revision"]:
            self._check_versions(arn)
            number = machine["Versions"] = number + 1
            self._store.versions[f"{arn}:{number}"] = {
                "stateMachineVersionArn": f"{arn}:{number}",
                "creationDate": self._store.now(),
                "description": params.get(member, ""),
                "Revision": machine["Revision"],
                "Machine": arn,
                "Number": number,
            }
        return f"{arn}:{number}"

    def _check_versions(self, arn: str) -> None:
        """Refuse one version more than there can be."""
        if sum(each["Machine"] == arn for each in self._store.versions.values()) >= MAX_VERSIONS:
            text = f"A state machine has {MAX_VERSIONS} versions at most. Delete unused ones."
            raise AwsFault("ServiceQuotaExceededException", text, 402)

    def update(self, region: str, params: Params) -> Params:
        """UpdateStateMachine: another revision, and a version of it if that is asked for."""
        del region
        if "definition" not in params and "roleArn" not in params:
            raise AwsFault(
                "MissingRequiredParameter",
                "Either the definition, the role ARN or another setting is needed.",
            )
        if "definition" in params:
            _check_definition(params["definition"])
        _check_description(params)
        with self._store.lock:
            arn = params["stateMachineArn"]
            machine = self._store.find_machine(arn)
            _, revision = self._store.find_revision(arn)
            wanted = {**pick(revision, ("definition", "roleArn")), **pick(params, ("definition", "roleArn"))}
            if wanted != pick(revision, wanted):
                if params.get("publish"):
                    self._check_versions(arn)
                self._revise(machine, wanted["definition"], wanted["roleArn"])
            published = self._publish(arn, params) if params.get("publish") else None
            return {
                "updateDate": self._store.now(),
                "revisionId": machine["Revision"],
                "stateMachineVersionArn": published,
            }

    def describe(self, region: str, params: Params) -> Params:
        """DescribeStateMachine, or one version of it."""
        del region
        with self._store.lock:
            machine, revision = self._store.find_revision(params["stateMachineArn"])
            version = self._store.versions.get(params["stateMachineArn"], {})
            return {
                **pick(machine, ("name", "type", "creationDate")),
                **pick(version, ("creationDate", "description")),
                **show_revision(revision, params),
                "stateMachineArn": params["stateMachineArn"],
                "status": "ACTIVE",
                **LOGS_NOTHING,
            }

    def list(self, region: str, params: Params) -> Params:
        """ListStateMachines."""
        shown = ("stateMachineArn", "name", "type", "creationDate")
        with self._store.lock:
            here = make_arn(region, "stateMachine", "")
            found = [pick(each, shown) for arn, each in self._store.machines.items() if arn.startswith(here)]
        return list_page("stateMachines", found, params, lambda each: each["stateMachineArn"])

    def delete(self, region: str, params: Params) -> Params:
        """DeleteStateMachine, with versions and executions, which are stopped; AWS takes a while for it."""
        del region
        arn = params["stateMachineArn"]
        with self._store.lock:
            if arn not in self._store.machines:
                return {}
            for execution in self._store.list_executions(arn):
                self._executions.forget(execution)
            for table, member in ((self._store.versions, "Machine"), (self._store.revisions, "Machine")):
                for key in [key for key, each in table.items() if each[member] == arn]:
                    del table[key]
            del self._store.machines[arn]
        return {}

    def publish(self, region: str, params: Params) -> Params:
        """PublishStateMachineVersion."""
        del region
        with self._store.lock:
            machine = self._store.find_machine(params["stateMachineArn"])
            if params.get("revisionId", machine["Revision"]) != machine["Revision"]:
                raise AwsFault("ConflictException", "The revision is not the latest of the state machine.")
            arn = self._publish(params["stateMachineArn"], params, "description")
            return {"stateMachineVersionArn": arn, "creationDate": self._store.versions[arn]["creationDate"]}

    def list_versions(self, region: str, params: Params) -> Params:
        """ListStateMachineVersions, the newest first."""
        del region
        with self._store.lock:
            arn = self._store.find_machine(params["stateMachineArn"])["stateMachineArn"]
            found = [
                pick(each, ("stateMachineVersionArn", "creationDate"))
                for each in sorted(self._store.versions.values(), key=lambda each: -each["Number"])
                if each["Machine"] == arn
            ]
        return list_page("stateMachineVersions", found, params, lambda each: each["stateMachineVersionArn"])

    def delete_version(self, region: str, params: Params) -> Params:
        """DeleteStateMachineVersion. The executions of it go on."""
        del region
        with self._store.lock:
            self._store.versions.pop(params["stateMachineVersionArn"], None)
        return {}

    def validate(self, region: str, params: Params) -> Params:
        """ValidateStateMachineDefinition: what CreateStateMachine would say."""
        del region
        try:
            parse(params["definition"])
        except Problem as problem:
            diagnostic = {
                "severity": "ERROR",
                "code": problem.code,
                "message": problem.message,
                "location": problem.location,
            }
            return {"result": "FAIL", "diagnostics": [diagnostic], "truncated": False}
        return {"result": "OK", "diagnostics": [], "truncated": False}

    def tag(self, region: str, params: Params) -> Params:
        """TagResource."""
        del region
        with self._store.lock:
            tags = self._find_tags(params["resourceArn"])
            merged = {**tags, **{tag["key"]: tag["value"] for tag in params["tags"]}}
            if len(merged) > _MAX_TAGS:
                raise _too_many_tags()
            tags.update(merged)
        return {}

    def untag(self, region: str, params: Params) -> Params:
        """UntagResource."""
        del region
        with self._store.lock:
            tags = self._find_tags(params["resourceArn"])
            for key in params["tagKeys"]:
                tags.pop(key, None)
        return {}

    def list_tags(self, region: str, params: Params) -> Params:
        """ListTagsForResource."""
        del region
        with self._store.lock:
            tags = self._find_tags(params["resourceArn"])
            return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _find_tags(self, arn: str) -> dict[str, str]:
        if arn not in self._store.machines:
            raise AwsFault("ResourceNotFound", f"Resource not found: '{arn}'")
        tags: dict[str, str] = self._store.machines[arn]["Tags"]
        return tags


def _check_description(params: Params) -> None:
    if "versionDescription" in params and not params.get("publish"):
        raise AwsFault("ValidationException", "Version description can only be set when publish is true")


def _too_many_tags() -> AwsFault:
    return AwsFault("TooManyTags", f"A resource has {_MAX_TAGS} tags at most.")


def _check_definition(text: str) -> None:
    try:
        parse(text)
    except Problem as problem:
        raise problem.as_fault() from problem
