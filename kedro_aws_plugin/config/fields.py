"""What the sections of aws.yml are made of."""

import re

from pydantic import AfterValidator, BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen section that knows all of its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def pattern(expression: str, what: str) -> AfterValidator:
    """Accept what matches an expression, and say of anything else that it is not `what`."""

    def check(value: str) -> str:
        if not re.fullmatch(expression, value, re.ASCII):
            raise ValueError(f"`{value}` is not {what}")
        return value

    return AfterValidator(check)
