"""What both datasets do as entries of a catalog."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NewType

from kedro.io import DatasetError

from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.errors import KedroAwsError

TablePreview = NewType("TablePreview", dict)  # type: ignore[type-arg] # Kedro-Viz goes by this name


@contextmanager
def dataset_errors(local: bool | None = None) -> Iterator[None]:
    """Our errors as Kedro's.

    Args:
        local: Whether the dataset was made for the local AWS: it is not to reach the other one.

    Raises:
        DatasetError: For whatever goes wrong.
    """
    now = is_local(os.environ.get("AWS_ENDPOINT_URL", ""))
    if local is not None and local != now:
        made, other = ("local", "real") if local else ("real", "local")
        raise DatasetError(
            f"This catalog was made for the {made} AWS, and a later Kedro session has pointed this process "
            f"at the {other} one. Nothing was sent. Take that session's catalog, or make a session anew."
        )
    try:
        yield
    except KedroAwsError as error:
        raise DatasetError(error.message) from error
    except OSError as error:
        raise DatasetError(
            f"S3 could not be read or written: {error}. Ask for s3:GetObject, s3:PutObject and s3:ListBucket "
            "there, or check the network, then run it again."
        ) from error


def several(values: Sequence[Any]) -> tuple[Any, ...]:
    """A text alone, which YAML makes easy to write, is a list of one: never of its letters."""
    return (values,) if isinstance(values, str) else tuple(values)


def one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse an argument's value that is not known.

    Raises:
        DatasetError: With those that are.
    """
    if value not in allowed:
        raise DatasetError(f"`{name}: {value}` is not known. Use one of {', '.join(allowed)}.")
