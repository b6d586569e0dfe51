"""Plan how to serve a package: (deployment, observed) -> Plan."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from kedro_aws_plugin.config.sections import parse_package
from kedro_aws_plugin.errors import AwsError, ServingError
from kedro_aws_plugin.plan.deployment import Deployment
from kedro_aws_plugin.plan.observed import (
    BUSY,
    DELETING,
    IN_SERVICE,
    Endpoint,
    Sample,
    Serving,
)
from kedro_aws_plugin.plan.plan import Plan
from kedro_aws_plugin.plan.prediction import plan_async_request
from kedro_aws_plugin.plan.register import SAMPLE_TYPE
from kedro_aws_plugin.plan.scaling import (
    find_unchangeable,
    keeps_counts,
    plan_end_of_scaling,
    plan_scaling,
)
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.asynchronous import InvokeAsync
from kedro_aws_plugin.plan.steps.base import BaseStep
from kedro_aws_plugin.plan.steps.serving import (
    AddTags,
    CheckEndpoint,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    DeleteTags,
    InvokeEndpoint,
    UpdateEndpoint,
    UpdateWeights,
    WaitForDeletion,
    WaitForEndpoint,
    WaitForUpdate,
)
from kedro_aws_plugin.plan.tags import (
    FAILED_CHECK,
    FORMER_CONFIG,
    MAX_TAGS,
    ROLLED_BACK,
    Tags,
    find_crowding_marks,
    write_former,
)
from kedro_aws_plugin.plan.updates import build_deployment_config
from kedro_aws_plugin.plan.variants import (
    ALL_TRAFFIC,
    ChosenVariant,
    describe_shares,
)

_OTHERS = "Choose another name: --endpoint, or under `deploy` in aws.yml."


def plan_endpoint(wanted: Deployment, observed: Serving, samples: Mapping[str, Sample]) -> Plan:
    """Plan models, endpoint config and endpoint; then the wait and the check with the sample payloads.

    A version that failed its check before, or was rolled back, is not deployed again unless that is wanted.

    Args:
        wanted: The endpoint as it should be.
        observed: What there is.
        samples: The sample payloads of the versions that have one, by the ARN of the package.

    Raises:
        AwsError: If the endpoint belongs to somebody else, or cannot be changed as wanted.
        ServingError: If the version failed its check before, and something else serves; or if it was rolled
            back.
    """
    endpoint = observed.endpoint
    if endpoint is not None:
        refuse_of_somebody_else(wanted.tags, endpoint)
        _refuse(wanted, endpoint)
        _refuse_another_model(wanted, observed.serves)
    title = f"deploy {_describe(wanted)} to endpoint {wanted.endpoint} ({wanted.deploy.mode})"
    change = _plan_change(wanted, observed)
    steps = [*_plan_definitions(wanted, observed), *change]
    checks = _plan_checks(wanted, observed, samples, steps)
    # The tags of an endpoint that is made anew go with the former one.
    is_new = any(isinstance(step, CreateEndpoint) for step in steps)
    reason = _find_failure(endpoint, wanted.config_name) if endpoint and not is_new else None
    if checks and endpoint and reason and not wanted.again:
        several = len(wanted.production) > 1
        check = replace(checks[0], version="One of its variants") if several else checks[0]
        return _plan_return(title, check, endpoint, reason)
    if endpoint and not is_new:
        steps[:0] = _plan_missing_tags(wanted, endpoint)
        # First of all: a command that ends early is then followed by one that checks.
        steps[:0] = _plan_another_chance(wanted, endpoint)
    wait = _plan_wait(wanted, steps) if change or (endpoint and endpoint.status in BUSY) else None
    if wanted.wait and wait:
        steps.append(wait)
    weights = _plan_weights(wanted, observed, is_fresh=wait is not None)
    # AWS scales what is in service.
    settled = wanted.wait or not (wait or weights)
    scaling = _plan_scaling(wanted, observed, is_new=is_new, is_updated=bool(change)) if settled else []
    answers = checks if wanted.wait else []
    # An endpoint that has lost its instances needs its scaling to answer; a new version must answer first.
    steps += [*weights, *answers, *scaling] if change else [*weights, *scaling, *answers]
    if wanted.wait:
        # Last of all: what failed to serve or to answer ends the plan before.
        steps += _plan_cleanup(wanted, observed)
    return Plan(
        title=title,
        steps=tuple(steps),
        unchanged=f"endpoint {wanted.endpoint} serves {_describe(wanted, whole=True)}",
    )


def _describe(wanted: Deployment, *, whole: bool = False) -> str:
    """Describe what is to be served; with `whole`, one version by its whole ARN."""
    if wanted.variants:
        return describe_shares(wanted.variants)
    return wanted.package if whole else wanted.package.rsplit(":", 1)[-1]


def _plan_weights(wanted: Deployment, observed: Serving, *, is_fresh: bool) -> list[Step]:
    """Plan to change the weights of variants that serve already, without another config.

    Args:
        wanted: The endpoint as it should be.
        observed: What there is.
        is_fresh: Whether the endpoint has only just come to its config, and so has the config's weights.

    Raises:
        AwsError: If the endpoint must be waited for, and that is not wanted.
    """
    variants = wanted.definition()["ProductionVariants"]
    weights = {each["VariantName"]: each.get("InitialVariantWeight", 1.0) for each in variants}
    endpoint = observed.endpoint
    if len(weights) == 1:
        return []
    # A config that is made now has the weights that are wanted.
    now = observed.config_weights if is_fresh else endpoint.weights if endpoint else {}
    if not now or now == weights:
        return []
    if is_fresh and not wanted.wait:
        raise AwsError(
            f"Endpoint config {wanted.config_name} exists with other weights, which can only be changed once "
            f"endpoint {wanted.endpoint} serves it. Leave --no-wait out."
        )
    update = UpdateWeights(name=wanted.endpoint, weights=weights)
    wait = [WaitForEndpoint(name=wanted.endpoint, config_name=wanted.config_name)] if wanted.wait else []
    return [update, *wait]


def _plan_scaling(wanted: Deployment, observed: Serving, *, is_new: bool, is_updated: bool) -> list[Step]:
    """Plan the scaling of an endpoint in service: one made anew has none, an update has ended some."""
    variants = wanted.definition()["ProductionVariants"]
    kept = {} if is_new else dict(observed.scaling)
    if is_updated:
        for name in find_unchangeable(wanted.deploy, variants, kept):
            del kept[name]
    now = observed.endpoint
    # An endpoint that comes to another config comes to its numbers of instances, too.
    settled = now if now and not is_new and now.config_name == now.coming == wanted.config_name else None
    return plan_scaling(wanted.deploy, variants, settled, kept, wait=wanted.wait)


def _plan_wait(wanted: Deployment, steps: Sequence[BaseStep]) -> WaitForEndpoint:
    """Plan to wait, for as long as the update itself waits too."""
    update = wanted.deploy.update
    if update is None or any(isinstance(step, CreateEndpoint) for step in steps):
        return WaitForEndpoint(name=wanted.endpoint, config_name=wanted.config_name)
    shares = update.list_steps(wanted.deploy.instance_count)
    begins = any(isinstance(step, UpdateEndpoint) for step in steps)
    return WaitForUpdate(
        name=wanted.endpoint,
        config_name=wanted.config_name,
        alarms=update.alarms,
        steps=shares if begins else (),
        pauses=len(shares) * update.wait_seconds + update.termination_wait_seconds,
    )


def _plan_missing_tags(wanted: Deployment, endpoint: Endpoint) -> list[Step]:
    """Plan the tags of aws.yml that the endpoint lacks, and make room for them."""
    tags = endpoint.tags or {}
    missing = {key: value for key, value in wanted.deploy.tags.items() if tags.get(key) != value}
    if not missing:
        return []
    marks = [key for key in tags if key.startswith((FAILED_CHECK, ROLLED_BACK))]
    crowded = len({*tags, *missing, FORMER_CONFIG}) >= MAX_TAGS and marks
    room = [DeleteTags(arn=endpoint.arn, keys=marks)] if crowded else []
    return [*room, AddTags(arn=endpoint.arn, tags=missing)]


def _plan_another_chance(wanted: Deployment, endpoint: Endpoint) -> list[Step]:
    """Plan to take away the tags that say of a version that it failed its check, or was rolled back."""
    tags = endpoint.tags or {}
    marks = (FAILED_CHECK + wanted.config_name, *map(name_rolled_back, wanted.models))
    keys = [mark for mark in marks if mark in tags]
    return [DeleteTags(arn=endpoint.arn, keys=keys)] if keys else []


def name_rolled_back(package: str) -> str:
    """Name the tag of an endpoint which says that a version was rolled back.

    Args:
        package: The version's ARN.
    """
    return f"{ROLLED_BACK}{'/'.join(package.rsplit('/', 2)[-2:])}"


def _find_failure(endpoint: Endpoint, config: str) -> str | None:
    """Find the reason for which a config failed its check on this endpoint; None if it did not."""
    return (endpoint.tags or {}).get(FAILED_CHECK + config)


def _plan_return(title: str, check: CheckEndpoint, endpoint: Endpoint, reason: str) -> Plan:
    """Plan what an interrupted command left undone after a failed check, if anything; then the same error."""
    if endpoint.coming != check.config_name:
        raise ServingError(check.explain(reason, endpoint.coming))
    if check.former is None:
        raise ServingError(check.explain(reason, None))
    settle = [WaitForEndpoint(name=endpoint.name, config_name=None)] if endpoint.status in BUSY else []
    return Plan(
        title=title,
        steps=(*settle, *check.go_back()),
        unchanged="",
        failure=check.explain(reason, check.former),
    )


def refuse_of_somebody_else(tags: Tags, endpoint: Endpoint) -> None:
    """Refuse to change an endpoint that lacks the tags of the project and its environment.

    Raises:
        AwsError: If it lacks one of them.
    """
    if endpoint.tags is not None and not tags.items() <= endpoint.tags.items():
        raise AwsError(
            f"Endpoint {endpoint.name} exists, and this project's environment did not make it: it lacks "
            f"the tags {', '.join(f'{key}={value}' for key, value in tags.items())}. {_OTHERS}"
        )


def _refuse(wanted: Deployment, endpoint: Endpoint) -> None:
    for package in wanted.models:
        rolled_back = (endpoint.tags or {}).get(name_rolled_back(package))
        if rolled_back is None or wanted.again:
            continue
        group, version = package.rsplit("/", 2)[-2:]
        if endpoint.coming == wanted.config_name:
            raise ServingError(
                f"Version {version} of {group} still serves on endpoint {endpoint.name}, and a rollback from "
                f"it was begun: {rolled_back}. Go on with kedro aws rollback --endpoint {endpoint.name}, or "
                "keep the version with --again."
            )
        raise ServingError(
            f"Version {version} of {group} was rolled back on endpoint {endpoint.name}: {rolled_back}. "
            "Deploy another version, or this one again with --again."
        )
    names = {each.name for each in wanted.production}
    is_updated = wanted.deploy.update and endpoint.status in (IN_SERVICE, *BUSY)
    if is_updated and endpoint.weights and endpoint.weights.keys() != names:
        raise AwsError(
            f"Endpoint {endpoint.name} has the variants {', '.join(endpoint.weights)}, and `deploy.update` "
            f"would change it in steps to {', '.join(sorted(names))}: SageMaker does that only for variants "
            "of the same names. Leave `update` out of aws.yml for this deployment."
        )
    if endpoint.status == IN_SERVICE and wanted.deploy.mode == "serverless" and not endpoint.serverless:
        raise AwsError(
            f"Endpoint {endpoint.name} runs on instances, and SageMaker cannot make that serverless. "
            f"Run `kedro aws destroy --endpoint {endpoint.name}` first. {_OTHERS}"
        )
    if endpoint.status in (IN_SERVICE, *BUSY) and wanted.is_async != endpoint.asynchronous:
        is_now = "is asynchronous" if endpoint.asynchronous else "is not asynchronous"
        raise AwsError(
            f"Endpoint {endpoint.name} {is_now}, and SageMaker cannot change that: this would make it "
            f"{wanted.deploy.mode}. Run `kedro aws destroy --endpoint {endpoint.name}` first. {_OTHERS}"
        )
    if endpoint.status in BUSY and endpoint.coming != wanted.config_name and not wanted.wait:
        raise AwsError(
            f"Endpoint {endpoint.name} is {endpoint.status}, and SageMaker takes one change at a time. "
            "Leave --no-wait out, or run the command again later."
        )


def _refuse_another_model(wanted: Deployment, serves: Collection[str]) -> None:
    """Refuse to put one model in another one's place, unless aws.yml or the user names both."""
    now = {group for each in serves if (group := parse_package(each)[0]) is not None}
    group, version = parse_package(wanted.package)
    coming = {parse_package(each.package)[0] for each in wanted.production}
    if now and not now & coming and not wanted.deploy.may_replace:
        raise AwsError(
            f"Endpoint {wanted.endpoint} serves model package group {' and '.join(sorted(now))}, and version "
            f"{version} of {group} would take its place. Choose another endpoint with --endpoint. If that is "
            f"meant: kedro aws deploy --endpoint {wanted.endpoint} --group {group} --package {version}"
        )


