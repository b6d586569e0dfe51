"""The resources of the stack in Terraform's language, for teams that apply them themselves."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from kedro_aws_plugin.plan.hcl import Block, Expression, format_blocks, quote
from kedro_aws_plugin.plan.policy.terraform import build_statement

Values = dict[str, Any]
_BUCKET = "aws_s3_bucket.project"
_DATABASE = "aws_glue_catalog_database.project"
_REFERENCES = {
    "AWS::AccountId": "data.aws_caller_identity.current.account_id",
    "AWS::Partition": "data.aws_partition.current.partition",
    "Bucket": f"{_BUCKET}.id",
    "Bucket.Arn": f"{_BUCKET}.arn",
    "Database": f"{_DATABASE}.name",
    "SageMakerRole.Arn": "aws_iam_role.sagemaker.arn",
    "StatesRole.Arn": "aws_iam_role.states.arn",
    "Workgroup": "aws_athena_workgroup.project.name",
}
_TAGS = ("tags", Expression("local.tags"))
_LONGEST_PREFIX = 38
"""Terraform's limit for `name_prefix` of a role: it adds 26 characters, and IAM takes 64."""


def format_stack(template: Values, stack: str, region: str, tags: Mapping[str, str]) -> str:
    """Write the resources of the stack's template as Terraform's.

    Args:
        template: The template, from `build_stack_template`.
        stack: The name of the stack, after which the role is named.
        region: The region in which they are made.
        tags: The tags that CloudFormation would give them.

    Raises:
        ValueError: If the template has a resource or a property that is not written. That is a mistake here.
    """
    resolved = _resolve(template["Resources"], region)
    blocks = [
        Block("locals", (), (("tags", dict(tags)),)),
        Block("data", ("aws_caller_identity", "current"), ()),
        Block("data", ("aws_partition", "current"), ()),
    ]
    for name, resource in resolved.items():
        properties = _Properties(name, resource["Properties"])
        blocks += _BUILDERS[resource["Type"]](properties, stack)
        properties.check_all_written()
    for name, output in _resolve(template["Outputs"], region).items():
        description = [("description", output["Description"])] if "Description" in output else []
        blocks.append(Block("output", (_to_snake_case(name),), (*description, ("value", output["Value"]))))
    head = f"# {template['Description'].partition(';')[0]}, in {region}."
    return f"{head}\n# The output role_arn is `role_arn` of aws.yml.\n\n{format_blocks(blocks)}"


class _Properties:
    """The properties of a resource, each of which must be taken."""

    def __init__(self, name: str, values: Values) -> None:
        self.name = name
        self._left = dict(values)

    def take(self, key: str, default: Any = None) -> Any:
        return self._left.pop(key, default)

    def check_all_written(self) -> None:
        if self._left:
            raise ValueError(f"{self.name} has properties that are not written: {', '.join(self._left)}")


def _build_bucket(bucket: _Properties, _: str) -> list[Block]:
    own = ("bucket", Expression(f"{_BUCKET}.id"))
    keep = Block("lifecycle", (), (("prevent_destroy", True),))
    blocks = [_resource("aws_s3_bucket", "project", ("bucket", bucket.take("BucketName")), _TAGS, keep)]
    [encryption] = bucket.take("BucketEncryption")["ServerSideEncryptionConfiguration"]
    algorithm = encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
    by_default = _block("apply_server_side_encryption_by_default", ("sse_algorithm", algorithm))
    blocks.append(
        _resource(
            "aws_s3_bucket_server_side_encryption_configuration", "project", own, _block("rule", by_default)
        )
    )
    access = bucket.take("PublicAccessBlockConfiguration")
    arguments = [(_to_snake_case(key), value) for key, value in access.items()]
    blocks.append(_resource("aws_s3_bucket_public_access_block", "project", own, *arguments))
    [owner] = bucket.take("OwnershipControls")["Rules"]
    owned = _block("rule", ("object_ownership", owner["ObjectOwnership"]))
    blocks.append(_resource("aws_s3_bucket_ownership_controls", "project", own, owned))
    versioned = _block(
        "versioning_configuration", ("status", bucket.take("VersioningConfiguration")["Status"])
    )
    blocks.append(_resource("aws_s3_bucket_versioning", "project", own, versioned))
    rules = [_build_rule(rule) for rule in bucket.take("LifecycleConfiguration")["Rules"]]
    blocks.append(_resource("aws_s3_bucket_lifecycle_configuration", "project", own, *rules))
    if logging := bucket.take("LoggingConfiguration"):
        target = ("target_bucket", logging["DestinationBucketName"])
        prefix = ("target_prefix", logging["LogFilePrefix"])
        blocks.append(_resource("aws_s3_bucket_logging", "project", own, target, prefix))
    return blocks


