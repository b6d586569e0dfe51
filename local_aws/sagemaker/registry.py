"""SageMaker's operations on the model registry: groups and their versioned model packages."""

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault, invalid, unsupported
from local_aws.protocol.resources import Listing, Region, Resource, Resources, pick, read_tags

_GROUP_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "ModelPackageGroupDescription",
    "CreationTime",
    "ModelPackageGroupStatus",
)
_PACKAGE_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
_GROUPS = Listing(
    "ModelPackageGroupSummaryList",
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    _GROUP_SUMMARY,
    "Ascending",
)
_PACKAGES = Listing(
    "ModelPackageSummaryList", "ModelPackageGroupName", "ModelPackageArn", _PACKAGE_SUMMARY, "Ascending"
)
_UPDATABLE = (
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
_MAX_PROPERTIES = 50


class Registry:
    """Operations on the model registry."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateModelPackageGroup": self.create_group,
            "DescribeModelPackageGroup": self.describe_group,
            "ListModelPackageGroups": self.list_groups,
            "DeleteModelPackageGroup": self.delete_group,
            "CreateModelPackage": self.create_package,
            "DescribeModelPackage": self.describe_package,
            "BatchDescribeModelPackage": self.describe_packages,
            "ListModelPackages": self.list_packages,
            "UpdateModelPackage": self.update_package,
            "DeleteModelPackage": self.delete_package,
        }

    def create_group(self, region: str, params: Params) -> Params:
        """CreateModelPackageGroup."""
        with self._resources.lock:
            here = self._resources[region]
            name = params["ModelPackageGroupName"]
            arn = here.make_arn("model-package-group", name)
            if name in here.groups:
                raise invalid(f"Model Package Group already exists: {arn}")
            here.groups[name] = {
                **{key: value for key, value in params.items() if key != "Tags"},
                "ModelPackageGroupArn": arn,
                "CreationTime": self._resources.now(),
                "CreatedBy": {},
                "ModelPackageGroupStatus": "Completed",
                "LastVersion": 0,
            }
            here.tags[arn] = read_tags(params)
            return {"ModelPackageGroupArn": arn}

    def describe_group(self, region: str, params: Params) -> Params:
        """DescribeModelPackageGroup."""
        with self._resources.lock:
            group = find_group(self._resources[region], params["ModelPackageGroupName"])
            return pick(group, (*_GROUP_SUMMARY, "CreatedBy", "ManagedConfiguration"))

    def list_groups(self, region: str, params: Params) -> Params:
        """ListModelPackageGroups."""
        if params.get("CrossAccountFilterOption") == "CrossAccount":
            return {_GROUPS.result: []}
        with self._resources.lock:
            return _GROUPS.page(self._resources[region].groups.values(), params)

    def delete_group(self, region: str, params: Params) -> Params:
        """DeleteModelPackageGroup. A group with packages cannot be deleted."""
        with self._resources.lock:
            here = self._resources[region]
            group = find_group(here, params["ModelPackageGroupName"])
            name, arn = group["ModelPackageGroupName"], group["ModelPackageGroupArn"]
            if any(package["ModelPackageGroupName"] == name for package in here.packages.values()):
                message = (
                    f"Model Package Group cannot be deleted because it still contains Model Packages: {arn}"
                )
                raise AwsFault("ConflictException", message)
            del here.groups[name]
            here.tags.pop(arn, None)
            return {}

    def create_package(self, region: str, params: Params) -> Params:
        """CreateModelPackage, as the next version of its group."""
        _check_new_package(params)
        with self._resources.lock:
            here = self._resources[region]
            group = find_group(here, params["ModelPackageGroupName"])
            if known := _find_same_request(here, params):
                return {"ModelPackageArn": known["ModelPackageArn"]}
            group["LastVersion"] += 1
            arn = here.make_arn("model-package", f"{group['ModelPackageGroupName']}/{group['LastVersion']}")
            here.packages[arn] = self._make_package(params, group, arn)
            here.tags[arn] = {}
            return {"ModelPackageArn": arn}

    def _make_package(self, params: Params, group: Resource, arn: str) -> Resource:
        return {
            "ModelApprovalStatus": "PendingManualApproval",
            "SkipModelValidation": "None",
            "CertifyForMarketplace": False,
            "ModelPackageRegistrationType": "Registered",
            **params,
            "Request": params,
            "ModelPackageName": arn,
            "ModelPackageGroupName": group["ModelPackageGroupName"],
            "ModelPackageVersion": group["LastVersion"],
            "ModelPackageArn": arn,
            "CreationTime": self._resources.now(),
            "CreatedBy": {},
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        }

    def describe_package(self, region: str, params: Params) -> Params:
        """DescribeModelPackage."""
        with self._resources.lock:
            package = find_package(self._resources[region], params["ModelPackageName"])
            return {
                key: value for key, value in package.items() if key not in {"Request", "ClientToken", "Tags"}
            }

    def describe_packages(self, region: str, params: Params) -> Params:
        """BatchDescribeModelPackage."""
        found, errors = {}, {}
        members = (*_PACKAGE_SUMMARY[:-2], "InferenceSpecification", *_PACKAGE_SUMMARY[-2:])
        with self._resources.lock:
            for arn in params["ModelPackageArnList"]:
                try:
                    package = find_package(self._resources[region], arn)
                    found[arn] = pick(package, [each for each in members if each != "ModelLifeCycle"])
                except AwsFault as fault:
                    errors[arn] = {"ErrorCode": fault.code, "ErrorResponse": fault.message}
        return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors or None}

    def list_packages(self, region: str, params: Params) -> Params:
        """ListModelPackages. Without a group AWS lists unversioned packages, which do not exist here."""
        kind = params.get(
            "ModelPackageType", "Versioned" if "ModelPackageGroupName" in params else "Unversioned"
        )
        with self._resources.lock:
            here = self._resources[region]
            packages = [] if kind == "Unversioned" else list(here.packages.values())
            if "ModelPackageGroupName" in params:
                group = find_group(here, params["ModelPackageGroupName"])["ModelPackageGroupName"]
                packages = [each for each in packages if each["ModelPackageGroupName"] == group]
            if "ModelApprovalStatus" in params:
                packages = [e for e in packages if e["ModelApprovalStatus"] == params["ModelApprovalStatus"]]
            return _PACKAGES.page(packages, params)

    def update_package(self, region: str, params: Params) -> Params:
        """UpdateModelPackage: approves, rejects and changes properties."""
        with self._resources.lock:
            package = find_package(self._resources[region], params["ModelPackageArn"])
            properties = {
                **package.get("CustomerMetadataProperties", {}),
                **params.get("CustomerMetadataProperties", {}),
            }
            for key in params.get("CustomerMetadataPropertiesToRemove", []):
                properties.pop(key, None)
            _check_properties(properties)
            added = params.get("AdditionalInferenceSpecificationsToAdd", [])
            package.update(pick(params, _UPDATABLE))
            if properties or "CustomerMetadataProperties" in package:
                package["CustomerMetadataProperties"] = properties
            if added:
                package.setdefault("AdditionalInferenceSpecifications", []).extend(added)
            package.update(LastModifiedTime=self._resources.now(), LastModifiedBy={})
            return {"ModelPackageArn": package["ModelPackageArn"]}

    def delete_package(self, region: str, params: Params) -> Params:
        """DeleteModelPackage. Its version number is not used again."""
        with self._resources.lock:
            here = self._resources[region]
            arn = find_package(here, params["ModelPackageName"])["ModelPackageArn"]
            del here.packages[arn]
            here.tags.pop(arn, None)
            return {}


def find_group(here: Region, name_or_arn: str) -> Resource:
    """Find a group by its name or ARN.

    Raises:
        AwsFault: If there is none.
    """
    arn = name_or_arn if name_or_arn.startswith("arn:") else here.make_arn("model-package-group", name_or_arn)
    _check_region(here, arn)
    group = here.groups.get(arn.rsplit("/", maxsplit=1)[-1])
    if group is None or group["ModelPackageGroupArn"] != arn:
        raise invalid(f"ModelPackageGroup {arn} does not exist.")
    return group


def find_package(here: Region, name_or_arn: str) -> Resource:
    """Find a model package by its ARN, or by ``group/version``.

    Raises:
        AwsFault: If there is none.
    """
    arn = name_or_arn if name_or_arn.startswith("arn:") else here.make_arn("model-package", name_or_arn)
    _check_region(here, arn)
    if arn not in here.packages:
        raise invalid(f"ModelPackage {arn} does not exist.")
    return here.packages[arn]


def _check_region(here: Region, arn: str) -> None:
    if arn.split(":")[3] != here.name:
        raise invalid(f"ARN should be scoped to correct region: {here.name}")


def _check_new_package(params: Params) -> None:
    if "ModelPackageName" in params and "ModelPackageGroupName" in params:
        raise invalid(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if "ModelPackageName" in params:
        raise unsupported("unversioned model packages; use ModelPackageGroupName instead of ModelPackageName")
    if "ModelPackageGroupName" not in params:
        raise invalid("Missing ARN.")
    if params.get("Tags"):
        raise invalid("Tags cannot be given to a versioned model package: it uses the tags of its group.")
    _check_properties(params.get("CustomerMetadataProperties", {}))


def _check_properties(properties: Params) -> None:
    if len(properties) > _MAX_PROPERTIES:
        raise invalid(
            f"CustomerMetadataProperties can have at most {_MAX_PROPERTIES} entries, not {len(properties)}."
        )


def _find_same_request(here: Region, params: Params) -> Resource | None:
    """Find the package that the same request made before, by its client token.

    Raises:
        AwsFault: If the token was used for a different request.
    """
    if "ClientToken" not in params:
        return None
    for package in here.packages.values():
        if package.get("ClientToken") == params["ClientToken"]:
            if package["Request"] != params:
                raise AwsFault("ConflictException", "The ClientToken was used before with other parameters.")
            return package
    return None