def _plan_definitions(wanted: Deployment, observed: Serving) -> list[Step]:
    steps: list[Step] = [
        CreateModel(
            name=name,
            package=package,
            role_arn=wanted.role_arn,
            tags=wanted.all_tags,
            settings=wanted.model_settings,
        )
        for package, name in wanted.models.items()
        if name not in observed.models
    ]
    if not observed.config_exists:
        steps.append(
            CreateEndpointConfig(
                name=wanted.config_name, definition=wanted.definition(), tags=wanted.all_tags
            )
        )
    return steps


def _plan_change(wanted: Deployment, observed: Serving) -> list[Step]:
    """Plan the steps from the endpoint that exists, if any, to the wanted one."""
    create = CreateEndpoint(name=wanted.endpoint, config_name=wanted.config_name, tags=wanted.all_tags)
    settle = WaitForEndpoint(name=wanted.endpoint, config_name=None)
    gone = WaitForDeletion(name=wanted.endpoint)
    endpoint = observed.endpoint
    if endpoint is None:
        return [create]
    if endpoint.status == DELETING:
        return [gone, create]
    variants = wanted.definition()["ProductionVariants"]
    unchangeable = find_unchangeable(wanted.deploy, variants, observed.scaling)
    update = [
        *_plan_tags(endpoint, observed),
        *plan_end_of_scaling(wanted.endpoint, unchangeable),
        UpdateEndpoint(
            name=wanted.endpoint,
            config_name=wanted.config_name,
            deployment=build_deployment_config(wanted.deploy.update) if wanted.deploy.update else None,
            keeps_counts=keeps_counts(wanted.deploy, endpoint),
        ),
    ]
    if endpoint.status in BUSY:
        return [] if endpoint.coming == wanted.config_name else [settle, *update]
    if endpoint.status != IN_SERVICE:
        scaling = plan_end_of_scaling(wanted.endpoint, observed.scaling)
        return [*scaling, DeleteEndpoint(name=wanted.endpoint), gone, create]
    return [] if endpoint.config_name == wanted.config_name else update


