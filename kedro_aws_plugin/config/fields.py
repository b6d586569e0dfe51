"""The base class, the validator and the types that several sections of aws.yml use."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen section that refuses unknown keys.

    Attributes:
        left_out: Keys that people look for in it and that it has not, each with the reason and the way out.
    """

    left_out: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)


def match_pattern(expression: str, what: str) -> AfterValidator:
    """Make a validator that accepts a text which matches an expression.

    Args:
        expression: A regular expression for the whole text; its classes of letters and digits are ASCII.
        what: What the text should be: the error says that it is not that.
    """

    def check(value: str) -> str:
        if not re.fullmatch(expression, value, re.ASCII):
            raise ValueError(f"`{value}` is not {what}")
        return value

    return AfterValidator(check)


# SageMaker accepts upper case too, but writes ARNs in lower case: two names would mean one thing.
_NAME = r"(?=.{1,63}$)[a-z0-9](-*[a-z0-9])*"
Name = Annotated[str, match_pattern(_NAME, "a name: 1 to 63 lower-case letters, digits and inner hyphens")]


def _check_instance_type(name: str) -> str:
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", name):
        raise ValueError(f"`{name}` is not an instance type; one looks like ml.m5.large")
    if re.fullmatch(r"ml\.[a-z]+[0-9]+g[a-z]*\..*", name):
        raise ValueError(
            f"`{name}` has an ARM processor; AWS's scikit-learn images are for x86, as in ml.m5.large"
        )
    return name


InstanceType = Annotated[str, AfterValidator(_check_instance_type)]
RoleArn = Annotated[
    str,
    match_pattern(
        r"(?=.{1,2048}$)arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
        "the ARN of an IAM role; one looks like arn:aws:iam::123456789012:role/name",
    ),
]
