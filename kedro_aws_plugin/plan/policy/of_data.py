"""On which resources actions are granted for data: objects on S3, tables, secrets and keys."""

from collections.abc import Callable

from kedro_aws_plugin.plan.keys import Keys, find_object_keys, find_output_keys, find_volume_keys, write_keys
from kedro_aws_plugin.plan.policy import of_pipelines
from kedro_aws_plugin.plan.policy.callers import Audience
from kedro_aws_plugin.plan.policy.grant import Condition, Grant
from kedro_aws_plugin.plan.policy.reach import Reach, get_parameter_resource, get_secret_resource


def list_secrets(reach: Reach, _: Audience) -> list[str]:
    """List the secrets that globals read."""
    named = [each.secret.id for each in reach.config.globals.values() if each.secret]
    return sorted({get_secret_resource(reach, name) for name in named})


def list_parameters(reach: Reach, _: Audience) -> list[str]:
    """List the parameters of Systems Manager that globals read."""
    named = [each.ssm.name for each in reach.config.globals.values() if each.ssm]
    return sorted({get_parameter_resource(reach, name) for name in named})


def list_workgroups(reach: Reach, _: Audience) -> list[str]:
    """List the workgroups of queries."""
    return reach.arns("athena", "workgroup/", sorted(reach.data.workgroups))


def list_data_catalog(reach: Reach, _: Audience) -> list[str]:
    """List the data catalog of queries: the account's own."""
    return reach.arns("athena", "datacatalog/", ["AwsDataCatalog"])


def list_read_tables(reach: Reach, _: Audience) -> list[str]:
    """List what Glue asks for: the catalog and the database of a table as well as the table."""
    databases = {each.partition("/")[0] for each in reach.data.tables} | reach.data.databases
    tables = {f"{name}/*" for name in reach.data.databases}
    tables |= {each for each in reach.data.tables if each.partition("/")[0] not in reach.data.databases}
    return [
        *reach.arns("glue", "", ["catalog"]),
        *reach.arns("glue", "database/", sorted(databases)),
        *reach.arns("glue", "table/", sorted(tables)),
    ]


def list_saved_tables(reach: Reach, _: Audience) -> list[str]:
    """List the tables that a run saves, with their databases and the catalog."""
    databases = sorted({each.partition("/")[0] for each in reach.data.tables})
    return [
        *reach.arns("glue", "", ["catalog"]),
        *reach.arns("glue", "database/", databases),
        *reach.arns("glue", "table/", sorted(reach.data.tables)),
    ]


def list_passing_tables(reach: Reach, _: Audience) -> list[str]:
    """List the tables that a query or a save makes and deletes again."""
    databases = sorted(reach.data.databases)
    return [
        *reach.arns("glue", "", ["catalog"]),
        *reach.arns("glue", "database/", databases),
        *reach.arns("glue", "table/", [f"{name}/kedro_*" for name in databases]),
    ]


def list_buckets(reach: Reach, _: Audience) -> list[str]:
    """List the project's bucket and those of its data."""
    found = {uri.removeprefix("s3://").partition("/")[0] for uri in reach.data.read | reach.data.written}
    buckets = found | {reach.config.bucket}
    return [f"arn:{reach.partition}:s3:::{name}" for name in sorted(buckets)]


def _find_models_folders(reach: Reach) -> set[str]:
    return reach.own(*(f"sagemaker/{name}/" for name in reach.groups))


def list_read(reach: Reach, audience: Audience) -> list[str]:
    """List what is read in the project's bucket: data, models, and what jobs leave."""
    jobs = reach.own("transform/") if audience == "developer" else set()
    jobs |= {folder for each in reach.queues.values() for folder in (each.output, each.failure) if folder}
    jobs |= of_pipelines.find_jobs_folders(reach, audience)
    return reach.objects(reach.in_bucket(reach.data.read) | _find_models_folders(reach) | jobs)


def list_written(reach: Reach, audience: Audience) -> list[str]:
    """List what is written in the project's bucket: data, models, and what jobs read."""
    uploads = reach.own("data/raw/", "transform/input/") if audience == "developer" else set()
    uploads |= {each.input for each in reach.queues.values() if each.input}
    uploads |= of_pipelines.find_jobs_folders(reach, audience)
    return reach.objects(reach.in_bucket(reach.data.written) | _find_models_folders(reach) | uploads)


def list_replaced(reach: Reach, audience: Audience) -> list[str]:
    """List where objects are deleted in the project's bucket."""
    models = _find_models_folders(reach) if audience == "developer" else set()
    models |= of_pipelines.find_jobs_folders(reach, audience)
    return reach.objects(reach.in_bucket(reach.data.replaced) | models)


def list_read_elsewhere(reach: Reach, _: Audience) -> list[str]:
    """List what is read in other buckets."""
    return reach.objects(reach.data.read - reach.in_bucket(reach.data.read))


def list_written_elsewhere(reach: Reach, _: Audience) -> list[str]:
    """List what is written in other buckets."""
    return reach.objects(reach.data.written - reach.in_bucket(reach.data.written))


def list_replaced_elsewhere(reach: Reach, _: Audience) -> list[str]:
    """List where objects are deleted in other buckets."""
    return reach.objects(reach.data.replaced - reach.in_bucket(reach.data.replaced))


def write_volume_keys(reach: Reach, audience: Audience) -> Keys:
    """Write the keys of volumes."""
    return write_keys(find_volume_keys(reach.config, with_jobs=audience == "developer"), _of_kms(reach))


def write_object_keys(reach: Reach, _: Audience) -> Keys:
    """Write the keys of objects on S3."""
    return write_keys(find_object_keys(reach.config), _of_kms(reach))


def write_read_keys(reach: Reach, audience: Audience) -> Keys:
    """Write the keys of what is read from S3: what commands have put there, and predictions."""
    predictions = find_output_keys(reach.config) if audience == "developer" else []
    return write_keys([*find_object_keys(reach.config), *predictions], _of_kms(reach))


def _of_kms(reach: Reach) -> str:
    return reach.arns("kms", "", [""])[0]


def grant_keys(
    sid: str,
    action: str,
    write: Callable[[Reach, Audience], Keys],
    condition: Callable[[Reach, Audience], Condition] | None = None,
) -> tuple[Grant, Grant]:
    """Grant an action on keys that are named by ARN or id, and on those that are named by an alias."""

    def require(reach: Reach, audience: Audience) -> Condition:
        also = condition(reach, audience) if condition else {}
        return {**also, **write(reach, audience).condition}

    return (
        Grant(sid, {action: lambda reach, audience: list(write(reach, audience).arns)}, condition),
        Grant(
            f"{sid}ByAlias", {action: lambda reach, audience: list(write(reach, audience).places)}, require
        ),
    )


def require_a_service(_: Reach, __: Audience) -> Condition:
    """Keep the use of a key from being given to anybody but a service of AWS."""
    return {"Bool": {"kms:GrantIsForAWSResource": "true"}}
