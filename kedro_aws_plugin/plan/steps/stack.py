"""CloudFormation: the stack of what a project needs before its first run."""

from dataclasses import dataclass
from typing import ClassVar

from kedro_aws_plugin.plan.steps.request import Request
from kedro_aws_plugin.plan.tags import Tags, as_list


@dataclass(frozen=True)
class _StackChange:
    """What a stack is to be.

    Attributes:
        name: Its name.
        template: Its template, as YAML.
        tags: What the stack, and by it each of its resources, is tagged with.
    """

    service: ClassVar = "cloudformation"
    name: str
    template: str
    tags: Tags

    def request(self) -> Request:
        """The request as CloudFormation gets it."""
        return {
            "StackName": self.name,
            "TemplateBody": self.template,
            # A stack with a role of its own needs the caller to say that this is wanted.
            "Capabilities": ["CAPABILITY_IAM"],
            "Tags": as_list(self.tags),
        }


@dataclass(frozen=True)
class CreateStack(_StackChange):
    """Create a stack."""

    operation: ClassVar = "CreateStack"

    def __str__(self) -> str:
        return f"create stack {self.name}"


@dataclass(frozen=True)
class UpdateStack(_StackChange):
    """Bring a stack to another template."""

    operation: ClassVar = "UpdateStack"

    def __str__(self) -> str:
        return f"update stack {self.name}"


@dataclass(frozen=True)
class WaitForStack:
    """Wait until no change of a stack is under way any more, and it did not fail."""

    service: ClassVar = "cloudformation"
    operation: ClassVar = "DescribeStacks"
    name: str

    def request(self) -> Request:
        """The request that is repeated."""
        return {"StackName": self.name}

    def __str__(self) -> str:
        return f"wait until stack {self.name} is complete"


StackStep = CreateStack | UpdateStack | WaitForStack
