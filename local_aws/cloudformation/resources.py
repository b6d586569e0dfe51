"""What CloudFormation can make: each type of resource, with the calls of its service."""

import json
import re
import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from local_aws.athena.service import Athena
from local_aws.protocol.messages import AwsFault, unsupported
from local_aws.protocol.moto_app import Moto

Values = dict[str, Any]
_LONGEST_ROLE = 64
_RANDOM = 12
_SIGNS = string.ascii_letters + string.digits
_NAMESPACE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Made:
    """A resource that was made.

    Attributes:
        id: Its physical id, which `Ref` gives.
        attributes: What `Fn::GetAtt` gives, by name.
    """

    id: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Where and for whom a resource is made.

    Attributes:
        region: The region.
        account: The account id.
        stack: The name of the stack.
        name: The logical id of the resource.
        tags: The tags of the stack.
    """

    region: str
    account: str
    stack: str
    name: str
    tags: Mapping[str, str]


class Maker(ABC):
    """Makes resources of one type.

    Attributes:
        properties: The properties that it knows; all others are refused.
        fixed: Those that cannot be changed without another resource in its place.
    """

    properties: frozenset[str]
    fixed: frozenset[str]

    @abstractmethod
    def make(self, place: Place, properties: Values) -> Made:
        """Make a resource; an error if there is one already."""

    @abstractmethod
    def change(self, place: Place, physical: str, properties: Values) -> None:
        """Change a resource to other properties."""

    @abstractmethod
    def delete(self, place: Place, physical: str, properties: Values) -> None:
        """Delete a resource."""

    def check(self, name: str, kind: str, properties: Mapping[str, Any]) -> None:
        """Refuse properties that nothing is done with."""
        if others := sorted(set(properties) - self.properties):
            raise unsupported(f"{others[0]} of {kind} ({name})")


class Buckets(Maker):
    """AWS::S3::Bucket."""

    properties = frozenset(
        {
            *("BucketName", "BucketEncryption", "PublicAccessBlockConfiguration", "OwnershipControls"),
            *("VersioningConfiguration", "LifecycleConfiguration", "LoggingConfiguration"),
        }
    )
    fixed = frozenset({"BucketName"})

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def make(self, place: Place, properties: Values) -> Made:
        """Make the bucket with all its settings."""
        name = properties.get("BucketName") or _make_name(place, 63).lower()
        if self._moto.request("HEAD", f"/{name}", region=place.region).status == HTTPStatus.OK:
            raise AwsFault("AlreadyExists", f"{name} already exists")
        constraint = f"<LocationConstraint>{place.region}</LocationConstraint>"
        body = (
            ""
            if place.region == "us-east-1"
            else f"<CreateBucketConfiguration>{constraint}</CreateBucketConfiguration>"
        )
        self._put(place, name, "", body)
        self.change(place, name, properties)
        return Made(name, {"Arn": f"arn:aws:s3:::{name}"})

    def change(self, place: Place, physical: str, properties: Values) -> None:
        """Put each setting, and take those away that are no longer there."""
        tags = "".join(
            _wrap("Tag", _tag("Key", key) + _tag("Value", value)) for key, value in place.tags.items()
        )
        self._put(place, physical, "?tagging", _document("Tagging", _wrap("TagSet", tags)))
        for query, found in _write_settings(properties).items():
            if found:
                self._put(place, physical, query, found)
            elif query in ("?encryption", "?publicAccessBlock", "?ownershipControls", "?lifecycle"):
                self._moto.request("DELETE", f"/{physical}{query}", region=place.region)

    def delete(self, place: Place, physical: str, properties: Values) -> None:
        """Delete the bucket, which must be empty."""
        del properties
        answer = self._moto.request("DELETE", f"/{physical}", region=place.region)
        if answer.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND):
            raise AwsFault(
                "BucketNotEmpty", _find_text(answer.body, "Message") or "The bucket cannot be deleted."
            )

    def _put(self, place: Place, bucket: str, query: str, body: str) -> None:
        answer = self._moto.request("PUT", f"/{bucket}{query}", region=place.region, body=body.encode())
        if answer.status >= HTTPStatus.BAD_REQUEST:
            message = _find_text(answer.body, "Message") or f"status {answer.status}"
            raise AwsFault("InvalidRequest", f"{query.lstrip('?') or 'bucket'}: {message}")


class BucketPolicies(Maker):
    """AWS::S3::BucketPolicy. What demands TLS is left out: the local AWS has none, and nothing leaves it."""

    properties = frozenset({"Bucket", "PolicyDocument"})
    fixed = frozenset({"Bucket"})

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def make(self, place: Place, properties: Values) -> Made:
        """Put the policy."""
        self.change(place, properties["Bucket"], properties)
        return Made(properties["Bucket"], {})

    def change(self, place: Place, physical: str, properties: Values) -> None:
        """Put the policy; without what demands TLS there may be nothing left to put."""
        document = properties["PolicyDocument"]
        statements = [each for each in document["Statement"] if not _demands_tls(each)]
        if not statements:
            self.delete(place, physical, properties)
            return
        body = json.dumps({**document, "Statement": statements}).encode()
        answer = self._moto.request("PUT", f"/{physical}?policy", region=place.region, body=body)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise AwsFault("InvalidRequest", _find_text(answer.body, "Message") or "The policy is refused.")

    def delete(self, place: Place, physical: str, properties: Values) -> None:
        """Delete the policy."""
        del properties
        self._moto.request("DELETE", f"/{physical}?policy", region=place.region)


class Roles(Maker):
    """AWS::IAM::Role with policies of its own."""

    properties = frozenset({"RoleName", "Description", "AssumeRolePolicyDocument", "Policies"})
    fixed = frozenset({"RoleName"})

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def make(self, place: Place, properties: Values) -> Made:
        """Make the role and its policies."""
        name = properties.get("RoleName") or _make_name(place, _LONGEST_ROLE)
        tags = {
            f"Tags.member.{number}.{part}": text
            for number, tag in enumerate(place.tags.items(), start=1)
            for part, text in zip(("Key", "Value"), tag, strict=True)
        }
        body = self._call(
            "CreateRole",
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
            Description=properties.get("Description", ""),
            **tags,
        )
        self._put_policies(name, properties)
        return Made(name, {"Arn": _find_text(body, "Arn"), "RoleId": _find_text(body, "RoleId")})

    def change(self, place: Place, physical: str, properties: Values) -> None:
        """Change the role and its policies."""
        del place
        self._call("UpdateRole", RoleName=physical, Description=properties.get("Description", ""))
        trust = json.dumps(properties["AssumeRolePolicyDocument"])
        self._call("UpdateAssumeRolePolicy", RoleName=physical, PolicyDocument=trust)
        wanted = {policy["PolicyName"] for policy in properties.get("Policies", [])}
        for name in set(self._list_policies(physical)) - wanted:
            self._call("DeleteRolePolicy", RoleName=physical, PolicyName=name)
        self._put_policies(physical, properties)

    def delete(self, place: Place, physical: str, properties: Values) -> None:
        """Delete the role and its policies."""
        del place, properties
        for name in self._list_policies(physical):
            self._call("DeleteRolePolicy", RoleName=physical, PolicyName=name)
        self._call("DeleteRole", RoleName=physical)

    def _put_policies(self, role: str, properties: Values) -> None:
        for policy in properties.get("Policies", []):
            document = json.dumps(policy["PolicyDocument"])
            self._call(
                "PutRolePolicy", RoleName=role, PolicyName=policy["PolicyName"], PolicyDocument=document
            )

    def _list_policies(self, role: str) -> list[str]:
        found = ET.fromstring(self._call("ListRolePolicies", RoleName=role))  # noqa: S314 - moto's own answer
        return [each.text or "" for each in found.iter() if _NAMESPACE.sub("", each.tag) == "member"]

    def _call(self, action: str, **params: str) -> bytes:
        answer = self._moto.request(
            "POST",
            "/",
            service="iam",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode({"Action": action, "Version": "2010-05-08", **params}).encode(),
        )
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise AwsFault(
                _find_text(answer.body, "Code") or "InvalidInput", _find_text(answer.body, "Message")
            )
        return answer.body


class Databases(Maker):
    """AWS::Glue::Database."""

    properties = frozenset({"CatalogId", "DatabaseInput"})
    fixed = frozenset({"CatalogId"})

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def make(self, place: Place, properties: Values) -> Made:
        """Make the database."""
        wanted = properties["DatabaseInput"]
        self._moto.call("glue", "CreateDatabase", {"DatabaseInput": wanted}, place.region)
        return Made(wanted["Name"], {})

    def change(self, place: Place, physical: str, properties: Values) -> None:
        """Change the database."""
        params = {"Name": physical, "DatabaseInput": properties["DatabaseInput"]}
        self._moto.call("glue", "UpdateDatabase", params, place.region)

    def delete(self, place: Place, physical: str, properties: Values) -> None:
        """Delete the database with its tables."""
        del properties
        self._moto.call("glue", "DeleteDatabase", {"Name": physical}, place.region)


class Tables(Maker):
    """AWS::Glue::Table."""

    properties = frozenset({"CatalogId", "DatabaseName", "TableInput"})
    fixed = frozenset({"CatalogId", "DatabaseName"})

    def __init__(self, moto: Moto) -> None:
        self._moto = moto

    def make(self, place: Place, properties: Values) -> Made:
        """Make the table."""
        self._call("CreateTable", place, properties)
        return Made(properties["TableInput"]["Name"], {})

    def change(self, place: Place, physical: str, properties: Values) -> None:
        """Change the table."""
        del physical
        self._call("UpdateTable", place, properties)

    def delete(self, place: Place, physical: str, properties: Values) -> None:
        """Delete the table."""
        params = {"DatabaseName": properties["DatabaseName"], "Name": physical}
        self._moto.call("glue", "DeleteTable", params, place.region)

    def _call(self, operation: str, place: Place, properties: Values) -> None:
        params = {"DatabaseName": properties["DatabaseName"], "TableInput": properties["TableInput"]}
        self._moto.call("glue", operation, params, place.region)


class WorkGroups(Maker):
    """AWS::Athena::WorkGroup."""

    properties = frozenset(
        {"Name", "Description", "State", "RecursiveDeleteOption", "WorkGroupConfiguration"}
    )
    fixed = frozenset({"Name"})

    def __init__(self, athena: Athena) -> None:
        self._workgroups = athena.workgroups

    def make(self, place: Place, properties: Values) -> Made:
        """Make the workgroup."""
        params = {
            "Name": properties["Name"],
            "Description": properties.get("Description", ""),
            "Configuration": properties.get("WorkGroupConfiguration", {}),
            "Tags": [{"Key": key, "Value": value} for key, value in place.tags.items()],
        }
        self._workgroups.create(place.region, params)
        if properties.get("State", "ENABLED") != "ENABLED":
            self.change(place, properties["Name"], properties)
        return Made(properties["Name"], {})

    def change(self, place: Place, physical: str, properties: Values) -> None:
        """Change the workgroup."""
        updates = dict(properties.get("WorkGroupConfiguration", {}))
        results = updates.pop("ResultConfiguration", None)
        if results is not None:
            updates["ResultConfigurationUpdates"] = results
        if "BytesScannedCutoffPerQuery" not in updates:
            updates["RemoveBytesScannedCutoffPerQuery"] = True
        params = {
            "WorkGroup": physical,
            "Description": properties.get("Description", ""),
            "State": properties.get("State", "ENABLED"),
            "ConfigurationUpdates": updates,
        }
        self._workgroups.update(place.region, params)

    def delete(self, place: Place, physical: str, properties: Values) -> None:
        """Delete the workgroup; with its queries, if the template says so."""
        recursive = properties.get("RecursiveDeleteOption", False)
        self._workgroups.delete(place.region, {"WorkGroup": physical, "RecursiveDeleteOption": recursive})


def _demands_tls(statement: Values) -> bool:
    """Tell whether a statement of a policy denies what comes without TLS."""
    demanded = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return statement.get("Effect") == "Deny" and demanded in ("false", ["false"], False)


def list_makers(moto: Moto, athena: Athena) -> dict[str, Maker]:
    """List what makes resources, by their type."""
    return {
        "AWS::S3::Bucket": Buckets(moto),
        "AWS::S3::BucketPolicy": BucketPolicies(moto),
        "AWS::IAM::Role": Roles(moto),
        "AWS::Glue::Database": Databases(moto),
        "AWS::Glue::Table": Tables(moto),
        "AWS::Athena::WorkGroup": WorkGroups(athena),
    }


def _make_name(place: Place, longest: int) -> str:
    """Make a name as CloudFormation does: the stack, the logical id and twelve letters and digits."""
    random = "".join(secrets.choice(_SIGNS) for _ in range(_RANDOM))
    end = f"-{place.name}-{random}"
    return f"{place.stack[: longest - len(end)]}{end}"


def _write_settings(properties: Values) -> dict[str, str]:
    """Write the settings of a bucket in S3's own form, by the query of their request; empty: not set."""
    encryption = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    rules = "".join(
        _wrap(
            "Rule",
            _wrap("ApplyServerSideEncryptionByDefault", _tags(rule["ServerSideEncryptionByDefault"])),
        )
        for rule in encryption
    )
    owners = properties.get("OwnershipControls", {}).get("Rules", [])
    lifecycle = properties.get("LifecycleConfiguration", {}).get("Rules", [])
    logging = properties.get("LoggingConfiguration")
    target = {"TargetBucket": "DestinationBucketName", "TargetPrefix": "LogFilePrefix"}
    enabled = _tags({name: logging.get(key, "") for name, key in target.items()}) if logging else ""
    versioning = properties.get("VersioningConfiguration", {})
    return {
        "?encryption": _document("ServerSideEncryptionConfiguration", rules),
        "?publicAccessBlock": _document(
            "PublicAccessBlockConfiguration", _tags(properties.get("PublicAccessBlockConfiguration", {}))
        ),
        "?ownershipControls": _document(
            "OwnershipControls", "".join(_wrap("Rule", _tags(rule)) for rule in owners)
        ),
        "?versioning": _document("VersioningConfiguration", _tags(versioning)),
        "?lifecycle": _document("LifecycleConfiguration", "".join(_write_rule(rule) for rule in lifecycle)),
        "?logging": _document("BucketLoggingStatus", _wrap("LoggingEnabled", enabled) if enabled else ""),
    }


