"""Choose what a command needs from aws.yml and from its options."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from kedro_aws_plugin.config.models import AwsConfig, Deploy, Registry, Transform
from kedro_aws_plugin.config.names import is_sagemaker_name
from kedro_aws_plugin.config.scaling import Autoscaling
from kedro_aws_plugin.config.serving_settings import explain_local_storage, find_conflict, has_local_storage
from kedro_aws_plugin.errors import ConfigError, end_sentence

_LOCAL_ROLE = "arn:aws:iam::123456789012:role/kedro-aws-local"
_STARTS = {
    "sagemaker": "sagemaker:StartPipelineExecution",
    "stepfunctions": "states:StartExecution",
    "emr-serverless": "emr-serverless:StartJobRun and emr-serverless:TagResource, and pass the job's role",
}
"""What a schedule needs to start a run, by the target of the pipeline."""

_SERVERLESS = ("memory_mb", "max_concurrency")
_OPTIONS = {
    "memory_mb": "--memory",
    "update": "aws.yml: `deploy.update`",
    **{key: f"aws.yml: `deploy.{key}`" for key in ("autoscaling", "capture", "variants", "shadow")},
}


def require_registry(config: AwsConfig) -> Registry:
    """Get the `registry:` section.

    Raises:
        ConfigError: If aws.yml has none.
    """
    if config.registry is None:
        raise ConfigError(
            "conf/base/aws.yml: `registry` is missing. Add `registry.group` (a model package group) "
            "and `registry.model` (a catalog entry)."
        )
    return config.registry


def choose_group(config: AwsConfig, package: str | None = None, group: str | None = None) -> str:
    """Choose the model package group that a command works on.

    Args:
        config: The project's configuration.
        package: A version: an ARN contains its group; a number is a version in the group.
        group: The group that the user names, or that of the endpoint; by default `registry.group`.

    Raises:
        ConfigError: If none of them names a group, or two of them name different ones.
    """
    named, _ = parse_package(package or "")
    if group and not is_sagemaker_name(group):
        raise ConfigError(
            f"--group: `{group}` is not the name of a model package group: 1 to 63 letters, digits and inner "
            "hyphens."
        )
    if named and group and named != group:
        raise ConfigError(
            f"{package} is in model package group {named}, and --group is {group}. Leave one of the two out."
        )
    return named or group or _require_group(config)


def find_endpoint_groups(config: AwsConfig) -> dict[str, str | None]:
    """Find the endpoints of aws.yml, each with the model package group whose versions it serves, if known."""
    if config.deploy is None:
        return {}
    default = config.deploy.group or (config.registry.group if config.registry else None)
    if config.deploy.endpoint:
        return {config.deploy.endpoint: default}
    return {name: each.group or default for name, each in config.deploy.endpoints.items()}


def find_variant_groups(config: AwsConfig) -> set[str]:
    """Find the model package groups that the variants of the endpoints name."""
    section = config.deploy
    settings = [section, *section.endpoints.values()] if section else []
    versions = [each for one in settings for each in (*one.variants.values(), one.shadow) if each]
    named = {group for each in versions for group in (each.group, parse_package(each.package or "")[0])}
    return {group for group in named if group}


def find_endpoints_on_instances(config: AwsConfig) -> list[str]:
    """Find the endpoints of aws.yml that have instances, whose number can be changed."""
    names = find_endpoint_groups(config)
    return [name for name in names if merge_deploy(config, {"endpoint": name}).mode != "serverless"]


def merge_deploy(config: AwsConfig, changes: Mapping[str, Any]) -> Deploy:
    """Choose the endpoint that a command works on, and override its keys with the command's options.

    Args:
        config: The project's configuration.
        changes: Options by the name of their key; None for those that the user did not give. Of `package`,
            only the group in an ARN matters.

    Raises:
        ConfigError: If it is not clear which endpoint is meant, or an option's value is wrong.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    group, (packed, _) = given.get("group"), parse_package(given.pop("package", None) or "")
    name = given.get("endpoint") or _choose_endpoint(config, group or packed)
    below, own = _find_settings(config, name)
    typed = group if "endpoint" in given else None
    default = config.registry.group if config.registry else None
    wanted = group or packed or own.get("group") or below.get("group") or default
    size = {key: given.pop(key) for key in _SERVERLESS if key in given}
    values = {**below, **own, **given, "endpoint": name, "group": wanted}
    values["serverless"] = {**below.get("serverless", {}), **own.get("serverless", {}), **size}
    folder = f"s3://{config.bucket}/async/{name}/"
    places = {place: f"{folder}{place}/" for place in ("input", "output", "failure")}
    values["async"] = {**places, **_drop_unset({**below.get("async", {}), **own.get("async", {})})}
    for key in ("environment", "tags"):
        values[key] = {**below.get(key, {}), **own.get(key, {})}
    if (capture := values.get("capture")) is not None:
        values["capture"] = {"destination": find_capture_folder(config), **_drop_unset(capture)}
    by_variants = any((each or {}).get("group") for each in (values.get("variants") or {}).values())
    values["may_replace"] = by_variants or (wanted is not None and wanted in (typed, own.get("group")))
    try:
        deploy = Deploy.model_validate(values)
    except ValidationError as error:
        raise _explain_option(error) from None
    for instance_type in _list_instance_types(deploy):
        if (conflict := find_conflict(deploy, deploy.mode, instance_type)) is None:
            continue
        key, reason = conflict
        raise ConfigError(
            f"conf/{config.env}/aws.yml: `deploy.{key}` of endpoint {name}: {reason}. Remove the key for "
            "this endpoint, or choose another mode or instance type."
        )
    return deploy