def _build_rule(rule: Values) -> Block:
    """Build a rule of the bucket's lifecycle."""
    left = _Properties(rule["Id"], rule)
    parts: list[Any] = [("id", left.take("Id")), ("status", left.take("Status"))]
    parts.append(_block("filter", ("prefix", left.take("Prefix", ""))))
    if unfinished := left.take("AbortIncompleteMultipartUpload"):
        days = ("days_after_initiation", unfinished["DaysAfterInitiation"])
        parts.append(_block("abort_incomplete_multipart_upload", days))
    if noncurrent := left.take("NoncurrentVersionExpiration"):
        days = ("noncurrent_days", noncurrent["NoncurrentDays"])
        parts.append(_block("noncurrent_version_expiration", days))
    if left.take("ExpiredObjectDeleteMarker"):
        parts.append(_block("expiration", ("expired_object_delete_marker", True)))
    if days_kept := left.take("ExpirationInDays"):
        parts.append(_block("expiration", ("days", days_kept)))
    left.check_all_written()
    return _block("rule", *parts)


def _build_bucket_policy(policy: _Properties, _: str) -> list[Block]:
    document = "bucket"
    return [
        _build_document(document, policy.take("PolicyDocument")),
        _resource(
            "aws_s3_bucket_policy",
            "project",
            ("bucket", policy.take("Bucket")),
            ("policy", _refer_to_document(document)),
        ),
    ]


def _build_role(role: _Properties, stack: str) -> list[Block]:
    name, ending = ("states", "-states-") if role.name == "StatesRole" else ("sagemaker", "-")
    trust = f"{name}_assumes"
    blocks = [
        _build_document(trust, role.take("AssumeRolePolicyDocument")),
        _resource(
            "aws_iam_role",
            name,
            ("name_prefix", f"{stack[: _LONGEST_PREFIX - len(ending)]}{ending}"),
            ("description", role.take("Description")),
            ("assume_role_policy", _refer_to_document(trust)),
            _TAGS,
        ),
    ]
    for policy in role.take("Policies"):
        document = policy["PolicyName"].replace("-", "_")
        blocks += [
            _build_document(document, policy["PolicyDocument"]),
            _resource(
                "aws_iam_role_policy",
                document,
                ("name", policy["PolicyName"]),
                ("role", Expression(f"aws_iam_role.{name}.id")),
                ("policy", _refer_to_document(document)),
            ),
        ]
    return blocks


def _build_database(database: _Properties, _: str) -> list[Block]:
    made = database.take("DatabaseInput")
    arguments = (("name", made["Name"]), ("description", made["Description"]))
    catalog = ("catalog_id", database.take("CatalogId"))
    return [_resource("aws_glue_catalog_database", "project", catalog, *arguments)]


