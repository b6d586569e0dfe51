"""Which permissions the recorded calls need, and whether a policy gives them.

The resources of each action come from parliament's table of AWS's Service Authorization Reference: an action
without an ARN for one of its required resources fails here, and not in an account.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from requests_sent import Sent

ACCOUNT, REGION = "123456789012", "eu-west-1"
OTHER_NAMES = {
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "CopyObject": "PutObject",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
}
PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
}
TAGGED = ("sagemaker", "scheduler")
"""Services whose things are tagged as they are made."""
NO_PERMISSION = {"sts:GetCallerIdentity"}
SHAPES = {
    "endpoint": "sagemaker:{r}:{a}:endpoint/{EndpointName}",
    "endpoint-config": "sagemaker:{r}:{a}:endpoint-config/{EndpointConfigName}",
    "model": "sagemaker:{r}:{a}:model/{ModelName}",
    "pipeline": "sagemaker:{r}:{a}:pipeline/{PipelineName}",
    "processing-job": "sagemaker:{r}:{a}:processing-job/{ProcessingJobName}",
    "schedule": "scheduler:{r}:{a}:schedule/{GroupName}/{Name}",
    "model-package-group": "sagemaker:{r}:{a}:model-package-group/{ModelPackageGroupName}",
    "transform-job": "sagemaker:{r}:{a}:transform-job/{TransformJobName}",
    "schedule-group": "scheduler:{r}:{a}:schedule-group/{Name}",
    "stack": "cloudformation:{r}:{a}:stack/{StackName}/0a1b2c3d",
    "log-group": "logs:{r}:{a}:log-group:{logGroupName}:log-stream:",
    "log-stream": "logs:{r}:{a}:log-group:{logGroupName}:log-stream:{logStreamName}",
    "bucket": "s3:::{Bucket}",
    "object": "s3:::{Bucket}/{Key}",
    "workgroup": "athena:{r}:{a}:workgroup/{WorkGroup}",
    "datacatalog": "athena:{r}:{a}:datacatalog/{Name}",
    "rootcatalog": "glue:{r}:{a}:catalog",
    "database": "glue:{r}:{a}:database/{DatabaseName}",
    "table": "glue:{r}:{a}:table/{DatabaseName}/{TableName}",
    "Secret": "secretsmanager:{r}:{a}:secret:{SecretId}-a1B2c3",
    "parameter": "ssm:{r}:{a}:parameter/{Name}",
    "role": "iam::{a}:role/{RoleName}",
    "repository": "ecr:{r}:{a}:repository/{repositoryName}",
    "alarm": "cloudwatch:{r}:{a}:alarm:{AlarmName}",
    "ScalableTarget": "application-autoscaling:{r}:{a}:scalable-target/0a1b2c3d",
}
"""The ARN of each type of resource, with the keys of a request in it."""
NEWER = {"sagemaker:ListPipelineVersions": ["pipeline*"]}
"""Actions that parliament's table does not have yet. Source: the Service Authorization Reference."""
QUERY_NEEDS = ("GetDatabase", "GetTable", "GetTables", "GetPartitions", "BatchGetPartition")
"""What Athena asks Glue for, in the name of the caller, about each table of a statement.

Source: "Configure access to databases and tables in the AWS Glue Data Catalog" in the Athena User Guide.
"""


