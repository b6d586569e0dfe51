"""CloudFormation: the stack of what a project needs before its first run."""

from dataclasses import dataclass
from typing import ClassVar

from kedro_aws_plugin.plan.steps.request import Request
from kedro_aws_plugin.plan.tags import Tags, as_list


@dataclass(frozen=True)
class CreateStack:
    """Create a stack.

    Attributes:
        name: Its name.
        template: Its template, as YAML.
        tags: What the stack, and by it each of its resources, is tagged with.
    """

    service: ClassVar = "cloudformation"
    operation: ClassVar = "CreateStack"
    name: str
    template: str
    tags: Tags

    def request(self) -> Request:
        """The request as CloudFormation gets it."""
        return _request(self.name, self.template, self.tags)

    def __str__(self) -> str:
        return f"create stack {self.name}"


@dataclass(frozen=True)
class UpdateStack:
    """Bring a stack to another template.

    Attributes:
        name: Its name.
        template: Its new template, as YAML.
        tags: What the stack, and by it each of its resources, is tagged with.
    """

    service: ClassVar = "cloudformation"
    operation: ClassVar = "UpdateStack"
    name: str
    template: str
    tags: Tags

    def request(self) -> Request:
        """The request as CloudFormation gets it."""
        return _request(self.name, self.template, self.tags)

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


def _request(name: str, template: str, tags: Tags) -> Request:
    """A stack with a role of its own needs the caller to say that this is wanted."""
    return {
        "StackName": name,
        "TemplateBody": template,
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": as_list(tags),
    }


StackStep = CreateStack | UpdateStack | WaitForStack