def _plan_tags(endpoint: Endpoint, observed: Serving) -> list[Step]:
    """Plan the tag that names the config to go back to, and make room for one more failed check."""
    tags = endpoint.tags or {}
    steps: list[Step] = []
    if failures := find_crowding_marks(tags, FAILED_CHECK):
        steps.append(DeleteTags(arn=endpoint.arn, keys=failures))
    if observed.former:
        former = write_former(tags, observed.former.config_name)
        if tags.get(FORMER_CONFIG) != former:
            steps.append(AddTags(arn=endpoint.arn, tags={FORMER_CONFIG: former}))
    return steps


def _plan_cleanup(wanted: Deployment, observed: Serving) -> list[Step]:
    """Plan the deletion of this endpoint's configs and models that nothing needs once the wanted one serves.

    What serves, what is wanted and what `rollback` would go back to is kept, and so are models that a
    transform job uses, and what another endpoint serves. A model is deleted before its config, by which the
    next command finds what is left.
    """
    if observed.endpoint is None:
        return []
    kept = {wanted.config_name, *observed.needed_configs, *observed.served_elsewhere}
    needed = {
        *wanted.models.values(),
        *(model for name in kept for model in observed.made.get(name, ())),
    }
    steps: list[Step] = []
    for config, models in sorted(observed.made.items()):
        if config in kept or observed.in_use.intersection(models):
            continue
        steps += [DeleteModel(name=model) for model in models if model not in needed]
        needed.update(models)  # two configs may have had one model
        steps.append(DeleteEndpointConfig(name=config))
    return steps