@dataclass(frozen=True)
class Need:
    """An action on a resource, in a context."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass
class Account:
    """What is known of an account while its calls are replayed.

    Attributes:
        locations: The folder of each table, without `s3://`: Athena reads and writes it for its caller.
        tags: The tags of what was made.
        workgroups: The workgroups that were named.
        volume_keys: The key of the volumes of each endpoint config that has one.
        overrides: What aws.yml puts into requests, which are recorded before.
    """

    locations: Mapping[str, str] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    workgroups: set[str] = field(default_factory=set)
    volume_keys: dict[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def list_needs(self, sent: Sent) -> list[Need]:
        """List what a call needs, on each of the resources that AWS checks."""
        prefix = PREFIXES.get(sent.service, sent.service)
        action = f"{prefix}:{OTHER_NAMES.get(sent.operation, sent.operation)}"
        if action in NO_PERMISSION:
            return []
        params = self._complete(sent)
        tags = {each["Key"]: each["Value"] for each in params.get("Tags", ())} if prefix in TAGGED else {}
        needs = []
        for arn in _find_arns(action, params):
            needs.append(self._make_need(action, arn, tags, params))
            if sent.operation.startswith("Create") and tags:
                self.tags[arn] = tags
                if prefix == "sagemaker":
                    needs.append(self._make_need("sagemaker:AddTags", arn, tags))
        needs += self._list_key_needs(sent.operation, params)
        for role, service in _find_roles(params):
            needs.append(Need("iam:PassRole", role, (("iam:PassedToService", service),)))
        if sent.operation == "StartQueryExecution":
            needs += self._list_query_needs(params)
        if sent.operation == "CopyObject":
            source = params["CopySource"]
            key = source if isinstance(source, str) else f"{source['Bucket']}/{source['Key']}"
            needs.append(self._make_need("s3:GetObject", f"arn:aws:s3:::{key}", {}))
        return needs

    def _list_key_needs(self, operation: str, params: Mapping[str, Any]) -> list[Need]:
        """List what KMS asks of a caller whose request names a key, or an endpoint config that has one."""
        if operation == "CreateEndpointConfig" and "KmsKeyId" in params:
            self.volume_keys[params["EndpointConfigName"]] = params["KmsKeyId"]
        resources, output = params.get("TransformResources", {}), params.get("TransformOutput", {})
        started = operation in ("CreateEndpoint", "UpdateEndpoint", "CreateTransformJob")
        volume = self.volume_keys.get(params.get("EndpointConfigName", "")) or resources.get("VolumeKmsKeyId")
        put = params.get("SSEKMSKeyId")
        found = [
            ("kms:CreateGrant", volume if started else None),
            ("kms:Decrypt", output.get("KmsKeyId")),  # whoever reads the predictions
            ("kms:Decrypt", put),  # whoever reads the object, or sends it in parts
            ("kms:GenerateDataKey", put),
        ]
        return [_make_key_need(action, key) for action, key in found if key]

    def list_s3_needs(self, log: str) -> list[Need]:
        """List what S3 was asked for, by whatever client: the log has a line for each request."""
        found = re.findall(r"(GET|HEAD|PUT|POST|DELETE) (/\S+) - \d{3}", log)
        return [need for method, target in found if (need := self._read_s3_line(method, target))]

    def _read_s3_line(self, method: str, target: str) -> Need | None:
        parts = urlsplit(target)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        query = parse_qs(parts.query, keep_blank_values=True)
        if "." in bucket or not re.fullmatch(r"[a-z0-9-]+-data", bucket):
            return None  # another service's
        if not key:
            if "delete" in query:
                return None  # its keys are in the body, which boto3 was called with
            return self._make_need("s3:ListBucket", f"arn:aws:s3:::{bucket}", {})
        names = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject"}
        aborts = "uploadId" in query
        names["DELETE"] = "AbortMultipartUpload" if aborts else "DeleteObject"
        return self._make_need(f"s3:{names[method]}", f"arn:aws:s3:::{bucket}/{key}", {})

    def _complete(self, sent: Sent) -> dict[str, Any]:
        """Add what the request means and does not name."""
        params = {**sent.params, **self.overrides.get(sent.operation, {})}
        if "ModelPackageName" in params or "ModelPackageArn" in params:
            params["arns"] = [params.get("ModelPackageName") or params["ModelPackageArn"]]
        elif arn := params.get("ResourceArn") or params.get("PipelineExecutionArn"):
            params["arns"] = [arn]
        elif "ModelPackageGroupName" in params and sent.operation in (
            "CreateModelPackage",
            "ListModelPackages",
        ):
            group = params["ModelPackageGroupName"]
            params["arns"] = [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/1"]
        if sent.service == "athena":
            if "WorkGroup" in params:
                self.workgroups.add(params["WorkGroup"])
            elif sent.operation != "GetDataCatalog":
                [params["WorkGroup"]] = self.workgroups
        if sent.service == "glue":
            params.setdefault("DatabaseName", params.get("Name"))
            made = params.get("TableInput", {}).get("Name")
            params["TableName"] = params.get("TableName") or made or params.get("Name")
        if sent.operation == "DeleteObjects":
            params["Key"] = [each["Key"] for each in params["Delete"]["Objects"]]
        params["AlarmName"] = params.get("AlarmName") or next(iter(params.get("AlarmNames", ())), None)
        if "Name" in params and sent.service == "ssm":
            params["Name"] = params["Name"].lstrip("/")
        return params

    def _list_query_needs(self, params: Mapping[str, Any]) -> list[Need]:
        """List what Athena does in the name of whoever runs a statement."""
        catalog = f"arn:aws:athena:{REGION}:{ACCOUNT}:datacatalog/AwsDataCatalog"
        sql = params["QueryString"]
        default = params.get("QueryExecutionContext", {}).get("Database")
        name = r"(?:(?:\"([\w-]+)\"|`([\w-]+)`|(\w+))\.)?[\"`]?(\w+)[\"`]?"
        needs = [self._make_need("athena:GetDataCatalog", catalog, {})]

        def add(found: Iterable[tuple[str, ...]], operations: Iterable[str], on_s3: str = "") -> None:
            for *database, table in found:
                if on_s3 and table in self.locations:
                    needs.append(self._make_need(on_s3, f"arn:aws:s3:::{self.locations[table]}file", {}))
                given = {"DatabaseName": next(filter(None, database), default), "TableName": table}
                for operation in operations:
                    action = f"glue:{operation}"
                    needs.extend(self._make_need(action, arn, {}) for arn in _find_arns(action, given))

        within = {each.lower() for each in re.findall(r"(?:WITH|,)\s+\"?(\w+)\"? AS \(", sql, re.IGNORECASE)}
        read = re.findall(rf"\b(?:FROM|JOIN|INTO|USING)\s+{name}", sql, re.IGNORECASE)
        add([each for each in read if each[-1].lower() not in within], QUERY_NEEDS, "s3:GetObject")
        create = rf"\bCREATE (?:EXTERNAL )?TABLE (?:IF NOT EXISTS )?{name}"
        add(re.findall(create, sql, re.IGNORECASE), ("GetDatabase", "GetTable", "CreateTable"))
        dropped = re.findall(rf"\bDROP TABLE (?:IF EXISTS )?{name}", sql, re.IGNORECASE)
        add(dropped, ("GetDatabase", "GetTable", "DeleteTable"))
        changed = re.findall(
            rf"\b(?:ALTER TABLE|MERGE INTO|INSERT INTO|DELETE FROM)\s+{name}", sql, re.IGNORECASE
        )
        add(changed, ("GetDatabase", "GetTable", "UpdateTable"), "s3:PutObject")
        return needs

    def _make_need(
        self, action: str, arn: str, tags: Mapping[str, str], params: Mapping[str, Any] | None = None
    ) -> Need:
        context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        context |= {f"aws:ResourceTag/{key}": value for key, value in self.tags.get(arn, {}).items()}
        context["aws:ResourceAccount"] = ACCOUNT
        if params and "ServiceNamespace" in params:
            context["application-autoscaling:service-namespace"] = params["ServiceNamespace"]
        return Need(action, arn, tuple(sorted(context.items())))


def _make_key_need(action: str, key: str) -> Need:
    """A need of a key, which KMS knows by its ARN and its aliases; a service of AWS makes the grant."""
    context = {"kms:GrantIsForAWSResource": "true"} if action == "kms:CreateGrant" else {}
    if key.startswith("alias/"):
        context["kms:ResourceAliases"] = key
        key = "ffffffff-0000-1111-2222-333344445555"
    arn = key if key.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    return Need(action, arn, tuple(sorted(context.items())))


def is_allowed(policy: Mapping[str, Any], need: Need) -> bool:
    """Evaluate a policy as IAM does: some statement must allow, and none may deny."""
    fitting = [each for each in policy["Statement"] if _applies(each, need)]
    return bool(fitting) and all(each["Effect"] == "Allow" for each in fitting)


def _applies(statement: Mapping[str, Any], need: Need) -> bool:
    context = dict(need.context)
    return (
        any(_matches(pattern.lower(), need.action.lower()) for pattern in as_list(statement["Action"]))
        and any(_matches(pattern, need.resource) for pattern in as_list(statement["Resource"]))
        and all(
            key in context
            and any(
                _matches(value, context[key]) if "Like" in test else value == context[key]
                for value in as_list(values)
            )
            for test, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _matches(pattern: str, text: str) -> bool:
    """Match IAM's `*` and `?`, and no other sign."""
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def as_list(value: Any) -> list[Any]:
    """One value, or several."""
    return value if isinstance(value, list) else [value]


