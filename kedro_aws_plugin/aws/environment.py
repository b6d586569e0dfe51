"""Where this process's AWS requests go: one choice for our own clients and for whatever runs inside nodes.

boto3, s3fs, PyAthena, awswrangler and pandas all read the AWS_* variables, so these are the one place where
the choice can be made without an endpoint in the catalog. Only this process and its children are changed.
What has settings of its own besides (fsspec, awswrangler) has them put aside; `aws.guard` looks at requests.
"""

import json
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kedro_aws_plugin.aws.guard import LOOPBACK, get_rule, make_rule, set_rule

_PREFIX = "AWS_"
_WRANGLER = re.compile(r"WR_\w+_ENDPOINT_URL")
_OTHERS = ("FSSPEC_S3", "NO_PROXY", "no_proxy")
_PROFILE_ENDPOINT = re.compile(r"^\s*endpoint_url\s*=\s*(\S+)", re.MULTILINE)
_FSSPEC = ("s3", "s3a")
_IDENTITY = ("endpoint_url", "key", "secret", "token", "username", "password", "profile", "anon")
_CLIENT = ("endpoint_url", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region_name")
_ours: dict[str, str] = {}
_theirs: dict[str, str] = {}


def is_local(url: str) -> bool:
    """Tell whether requests to a URL stay on this machine, where the local AWS is."""
    return urlsplit(url).hostname in LOOPBACK


def use_local(variables: Mapping[str, str]) -> None:
    """Point this process at the local AWS. Removes the user's profile, credentials and endpoints.

    Args:
        variables: The variables of `LocalAws.environment()`.
    """
    users = _find_users_own()
    url = variables["AWS_ENDPOINT_URL"]
    set_rule(make_rule("local", url, _find_endpoints(users)))
    _replace(variables, users)
    _point_fsspec(
        {
            "endpoint_url": url,
            "key": variables["AWS_ACCESS_KEY_ID"],
            "secret": variables["AWS_SECRET_ACCESS_KEY"],
        }
    )


def use_aws(region: str, local_key_prefix: str, local_names: Collection[str]) -> None:
    """Point this process at the real AWS, with the user's own credentials.

    Args:
        region: The region of aws.yml.
        local_key_prefix: What the access keys of local AWSs begin with. A shell that has one was pointed at a
            local AWS by `kedro aws local env`.
        local_names: The variables that such a shell has from there; they are removed.
    """
    users = _find_users_own()
    set_rule(make_rule("aws", "", _find_endpoints(users)))
    kept = {key: value for key, value in users.items() if not _is_endpoint(key)}
    if users.get("AWS_ACCESS_KEY_ID", "").startswith(local_key_prefix):
        kept = {key: value for key, value in kept.items() if key not in local_names}
    regions = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    _replace({**kept, **regions, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, users)
    _point_fsspec({})


@contextmanager
def restore_on_failure() -> Iterator[None]:
    """Leave the process as it was if the context raises: its variables, and where its requests may go."""
    before = {key: value for key, value in os.environ.items() if _is_kept(key)}
    ours, theirs, rule, fsspec = {**_ours}, {**_theirs}, get_rule(), _copy_fsspec()
    try:
        yield
    except BaseException:
        for key in [key for key in os.environ if _is_kept(key)]:
            del os.environ[key]
        os.environ.update(before)
        for known, values in ((_ours, ours), (_theirs, theirs)):
            known.clear()
            known.update(values)
        set_rule(rule)
        for protocol in _FSSPEC:
            _set_fsspec(protocol, fsspec.get(protocol))
        _forget_clients()
        raise


def _is_kept(name: str) -> bool:
    return _is_chosen(name) or name.startswith(_OTHERS)


def _is_chosen(name: str) -> bool:
    """Tell whether a variable is one by which a library chooses its AWS."""
    return name.startswith(_PREFIX) or _WRANGLER.fullmatch(name) is not None


def _is_endpoint(name: str) -> bool:
    return name.startswith("AWS_ENDPOINT_URL") or _WRANGLER.fullmatch(name) is not None


def _find_endpoints(users: Mapping[str, str]) -> set[str]:
    """Find the endpoints that the user's variables, profiles and settings of fsspec name."""
    found = {value for key, value in users.items() if _is_endpoint(key)}
    found |= {str(stated["endpoint_url"]) for stated in _copy_fsspec().values() if stated.get("endpoint_url")}
    try:
        file = Path(users.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
        return found | set(_PROFILE_ENDPOINT.findall(file.read_text(encoding="utf-8", errors="replace")))
    except (OSError, RuntimeError):  # there is no such file, or no home
        return found


def _find_users_own() -> dict[str, str]:
    """Find the user's AWS_* variables: those from before the last switch, and those that others set since."""
    since = {key: value for key, value in os.environ.items() if _is_chosen(key) and _ours.get(key) != value}
    return {**_theirs, **since}


def _point_fsspec(identity: Mapping[str, Any]) -> None:
    """Put the endpoint and credentials of fsspec's own settings aside: they win over the AWS_* variables.

    The settings are in FSSPEC_S3*, or in files that each process reads when it imports fsspec. A child finds
    the changed ones in FSSPEC_S3, which wins over the files.

    Args:
        identity: Those of the local AWS; empty for the real one.
    """
    for protocol, stated in _copy_fsspec().items():
        if not stated:
            continue
        client = {
            key: value for key, value in (stated.get("client_kwargs") or {}).items() if key not in _CLIENT
        }
        pointed = {**stated, **dict.fromkeys(_IDENTITY), "anon": False, **identity, "client_kwargs": client}
        _set_fsspec(protocol, pointed)
        for name in [key for key in os.environ if key.startswith(f"FSSPEC_{protocol.upper()}_")]:
            del os.environ[name]
        os.environ[f"FSSPEC_{protocol.upper()}"] = json.dumps(pointed, default=str)


def _copy_fsspec() -> dict[str, dict[str, Any]]:
    """Copy fsspec's settings of S3. Kedro has imported fsspec by now."""
    config = sys.modules.get("fsspec.config")
    found = config.conf if config is not None else {}
    return {protocol: {**found[protocol]} for protocol in _FSSPEC if protocol in found}


def _set_fsspec(protocol: str, settings: dict[str, Any] | None) -> None:
    config = sys.modules.get("fsspec.config")
    if config is not None:
        config.conf.pop(protocol, None)
        if settings is not None:
            config.conf[protocol] = settings


def _replace(variables: Mapping[str, str], users: Mapping[str, str]) -> None:
    stale = [key for key in os.environ if _is_chosen(key) and key not in variables]
    changed = stale or any(os.environ.get(key) != value for key, value in variables.items())
    for key in stale:
        del os.environ[key]
    os.environ.update(variables)
    for known, values in ((_ours, variables), (_theirs, users)):
        known.clear()
        known.update(values)
    if changed:
        _forget_clients()


def _forget_clients() -> None:
    """Drop the clients that libraries keep for the whole process: they use the former endpoint."""
    if "boto3" in sys.modules:
        setattr(sys.modules["boto3"], "DEFAULT_SESSION", None)  # noqa: B010
    if "s3fs" in sys.modules:
        sys.modules["s3fs"].S3FileSystem.clear_instance_cache()