def _plan_checks(
    wanted: Deployment, observed: Serving, samples: Mapping[str, Sample], steps: Sequence[BaseStep]
) -> list[CheckEndpoint]:
    """Plan a check of each variant in production whose version has a sample."""
    created = next((step for step in steps if isinstance(step, CreateEndpoint)), None)
    # An endpoint that is created anew has no former config.
    former = observed.former if created is None else None
    endpoint = observed.endpoint
    serves = former is not None and endpoint is not None and endpoint.config_name == former.config_name
    weights = endpoint.weights if serves and endpoint is not None and len(endpoint.weights) > 1 else {}
    folder = wanted.deploy.async_.input if wanted.is_async else None
    return [
        CheckEndpoint(
            sent=plan_request(wanted.endpoint, each.name, samples[each.package], folder),
            arn=Ref(created, "arn") if created else observed.endpoint.arn if observed.endpoint else "",
            config_name=wanted.config_name,
            version=_name_checked(each),
            log=wanted.log,
            former=former.config_name if former else None,
            former_checks=plan_requests(wanted.endpoint, former.samples, folder) if former else (),
            keeps_counts=keeps_counts(wanted.deploy, observed.endpoint) if former else False,
            former_weights=weights,
        )
        for each in wanted.production
        if each.package in samples
    ]