def leave_out(policy: dict[str, Any], sid: str, key: str, value: str) -> dict[str, Any]:
    """The policy without an action or a resource of a statement."""
    statements = [
        {**each, key: [other for other in as_list(each[key]) if other != value]}
        if each["Sid"] == sid
        else each
        for each in policy["Statement"]
    ]
    return {**policy, "Statement": statements}


@cache
def _load_resource_types() -> dict[str, list[str]]:
    """action -> the types of its resources; `*` after those that it always has."""
    spec = find_spec("parliament")
    assert spec is not None
    assert spec.origin is not None
    table = json.loads(Path(spec.origin).with_name("iam_definition.json").read_text(encoding="utf-8"))
    known = {
        f"{service['prefix']}:{each['privilege']}": [kind["resource_type"] for kind in each["resource_types"]]
        for service in table
        for each in service["privileges"]
    }
    assert not known.keys() & NEWER.keys()
    return known | NEWER


def _find_arns(action: str, params: Mapping[str, Any]) -> list[str]:
    """Find the ARN of each resource that a request names."""
    kinds = _load_resource_types()[action]
    given: list[str] = list(params.get("arns", ()))
    for kind in kinds:
        shape = SHAPES.get(kind.rstrip("*"), "{unknown}")
        keys = re.findall(r"\{([A-Z]\w+|log\w+)\}", shape)
        if shape != "{unknown}" and all(params.get(key) for key in keys):
            values = params.get("Key")
            each = values if isinstance(values, list) else [values]
            arns = {f"arn:aws:{shape.format(**{**params, 'Key': key}, r=REGION, a=ACCOUNT)}" for key in each}
            given += sorted(arns)
        else:
            assert not kind.endswith("*") or given, f"{action} needs a {kind}, and {params} names none"
    return given or ["*"]


def _find_roles(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Find the roles that a request hands over, each with the service that gets it."""
    given = [params[key] for key in ("ExecutionRoleArn", "RoleArn") if key in params]
    target = params.get("Target", {}).get("RoleArn")
    return [(role, "sagemaker.amazonaws.com") for role in given] + [
        (role, "scheduler.amazonaws.com") for role in ([target] if target else [])
    ]
