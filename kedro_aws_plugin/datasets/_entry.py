"""Arguments and errors of a catalog entry, for both datasets."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NewType

from kedro.io import DatasetError

from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.datasets.defaults import AthenaDefaults
from kedro_aws_plugin.errors import KedroAwsError

TablePreview = NewType("TablePreview", dict)  # type: ignore[type-arg] # Kedro-Viz looks for this name


@contextmanager
def raise_dataset_errors(project: AthenaDefaults) -> Iterator[None]:
    """Raise the plugin's errors as Kedro's DatasetError.

    Args:
        project: What the dataset was created with. If `local` is None, it may reach either AWS.

    Raises:
        DatasetError: If something fails, the environment points at another AWS than the dataset's, or
            nothing has chosen an AWS.
    """
    now, local = is_local(os.environ.get("AWS_ENDPOINT_URL", "")), project.local
    if project.unchosen and not now:
        raise DatasetError(
            "This catalog was created without the plugin's hooks, so nothing has chosen its AWS. Nothing was "
            "sent. Name AwsConfigLoader of kedro_aws_plugin as CONFIG_LOADER_CLASS in settings.py, or load "
            "the catalog with the hooks."
        )
    if local is not None and local != now:
        made, other = ("local", "real") if local else ("real", "local")
        raise DatasetError(
            f"This catalog was created for the {made} AWS, but a later Kedro session has switched this "
            f"process to the {other} AWS. Nothing was sent. Use that session's catalog, or start another "
            "session."
        )
    try:
        yield
    except KedroAwsError as error:
        raise DatasetError(error.message) from error
    except OSError as error:
        raise DatasetError(
            f"S3 could not be read or written: {error}. Ask for s3:GetObject, s3:PutObject and s3:ListBucket "
            "there, or check the network, then run this again."
        ) from error


def as_tuple(values: Sequence[Any]) -> tuple[Any, ...]:
    """Make a tuple of a list. A single text becomes a tuple of one, not of its letters."""
    return (values,) if isinstance(values, str) else tuple(values)


def check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Check that an argument has one of the allowed values.

    Raises:
        DatasetError: If not. The message names the allowed values.
    """
    if value not in allowed:
        raise DatasetError(f"`{name}: {value}` is not known. Use one of {', '.join(allowed)}.")
