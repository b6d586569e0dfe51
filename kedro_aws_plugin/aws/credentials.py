"""boto3 sessions of datasets, with the `credentials` of their catalog entries."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.session import get_session

from kedro_aws_plugin.aws.binding import LOCAL_CONFIG, MARK, NO_PROFILE
from kedro_aws_plugin.aws.clients import expect_whole_answers, make_client_config
from kedro_aws_plugin.aws.environment import is_local
from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.errors import ConfigError

_ATTEMPTS = 8
"""Many, because a run that has worked for hours should wait for a throttled AWS rather than fail."""

_NAMES = {
    "aws_access_key_id": "aws_access_key_id",
    "aws_secret_access_key": "aws_secret_access_key",
    "aws_session_token": "aws_session_token",
    "profile_name": "profile_name",
    "region_name": "region_name",
    # s3fs's names, which the entries of other datasets on S3 have.
    "key": "aws_access_key_id",
    "secret": "aws_secret_access_key",
    "token": "aws_session_token",
}
_BINDING = ("endpoint_url", "target", "owner", "project")
"""What `aws.binding` adds to the credentials of an entry."""


class _BoundSession(boto3.session.Session):
    """A session whose clients reach one AWS, whatever the process's variables say."""

    bound_url: str | None = None
    bound_config: Config | None = None

    def client(self, *names: Any, config: Config | None = None, **options: Any) -> Any:
        """Create a client."""
        merged = config.merge(self.bound_config) if config and self.bound_config else self.bound_config
        return super().client(  # type: ignore[call-overload]
            *names, config=merged or config, **{"endpoint_url": self.bound_url, **options}
        )


def create_dataset_session(
    region: str | None = None, credentials: Mapping[str, Any] | None = None
) -> boto3.session.Session:
    """Create the session of a dataset. Without credentials, botocore looks for them as usual.

    Args:
        region: Such as ``eu-west-1``; `region_name` in the credentials wins.
        credentials: boto3's names (``aws_access_key_id``, ``profile_name``, ...) or s3fs's (``key``, ...).

    Raises:
        AwsError: If the profile does not exist.
        ConfigError: If a name among the credentials is not known.
    """
    given = credentials or {}
    unknown = sorted(set(given) - {*_NAMES, *(_BINDING if "target" in given else ())})
    if unknown:
        raise ConfigError(
            f"conf/*/credentials.yml: `{unknown[0]}` is not known. Use {', '.join(sorted(_NAMES))}."
        )
    named = {_NAMES[name]: value for name, value in given.items() if value is not None and name in _NAMES}
    core = get_session(NO_PROFILE if given.get("target") == "local" else None)
    core.register_component("data_loader", _share_loader())
    with translate_errors("use the credentials of the catalog entry"):
        session = _BoundSession(**{"region_name": region, **named}, botocore_session=core)
    if "target" in given:
        session.bound_url = given.get("endpoint_url")
        session.bound_config = _make_bound_config(given["target"])
    expect_whole_answers(session)
    # Each boto3 session adds boto3's own folder to the shared loader again.
    _share_loader().search_paths[:] = dict.fromkeys(_share_loader().search_paths)
    return session


def make_dataset_config(attempts: int = _ATTEMPTS) -> Config:
    """Make the configuration of the clients of a dataset's session."""
    return make_client_config(attempts, soon=is_local(os.environ.get("AWS_ENDPOINT_URL", "")))


def _make_bound_config(target: str) -> Config:
    about = f"{MARK}{target}"
    if target == "local":
        return Config(**LOCAL_CONFIG, retries={"mode": "standard", "max_attempts": 2}, user_agent_extra=about)
    # botocore's stubs lack the argument.
    options: dict[str, Any] = {"ignore_configured_endpoint_urls": True, "user_agent_extra": about}
    return Config(**options)


@cache
def _share_loader() -> Any:
    """Share one loader of botocore's service descriptions: reading them takes most of a small load's time."""
    return get_session().get_component("data_loader")