def _name_checked(variant: ChosenVariant) -> str:
    if variant.name == ALL_TRAFFIC:
        return variant.version.capitalize()
    return f"Variant {variant.name} ({variant.version})"


def plan_requests(
    endpoint: str, samples: Mapping[str, Sample], folder: str | None
) -> tuple[InvokeEndpoint | InvokeAsync, ...]:
    """Plan to send its sample to each variant, and to check the answers.

    Args:
        endpoint: The endpoint.
        samples: The samples by the variant's name.
        folder: The folder on S3 for what an asynchronous endpoint is sent; None if it is not asynchronous.
    """
    return tuple(plan_request(endpoint, variant, sample, folder) for variant, sample in samples.items())


def plan_request(
    endpoint: str, variant: str, sample: Sample, folder: str | None
) -> InvokeEndpoint | InvokeAsync:
    """Plan to send a sample, and to check the answer.

    Args:
        endpoint: The endpoint.
        variant: The variant that is to answer.
        sample: The sample.
        folder: The folder on S3 for what an asynchronous endpoint is sent; None if it is not asynchronous.
    """
    if folder is not None:
        return plan_async_request(endpoint, sample.body, SAMPLE_TYPE, folder, expected=sample.answer)
    return InvokeEndpoint(
        name=endpoint,
        body=sample.body,
        content_type=SAMPLE_TYPE,
        accept="application/json",
        expected=sample.answer,
        variant=None if variant == ALL_TRAFFIC else variant,
    )