def _write_rule(rule: Values) -> str:
    """Write a rule of a bucket's lifecycle."""
    expiration = {
        "Days": rule.get("ExpirationInDays"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    parts = {
        "Filter": _tag("Prefix", rule.get("Prefix", "")),
        "AbortIncompleteMultipartUpload": _tags(rule.get("AbortIncompleteMultipartUpload", {})),
        "NoncurrentVersionExpiration": _tags(rule.get("NoncurrentVersionExpiration", {})),
        "Expiration": _tags({name: value for name, value in expiration.items() if value is not None}),
    }
    known = {"Id", "Status", "Prefix", "ExpirationInDays", "ExpiredObjectDeleteMarker", *parts}
    if others := sorted(set(rule) - known):
        raise unsupported(f"{others[0]} of a lifecycle rule")
    inner = "".join(_wrap(name, value) for name, value in parts.items() if value)
    return _wrap("Rule", _tag("ID", rule.get("Id", "")) + _tag("Status", rule["Status"]) + inner)


def _document(name: str, inner: str) -> str:
    return f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{name}>' if inner else ""


def _tags(values: Mapping[str, Any]) -> str:
    return "".join(_tag(name, value) for name, value in values.items())


def _tag(name: str, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _wrap(name, escape(text))


def _wrap(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _find_text(body: bytes, name: str) -> str:
    """Find the text of the first element of a name in an answer of moto's."""
    try:
        root = ET.fromstring(body)  # noqa: S314 - moto's own answer
    except ET.ParseError:
        return ""
    return next((each.text or "" for each in root.iter() if _NAMESPACE.sub("", each.tag) == name), "")
