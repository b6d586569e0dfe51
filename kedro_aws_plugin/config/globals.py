"""The shape of `globals:` in aws.yml, and the values that follow from the run alone."""

import os
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import Self

from kedro_aws_plugin.config.fields import Section, match_pattern
from kedro_aws_plugin.errors import ConfigError, suggest
from kedro_aws_plugin.run.job import find_job
from kedro_aws_plugin.run.run_id import Run

Fact = Literal["run_id", "account_id", "region", "git_sha"]
FACTS: tuple[str, ...] = get_args(Fact)
_REFERENCE = re.compile(r"\$\{\s*globals\s*:\s*([A-Za-z]\w*)[\w.]*\s*(,?)")
_DIRECTIVE = re.compile(r"%[-_0-9^#+]*[EO:]?.?", re.DOTALL)
_SOME_DAY = datetime(2026, 11, 21, 22, 30, tzinfo=timezone.utc)
_LONGEST_OFFSET = 36_600

GlobalName = Annotated[
    str,
    match_pattern(r"[A-Za-z]\w*", "the name of a global: letters, digits and underscores, a letter first"),
]
FunctionPath = Annotated[
    str,
    match_pattern(
        r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "a function; one looks like my_package.dates:business_day"
    ),
]
Text = Annotated[str, Field(min_length=1)]


def _check_timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = sorted(zoneinfo.available_timezones())
        if not known:
            raise ValueError("this machine has no time zone database; run `pip install tzdata`") from None
        hint = suggest(name, known, otherwise="; one looks like `Europe/Berlin`")
        raise ValueError(f"`{name}` is not a time zone{hint}") from None
    return name


def _check_date_format(written: str) -> str:
    """Raise if this machine does not know one of the format's letters.

    Python leaves `strftime` to the machine, which copies or refuses letters that it does not know.
    """
    for directive in _DIRECTIVE.findall(written):
        try:
            known = _SOME_DAY.strftime(directive) != directive
        except ValueError:
            known = False
        if not known:
            raise ValueError(
                f"strftime does not know `{directive}` in `{written}`; a day is `%Y-%m-%d`, and `%%` is a "
                "per cent sign"
            )
    return written


class Today(Section):
    """`today:` the day on which the run began.

    Attributes:
        timezone: The time zone in which the day is taken; a name of the IANA database.
        format: How the day is written, as Python's `strftime` takes it.
    """

    timezone: Annotated[str, AfterValidator(_check_timezone)] = "UTC"
    format: Annotated[Text, AfterValidator(_check_date_format)] = "%Y-%m-%d"


class Date(Today):
    """`date:` a day before or after the one on which the run began.

    Attributes:
        offset_days: How many days after it; negative for days before.
    """

    offset_days: int = Field(ge=-_LONGEST_OFFSET, le=_LONGEST_OFFSET)


class Env(Section):
    """`env:` an environment variable.

    Attributes:
        name: The variable.
        default: The value if the variable is not set; without a default that is an error.
    """

    name: Text
    default: str | int | float | bool | None = None


class Ssm(Section):
    """`ssm:` a parameter of Systems Manager.

    Attributes:
        name: Its name, path or ARN.
    """

    name: Text


class Secret(Section):
    """`secret:` a secret of Secrets Manager.

    Attributes:
        id: Its name or ARN.
        key: The entry to take from a secret that is a JSON object; by default the whole text.
    """

    id: Text
    key: str | None = None