def _drop_unset(section: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the keys that have no value: their defaults are meant."""
    return {key: value for key, value in section.items() if value is not None}


def _list_instance_types(deploy: Deploy) -> list[str]:
    """List the instance types of an endpoint's variants, each once."""
    types = [each.instance_type for each in deploy.variants.values()] or [None]
    if deploy.shadow:
        types.append(deploy.shadow.instance_type)
    return list(dict.fromkeys(each or deploy.instance_type for each in types))


def merge_transform(config: AwsConfig, changes: Mapping[str, Any]) -> Transform:
    """Override the keys of `transform:` with a command's options.

    Args:
        config: The project's configuration.
        changes: Options by the name of their key; None for those that the user did not give.

    Raises:
        ConfigError: If an option's value is wrong.
    """
    stated = config.transform.model_dump(exclude_unset=True)
    given = {key: value for key, value in changes.items() if value is not None}
    try:
        transform = Transform.model_validate({**stated, **given})
    except ValidationError as error:
        raise _explain_option(error) from None
    if transform.volume_kms_key is not None and has_local_storage(transform.instance_type):
        reason = explain_local_storage(transform.instance_type)
        raise ConfigError(
            f"conf/{config.env}/aws.yml: `transform.volume_kms_key`: {reason}. Remove the key, or choose "
            "another instance type."
        )
    return transform


def _explain_option(error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    key = str(first["loc"][-1])
    option = _OPTIONS.get(key, f"--{key.replace('_', '-')}")
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] != "value_error":
        message = f"`{first['input']}` is wrong: {message[:1].lower()}{message[1:]}"
    return ConfigError(f"{option}: {end_sentence(message)}")


def parse_package(arn: str) -> tuple[str | None, int | None]:
    """Parse the group and the version in a package's ARN; None for each that it does not name."""
    named = re.fullmatch(r"arn:[^/]+:model-package/([^/]+)/(\d+)", arn)
    return (named[1], int(named[2])) if named else (None, None)


def _require_group(config: AwsConfig) -> str:
    if config.registry is None:
        raise ConfigError("conf/base/aws.yml: `registry.group` is missing. Add it, or give --group.")
    return config.registry.group


def _choose_endpoint(config: AwsConfig, group: str | None) -> str:
    """Choose the only endpoint of aws.yml, or the only one that is for a group."""
    groups = find_endpoint_groups(config)
    if not groups:
        raise ConfigError("conf/base/aws.yml: `deploy.endpoint` is missing. Add it, or give --endpoint.")
    fitting = [name for name, own in groups.items() if group is None or own in (group, None)]
    exact = [name for name in fitting if groups[name] == group]
    found = exact or fitting
    if len(found) == 1:
        return found[0]
    about = f" for model package group {group}" if group else ""
    if found:
        raise ConfigError(
            f"conf/base/aws.yml has several endpoints{about}: {', '.join(found)}. Choose one with --endpoint."
        )
    known = ", ".join(f"{name} (for {own})" for name, own in groups.items())
    raise ConfigError(
        f"conf/base/aws.yml has no endpoint{about}; it has {known}. "
        "Choose one with --endpoint, or add one to `deploy.endpoints`."
    )


def _find_settings(config: AwsConfig, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Find what aws.yml says for all endpoints, and for this one."""
    section = config.deploy
    if section is None:
        return {}, {}
    stated = section.model_dump(exclude_unset=True, exclude={"endpoint", "endpoints"}, by_alias=True)
    if name == section.endpoint:
        return {}, stated
    own = section.endpoints.get(name)
    return stated, own.model_dump(exclude_unset=True, by_alias=True) if own else {}


def find_results_folder(config: AwsConfig) -> str:
    """Find the folder on S3 where Athena puts query results."""
    stated = config.athena.output_location if config.athena else None
    return stated or f"s3://{config.bucket}/athena/"


def find_alarms(config: AwsConfig) -> list[str]:
    """Find the alarms that may end an update of an endpoint."""
    section = config.deploy
    if section is None:
        return []
    updates = [each.update for each in (section, *section.endpoints.values()) if each.update]
    return sorted({name for update in updates for name in update.alarms})


def find_scaled_endpoints(config: AwsConfig) -> list[str]:
    """Find the endpoints of aws.yml that are scaled by what they have to do."""
    return [name for name in find_endpoint_groups(config) if find_autoscaling(config, name) is not None]


def find_autoscaling(config: AwsConfig, endpoint: str) -> Autoscaling | None:
    """Find what aws.yml says of the scaling of an endpoint; None if it says nothing, or has no such one."""
    section = config.deploy
    if section is None or endpoint not in find_endpoint_groups(config):
        return None
    own = section.endpoints.get(endpoint)
    return own.autoscaling if own and "autoscaling" in own.model_fields_set else section.autoscaling


def find_capture_folder(config: AwsConfig) -> str:
    """Find the folder on S3 where endpoints keep what they capture, unless `deploy.capture` names another."""
    return f"s3://{config.bucket}/captured/"


def choose_role(config: AwsConfig, bootstrapped: Callable[[], str | None]) -> str:
    """Choose the role that SageMaker assumes. The local AWS does not check it.

    Args:
        config: The project's configuration.
        bootstrapped: Looks up the role that `kedro aws bootstrap` made; called if aws.yml names none.

    Raises:
        ConfigError: If the real AWS is in force and there is no role.
    """
    if config.role_arn is not None:
        return config.role_arn
    if config.target == "local":
        return _LOCAL_ROLE
    if role := bootstrapped():
        return role
    raise ConfigError(
        f"conf/{config.env}/aws.yml: `role_arn` is missing. Make a role with `kedro aws bootstrap`, or add "
        f"the ARN of one that SageMaker may assume and that may read s3://{config.bucket}."
    )


def choose_pipeline_role(config: AwsConfig) -> str:
    """Choose the role of a SageMaker pipeline and its jobs. The local AWS does not check it.

    The role that `kedro aws bootstrap` makes is none: it serves models, and reaches no data of the catalog.

    Args:
        config: The project's configuration.

    Raises:
        ConfigError: If the real AWS is in force and aws.yml names no role.
    """
    role = config.pipelines.role_arn or config.role_arn
    if role is not None:
        return role
    if config.target == "local":
        return _LOCAL_ROLE
    raise ConfigError(
        f"conf/{config.env}/aws.yml: `pipelines.role_arn` is missing. Add the ARN of a role that SageMaker "
        "may assume, that may make processing jobs, and that may read and write what the catalog names."
    )


def choose_spark_role(config: AwsConfig) -> str:
    """Choose the role of a job on EMR Serverless. The local AWS does not check it.

    Args:
        config: The project's configuration.

    Raises:
        ConfigError: If the real AWS is in force and aws.yml names no role.
    """
    role = config.pipelines.emr_serverless.role_arn or config.pipelines.role_arn or config.role_arn
    if role is not None:
        return role
    if config.target == "local":
        return _LOCAL_ROLE
    raise ConfigError(
        f"conf/{config.env}/aws.yml: `pipelines.emr_serverless.role_arn` is missing. Add the ARN of a role "
        "that EMR Serverless may assume (emr-serverless.amazonaws.com), and that may read and write what the "
        "catalog names."
    )


def choose_states_role(config: AwsConfig, find: Callable[[], str | None]) -> str:
    """Choose the role of a state machine. The local AWS does not check it.

    Args:
        config: The project's configuration.
        find: Looks up the role that `kedro aws bootstrap` has made.

    Raises:
        ConfigError: If the real AWS is in force, aws.yml names no role, and there is none.
    """
    if config.pipelines.stepfunctions.role_arn is not None:
        return config.pipelines.stepfunctions.role_arn
    role = _LOCAL_ROLE if config.target == "local" else find()
    if role is not None:
        return role
    raise ConfigError(
        f"conf/{config.env}/aws.yml: Step Functions has no role. Run `kedro aws bootstrap`, which makes one "
        "if `pipelines.role_arn` is there, or add `pipelines.stepfunctions.role_arn`: the ARN of a role that "
        "Step Functions may assume (states.amazonaws.com), and that may make processing jobs."
    )


def choose_schedule_role(config: AwsConfig) -> str:
    """Choose the role with which EventBridge Scheduler starts a pipeline. The local AWS does not check it.

    Args:
        config: The project's configuration.

    Raises:
        ConfigError: If the real AWS is in force and aws.yml names no role.
    """
    if config.pipelines.schedule_role_arn is not None:
        return config.pipelines.schedule_role_arn
    if config.target == "local":
        return _LOCAL_ROLE
    raise ConfigError(
        f"conf/{config.env}/aws.yml: `pipelines.schedule_role_arn` is missing. Add the ARN of a role that "
        "EventBridge Scheduler may assume (scheduler.amazonaws.com), and that may call "
        f"{_STARTS[config.pipelines.target]}."
    )