def _build_table(table: _Properties, _: str) -> list[Block]:
    made = table.take("TableInput")
    stored = made["StorageDescriptor"]
    serde = stored["SerdeInfo"]
    return [
        _resource(
            "aws_glue_catalog_table",
            f"table_{made['Name']}",
            ("catalog_id", table.take("CatalogId")),
            ("database_name", table.take("DatabaseName")),
            ("name", made["Name"]),
            ("table_type", made["TableType"]),
            ("parameters", made["Parameters"]),
            *(
                _block("partition_keys", ("name", each["Name"]), ("type", each["Type"]))
                for each in made["PartitionKeys"]
            ),
            _block(
                "storage_descriptor",
                ("location", stored["Location"]),
                ("input_format", stored["InputFormat"]),
                ("output_format", stored["OutputFormat"]),
                _block(
                    "ser_de_info",
                    ("serialization_library", serde["SerializationLibrary"]),
                    ("parameters", serde["Parameters"]),
                ),
                *(
                    _block("columns", ("name", each["Name"]), ("type", each["Type"]))
                    for each in stored["Columns"]
                ),
            ),
        )
    ]


def _build_workgroup(workgroup: _Properties, _: str) -> list[Block]:
    settings = _Properties("Workgroup", workgroup.take("WorkGroupConfiguration"))
    limit = settings.take("BytesScannedCutoffPerQuery")
    configuration = _block(
        "configuration",
        ("enforce_workgroup_configuration", settings.take("EnforceWorkGroupConfiguration")),
        ("publish_cloudwatch_metrics_enabled", settings.take("PublishCloudWatchMetricsEnabled")),
        *([("bytes_scanned_cutoff_per_query", limit)] if limit is not None else []),
        _block(
            "engine_version",
            ("selected_engine_version", settings.take("EngineVersion")["SelectedEngineVersion"]),
        ),
        _block(
            "result_configuration",
            ("output_location", settings.take("ResultConfiguration")["OutputLocation"]),
        ),
    )
    settings.check_all_written()
    return [
        _resource(
            "aws_athena_workgroup",
            "project",
            ("name", workgroup.take("Name")),
            ("description", workgroup.take("Description")),
            ("state", workgroup.take("State")),
            ("force_destroy", workgroup.take("RecursiveDeleteOption")),
            _TAGS,
            configuration,
        )
    ]


_BUILDERS: dict[str, Callable[[_Properties, str], list[Block]]] = {
    "AWS::S3::Bucket": _build_bucket,
    "AWS::S3::BucketPolicy": _build_bucket_policy,
    "AWS::IAM::Role": _build_role,
    "AWS::Glue::Database": _build_database,
    "AWS::Glue::Table": _build_table,
    "AWS::Athena::WorkGroup": _build_workgroup,
}


def _build_document(name: str, policy: Values) -> Block:
    statements = tuple(build_statement(each) for each in policy["Statement"])
    return Block("data", ("aws_iam_policy_document", name), statements)


def _refer_to_document(name: str) -> Expression:
    return Expression(f"data.aws_iam_policy_document.{name}.json")


def _resource(kind: str, name: str, *body: Any) -> Block:
    return Block("resource", (kind, name), body)


def _block(kind: str, *body: Any) -> Block:
    return Block(kind, (), body)


def _resolve(value: Any, region: str) -> Any:
    """Put Terraform's references for the functions of CloudFormation into a part of a template."""
    match value:
        case list():
            return [_resolve(each, region) for each in value]
        case {"Ref": str(name)}:
            return Expression(_REFERENCES[name])
        case {"Fn::GetAtt": [name, attribute]}:
            return Expression(_REFERENCES[f"{name}.{attribute}"])
        case {"Fn::Sub": str(text)}:
            return _substitute(text, region)
        case dict():
            return {key: _resolve(each, region) for key, each in value.items()}
    return value


def _substitute(text: str, region: str) -> Expression:
    parts = re.split(r"\$\{([^}]*)\}", text.replace("${AWS::Region}", region))
    return Expression(
        '"'
        + "".join(
            f"${{{_REFERENCES[part]}}}" if number % 2 else quote(part)[1:-1]
            for number, part in enumerate(parts)
        )
        + '"'
    )


def _to_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