class Global(Section):
    """`globals.<name>:` one value that is computed for each run. Exactly one attribute is set.

    Attributes:
        fact: `run_id`, `account_id`, `region` or `git_sha`.
        text: A text with `${globals:...}` in it.
        today: The day on which the run began.
        date: A day before or after it.
        env: An environment variable.
        ssm: A parameter of Systems Manager.
        secret: A secret of Secrets Manager.
        function: A function of the project, `module:function`, called without arguments.
    """

    fact: Fact | None = None
    text: Text | None = None
    today: Today | None = None
    date: Date | None = None
    env: Env | None = None
    ssm: Ssm | None = None
    secret: Secret | None = None
    function: FunctionPath | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand_short_form(cls, value: Any) -> Any:
        """Expand a fact, `today` or a text that stands alone to the section that it means."""
        if isinstance(value, Mapping | Global):
            return value
        if value in FACTS:
            return {"fact": value}
        if value == "today":
            return {"today": {}}
        if isinstance(value, str) and "${" in value:
            return {"text": value}
        hint = suggest(str(value), [*FACTS, "today"], otherwise="; write a constant in globals.yml instead")
        raise ValueError(f"`{value}` is not something that can be computed{hint}")

    @model_validator(mode="after")
    def _check_one_key(self) -> Self:
        stated = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(stated) != 1:
            kinds = ", ".join(type(self).model_fields)
            found = " and ".join(f"`{name}`" for name in stated) or "nothing"
            raise ValueError(f"expected one of {kinds}; found {found}")
        return self

    @property
    def kind(self) -> str:
        """The one key that is set; for a fact, its name."""
        stated = next(name for name in type(self).model_fields if getattr(self, name) is not None)
        return self.fact or stated

    @property
    def waits(self) -> bool:
        """Whether it can only be computed once aws.yml has been read and its AWS is in force.

        Functions of the project are included: they may call AWS, and must not call the AWS of the shell.
        """
        return self.kind in ("account_id", "git_sha", "ssm", "secret", "function")

    @property
    def may_be_secret(self) -> bool:
        """Whether its value may be a secret, which must not be printed."""
        return self.kind in ("ssm", "secret")

    def find_references(self) -> Iterator[tuple[str, bool]]:
        """Find the globals that it refers to, and whether each of them must exist."""
        for text in _find_texts(self.model_dump(exclude_none=True)):
            for name, comma in _REFERENCE.findall(text):
                yield name, not comma


def format_date(spec: Today, started: datetime) -> str:
    """Format the day of a run, moved by the offset of a `date:`."""
    there = started.astimezone(zoneinfo.ZoneInfo(spec.timezone))
    moved = there + timedelta(days=spec.offset_days) if isinstance(spec, Date) else there
    return moved.strftime(spec.format)


def read_variable(spec: Env) -> Any:
    """Read an environment variable, or take its default; in a job, as it was where the job was submitted.

    Raises:
        ConfigError: If the variable is not set and has no default.
    """
    job = find_job()
    if job is not None and spec.name in job.variables:
        return job.variables[spec.name]
    if spec.name in os.environ:
        return os.environ[spec.name]
    if "default" in spec.model_fields_set:
        return spec.default
    raise ConfigError(f"the environment variable {spec.name} is not set. Set it, or add a `default`.")


def compute_at_once(spec: Global, run: Run) -> tuple[bool, Any]:
    """Compute a global that needs neither this machine, git nor AWS.

    Returns:
        (True, value), or (False, None) for a global that is computed only when something refers to it.
    """
    if spec.kind == "run_id":
        return True, run.run_id
    if spec.text is not None:
        return True, spec.text
    day = spec.today or spec.date
    if day is not None:
        return True, format_date(day, run.started)
    return False, None


def find_cycle(specs: Mapping[str, Global]) -> list[str] | None:
    """Find globals that refer to one another in a circle.

    Returns:
        Their names along the circle, with the first one again at the end; None without a circle.
    """
    done: set[str] = set()
    for start in specs:
        if found := _find_circle(start, specs, [], done):
            return found
    return None


def _find_circle(name: str, specs: Mapping[str, Global], path: list[str], done: set[str]) -> list[str] | None:
    if name in path:
        return [*path[path.index(name) :], name]
    if name in done or name not in specs:
        return None
    for other, _ in specs[name].find_references():
        if found := _find_circle(other, specs, [*path, name], done):
            return found
    done.add(name)
    return None


def _find_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _find_texts(each)
