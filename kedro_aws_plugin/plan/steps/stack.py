"""CloudFormation: the stack of what a project needs before its first run."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from kedro_aws_plugin.plan.steps.base import BaseStep, PlainStep, Request
from kedro_aws_plugin.plan.tags import Tags, format_tags


@dataclass(frozen=True)
class _StackChange(BaseStep):
    """A stack as it should be.

    Attributes:
        name: Its name.
        template: Its template, as YAML.
        tags: The tags of the stack, which CloudFormation gives to each of its resources too.
    """

    service: ClassVar = "cloudformation"
    name: str
    template: str
    tags: Tags

    @override
    def request(self) -> Request:
        return {
            "StackName": self.name,
            "TemplateBody": self.template,
            # CloudFormation makes roles only for callers who say that they want it to.
            "Capabilities": ["CAPABILITY_IAM"],
            "Tags": format_tags(self.tags),
        }


@dataclass(frozen=True)
class CreateStack(_StackChange, PlainStep):
    """Create a stack."""

    operation: ClassVar = "CreateStack"
    results: ClassVar = {"arn": "StackId"}

    def __str__(self) -> str:
        return f"create stack {self.name}"


@dataclass(frozen=True)
class UpdateStack(_StackChange):
    """Change a stack to another template; a template that changes nothing is fine."""

    operation: ClassVar = "UpdateStack"
    results: ClassVar = ("written",)

    def __str__(self) -> str:
        return f"update stack {self.name}"


@dataclass(frozen=True)
class WaitForStack(BaseStep):
    """Wait until a stack's change has ended; a change that failed is an error."""

    service: ClassVar = "cloudformation"
    operation: ClassVar = "DescribeStacks"
    results: ClassVar = ("outputs",)
    name: str

    @override
    def request(self) -> Request:
        return {"StackName": self.name}

    def __str__(self) -> str:
        return f"wait until stack {self.name} is complete"
