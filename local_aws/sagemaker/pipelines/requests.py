"""The Arguments of steps, checked against the requests that they become."""

from collections.abc import Callable
from typing import Any

from local_aws.protocol.messages import AwsFault, unsupported
from local_aws.protocol.operations import TABLES, Support
from local_aws.protocol.service_model import UNKNOWN, find_violations, load_service_model
from local_aws.sagemaker.pipelines.expressions import CannotResolve, Path, is_expression, parse_path
from local_aws.sagemaker.pipelines.step_kinds import StepKind
from local_aws.sagemaker.processing.definition import check_supported as check_processing
from local_aws.sagemaker.training.definition import check_supported as check_training

_SERVICE = "sagemaker"
_CHECKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "CreateProcessingJob": check_processing,
    "CreateTrainingJob": check_training,
}
_SOME_NAME = "name"


def check_arguments(
    step: str, kind: StepKind, arguments: dict[str, Any], refuse: Callable[[str], AwsFault]
) -> None:
    """Check the Arguments of a step as far as they are known before it runs.

    Raises:
        AwsFault: If AWS would refuse them, or the local AWS does not do what they ask for.
    """
    shape: Any = load_service_model(_SERVICE).operation_model(kind.create).input_shape
    for name in arguments:
        if name not in shape.members or name == kind.name:
            raise refuse(f"Unknown Argument member '{name}'.")
    _check_places(arguments, shape, refuse)
    known = hide_expressions(arguments)
    named = {**known, kind.name: _SOME_NAME} if kind.name in shape.members else known
    if violations := find_violations(_SERVICE, kind.create, named):
        raise refuse(f"Model Validation failed: {violations[0]} (step '{step}').")
    table = TABLES[_SERVICE]
    settings = table.settings.get(kind.create)
    refused = next(settings.find_given(Support.REFUSED, known), None) if settings else None
    if refused is not None:
        raise unsupported(f"{table.describe_refusal(kind.create, refused)}, as in pipeline step {step}")
    if kind.create in _CHECKS:
        _CHECKS[kind.create](known)


def _check_places(value: Any, shape: Any, refuse: Callable[[str], AwsFault]) -> None:
    """Check that no expression stands for an object or a list: only single values can."""
    if is_expression(value):
        if shape.type_name in {"structure", "map"}:
            raise refuse("Expecting start of Json Object.")
        if shape.type_name == "list":
            raise refuse("Expecting start of Json Array.")
    elif isinstance(value, dict):
        for name, each in value.items():
            if shape.type_name == "map":
                _check_places(each, shape.value, refuse)
            elif shape.type_name == "structure" and name in shape.members:
                _check_places(each, shape.members[name], refuse)
    elif isinstance(value, list) and shape.type_name == "list":
        for each in value:
            _check_places(each, shape.member, refuse)


def hide_expressions(value: Any) -> Any:
    """Put `UNKNOWN` in the place of each expression."""
    if is_expression(value):
        return UNKNOWN
    if isinstance(value, dict):
        return {name: hide_expressions(each) for name, each in value.items()}
    return [hide_expressions(each) for each in value] if isinstance(value, list) else value


def check_property(kind: StepKind, path: str) -> bool:
    """Tell whether a path leads somewhere in what a step's Describe operation answers."""
    shape: Any = load_service_model(_SERVICE).operation_model(kind.describe).output_shape
    try:
        tokens: Path = parse_path(path)
    except CannotResolve:
        return False
    for token in tokens:
        if shape.type_name == "list":
            shape = shape.member
        elif shape.type_name == "map":
            shape = shape.value
        elif shape.type_name == "structure" and token in shape.members:
            shape = shape.members[token]
        else:
            return False
    return bool(tokens)
