"""The errors that a user of the plugin can meet, and the pieces of their messages.

    KedroAwsError            a ClickException: one sentence on stderr, exit code 1, no traceback
    ├── ConfigError          aws.yml or the catalog: file, key, fix
    ├── ProjectError         the Kedro project or the model in it
    ├── AwsError             AWS refused or could not be reached
    │   └── ConflictError    somebody else made or changed the same thing at the same time
    ├── LocalAwsError        the local AWS did not start, or died
    ├── SparkError           Java, the jars or the Spark session do not allow what was asked
    ├── PipelineError        a run on SageMaker failed, or was stopped
    └── ServingError         an endpoint failed, or a model did not answer as it should
        └── AnswerError      a model refused a payload, or answered otherwise than it must

Every message says where, what, and what to do next.
"""

import difflib
import re
import shlex
from collections.abc import Iterable

import click
from typing_extensions import override

_COMMAND_WITH_ENV = re.compile(
    r"\bkedro (run|aws (local start|(?!init\b|local\b|spark-jars\b)[a-z]+(-[a-z]+)*))\b(?! --env)"
)


class KedroAwsError(click.ClickException):
    """Base of every error this plugin raises on purpose.

    Attributes:
        env: The --env that the user gave, which the commands in the message repeat; None if none was given.
    """

    env: str | None = None

    @override
    def format_message(self) -> str:
        return repeat_env(self.message, self.env)


class ConfigError(KedroAwsError):
    """A configuration file has a wrong, missing or unknown key."""


class ProjectError(KedroAwsError):
    """The Kedro project, its catalog or its model does not allow what was asked."""


class AwsError(KedroAwsError):
    """AWS refused a request, or could not be reached."""


class ConflictError(AwsError):
    """AWS refused a request because the thing exists by now, or another change of it is under way.

    The command that was refused looks again and plans anew.
    """


class DeniedError(AwsError):
    """AWS refused a request because the user may not make it."""


class UnreachableError(AwsError):
    """AWS cannot be connected to: there is no network, or the service is not in the region."""


class LocalAwsError(KedroAwsError):
    """The local AWS did not start, or stopped answering."""


class SparkError(KedroAwsError):
    """Java, the jars or the Spark session do not allow what was asked."""


class PipelineError(KedroAwsError):
    """A run of a pipeline on SageMaker failed or was stopped, or the user does not want to wait for it."""


class ServingError(KedroAwsError):
    """An endpoint did not come into service, or its model did not answer as it should."""


class AnswerError(ServingError):
    """A model refused a payload, or answered otherwise than it must.

    Attributes:
        reason: Why, in a few words.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def repeat_env(text: str, env: str | None) -> str:
    """Add an --env to the commands in a text: without it they would reach another AWS than this one did.

    Args:
        text: A sentence that may name commands.
        env: The --env that the user gave; None if none was given.

    Example:
        >>> repeat_env("Make it: kedro aws deploy", "prod")
        'Make it: kedro aws deploy --env prod'
    """
    return (
        text if env is None else _COMMAND_WITH_ENV.sub(lambda it: f"{it[0]} --env {shlex.quote(env)}", text)
    )


def first_line(message: BaseException | str) -> str:
    """Shorten the message of another library or program to its first line, without the full stop.

    The second line is added where the first one is only a heading. For an error without a message it is the
    error's type.
    """
    first, *more = (str(message).strip() or type(message).__name__).splitlines()
    text = f"{first} {more[0]}" if more and first.endswith(":") else first
    return text.rstrip(".:")


def end_sentence(text: str) -> str:
    """Add the full stop that a sentence lacks; what `suggest` ends with a question mark needs none."""
    return text if text.endswith((".", "?")) else f"{text}."


def suggest(
    name: str, known: Iterable[str], *, otherwise: str = ".", cutoff: float = 0.5, prefix: str = ""
) -> str:
    """End a sentence about an unknown name with the nearest known one.

    Args:
        name: What the user wrote.
        known: The names that there are.
        otherwise: The end of the sentence where nothing is near.
        cutoff: How alike the nearest one must be, 0 to 1.
        prefix: What comes before the name in the suggestion.

    Example:
        >>> "There is no global `dya`" + suggest("dya", ["day", "night"])
        'There is no global `dya`; did you mean `day`?'
    """
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return f"; did you mean `{prefix}{close[0]}`?" if close else otherwise
