"""The options by which a dataset itself reaches the AWS that its catalog was made for.

The AWS_* variables belong to the process, and the process may be switched to another AWS later. So the
endpoint, the region and the credentials are also given to each dataset, in the terms of the library that it
uses.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kedro_aws_plugin._version import __version__
from kedro_aws_plugin.config.models import Target

MARK = f"kedro-aws-plugin/{__version__} catalog/"
"""Begins what the clients of a bound dataset add to the header User-Agent; the target follows."""

NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Variables of botocore's sessions that read no profile: the one in AWS_PROFILE need not even exist."""

LOCAL_CONFIG: dict[str, Any] = {"proxies": {}, "use_fips_endpoint": False, "use_dualstack_endpoint": False}
"""Arguments of botocore's Config for the local AWS, whatever variables say."""

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonwebservices.com.cn")
_S3FS_IDENTITY = ("key", "secret", "token", "username", "password", "profile", "anon", "session")
_CLIENT_IDENTITY = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_CLIENT_PLACE = ("endpoint_url", "region_name", "use_ssl", "verify")


@dataclass(frozen=True)
class Binding:
    """What a catalog is bound to.

    Attributes:
        target: `local` or `aws`.
        region: Such as "eu-west-1".
        endpoint_url: The URL of the local AWS; None for the real one.
        access_key: The access key of the local AWS; None for the real one.
        secret_key: The secret key of the local AWS; None for the real one.
        athena: The settings of aws.yml that the Athena datasets use, by the names of their arguments.
        owner: The project's folder and the target; a bucket in Spark has one.
    """

    target: Target
    region: str
    endpoint_url: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    athena: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """The AWS_* variables that say the same, for what reads nothing else."""
        region = {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if self.target == "aws":
            return {**region, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
        return {
            **region,
            "AWS_ENDPOINT_URL": self.endpoint_url or "",
            "AWS_ACCESS_KEY_ID": self.access_key or "",
            "AWS_SECRET_ACCESS_KEY": self.secret_key or "",
        }

    def make_s3fs_options(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Make the arguments of `s3fs.S3FileSystem`.

        They name each argument that fsspec's own settings could set otherwise.

        Args:
            own: The arguments that the catalog entry has by itself. Those that name another S3 than AWS's
                are returned unchanged.
        """
        if _names_other_service(own):
            return dict(own)
        client, config = dict(own.get("client_kwargs") or {}), dict(own.get("config_kwargs") or {})
        config["user_agent_extra"] = f"{MARK}{self.target}"
        if self.target == "aws":
            mine = {name: own.get(name) for name in ("key", "secret", "token", "profile")}
            config["ignore_configured_endpoint_urls"] = True
            # With a region, s3fs does not look for the regions of buckets.
            region = {} if own.get("cache_regions") else {"region_name": self.region}
            return {
                **own,
                **mine,
                "anon": own.get("anon", False),
                "endpoint_url": None,
                "client_kwargs": {**region, **_without(client, ("endpoint_url",))},
                "config_kwargs": config,
            }
        return {
            **_without(own, _S3FS_IDENTITY),
            "key": self.access_key,
            "secret": self.secret_key,
            "token": None,
            "profile": None,
            "session_vars": NO_PROFILE,
            "anon": False,
            "endpoint_url": self.endpoint_url,
            "client_kwargs": {
                **_without(client, (*_CLIENT_IDENTITY, *_CLIENT_PLACE)),
                "region_name": self.region,
            },
            "config_kwargs": {**config, **LOCAL_CONFIG},
        }

    def make_boto3_options(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Make the `credentials` of this plugin's datasets.

        Args:
            own: Those that the catalog entry has by itself.
        """
        if self.target == "aws":
            bound = {"target": "aws", "owner": self.owner, "project": {**self.athena}}
            return {"region_name": self.region, **own, **bound}
        return {
            "region_name": self.region,
            "endpoint_url": self.endpoint_url,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "target": "local",
            "owner": self.owner,
            "project": {**self.athena},
        }

    def make_deltalake_options(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Make the storage options of the `deltalake` package.

        Args:
            own: Those that the catalog entry has by itself.
        """
        if self.target == "aws":
            return {"AWS_REGION": self.region, **own}
        kept = {name: value for name, value in own.items() if not name.lower().startswith("aws_")}
        return {
            **kept,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ALLOW_HTTP": "true",
        }


def find_binding(credentials: Mapping[str, Any]) -> Binding | None:
    """Find what a dataset of this plugin is bound to, in its `credentials`; None if it is not bound."""
    if "target" not in credentials:
        return None
    return Binding(
        credentials["target"],
        credentials["region_name"],
        credentials.get("endpoint_url"),
        credentials.get("aws_access_key_id"),
        credentials.get("aws_secret_access_key"),
        owner=credentials["owner"],
    )


def is_aws_host(host: str | None) -> bool:
    """Tell whether a host name is one of AWS's."""
    return (host or "").lower().rstrip(".").endswith(_AWS_DOMAINS)


def _names_other_service(own: Mapping[str, Any]) -> bool:
    """Tell whether an entry names an endpoint that is not AWS's: a store of the user's own, such as MinIO."""
    stated = own.get("endpoint_url") or (own.get("client_kwargs") or {}).get("endpoint_url")
    return bool(stated) and not is_aws_host(urlsplit(str(stated)).hostname)


def _without(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
