"""The folder in the place of a container's ``/opt/ml``, with the unpacked archive and the script.

What is wrong with them is raised as a `CannotStart`; its text becomes the endpoint's FailureReason.
"""

import hashlib
import http.client
import importlib.metadata
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from local_aws.sagemaker.unpack import CannotUnpack, unpack

_CONTAINER_CODE_DIR = "/opt/ml/code"
_CONTAINER_MODEL_DIR = PurePosixPath("/opt/ml/model")
_CHUNK = 1024 * 1024
_DOWNLOAD_SECONDS = 600


class CannotStart(Exception):
    """The model cannot be served. The text is one line."""


@dataclass(frozen=True)
class OptMl:
    """The paths of the model and its script.

    Attributes:
        model: The folder in the place of ``/opt/ml/model``.
        code: The folder in the place of ``/opt/ml/code``, with the script.
        module: The name by which the script is imported.
    """

    model: Path
    code: Path
    module: str


def prepare(root: Path, model_data: str, sha256: str = "") -> OptMl:
    """Fetch and unpack the model, copy its script, and check that its requirements are installed.

    Args:
        root: An empty folder, in the place of ``/opt/ml``.
        model_data: The S3 URI of the model.tar.gz; empty if the model has none.
        sha256: The digest of the archive that was registered; empty if it is not known.

    Raises:
        CannotStart: If the archive, its script or a requirement is missing.
    """
    opt_ml = find_prepared(root)
    opt_ml.model.mkdir()
    if model_data:
        fetch_archive(model_data, opt_ml.model, sha256)
    submit_directory = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or _CONTAINER_CODE_DIR
    if submit_directory.startswith("s3://"):
        opt_ml.code.mkdir()
        fetch_archive(submit_directory, opt_ml.code)
    else:
        _copy_code(_find_code(opt_ml.model, submit_directory), opt_ml.code)
    if not opt_ml.code.joinpath(*opt_ml.module.split(".")).with_suffix(".py").is_file():
        program = os.environ["SAGEMAKER_PROGRAM"]
        raise CannotStart(
            f"SAGEMAKER_PROGRAM {program} is not in SAGEMAKER_SUBMIT_DIRECTORY {submit_directory}."
        )
    check_requirements(opt_ml.code / "requirements.txt")
    return opt_ml


def find_prepared(root: Path) -> OptMl:
    """Name the paths in a folder that `prepare` has filled, or will fill.

    Raises:
        CannotStart: If the container's environment names no script.
    """
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    if not program:
        raise CannotStart("The container's Environment must name its script: SAGEMAKER_PROGRAM.")
    return OptMl(root / "model", root / "code", program.removesuffix(".py"))


def _find_code(model: Path, submit_directory: str) -> Path:
    path = PurePosixPath(submit_directory)
    if path == PurePosixPath(_CONTAINER_CODE_DIR):
        program = os.environ["SAGEMAKER_PROGRAM"]
        raise CannotStart(
            f"{program} is not in {_CONTAINER_CODE_DIR}, which is empty in the image. Set "
            f"SAGEMAKER_SUBMIT_DIRECTORY to {_CONTAINER_MODEL_DIR}/code, the archive's folder code/."
        )
    try:
        inside = path.relative_to(_CONTAINER_MODEL_DIR)
    except ValueError:
        inside = PurePosixPath("..")
    if ".." in inside.parts:
        raise CannotStart(
            f"SAGEMAKER_SUBMIT_DIRECTORY {submit_directory} must be inside {_CONTAINER_MODEL_DIR} or on S3."
        )
    return model / inside


def _copy_code(source: Path, target: Path) -> None:
    """Copy the script's folder, as the image does before it imports the script."""
    if source.is_dir():
        shutil.copytree(source, target)


def fetch_archive(uri: str, target: Path, sha256: str = "") -> None:
    """Download a tar.gz by one GetObject, and unpack it.

    Args:
        uri: Its S3 URI.
        target: The folder that it is unpacked to.
        sha256: The digest that it must have, since loading a model runs code that is in it; empty for any.

    Raises:
        CannotStart: If it cannot be downloaded or unpacked, or is another one.
    """
    archive = target.parent / f"{target.name}.tar.gz"
    _download(uri, archive)
    try:
        _check_digest(uri, archive, sha256)
        unpack(archive, target, name=f"The archive {uri}")
    except CannotUnpack as error:
        raise CannotStart(str(error)) from error
    finally:
        archive.unlink()


def _check_digest(uri: str, archive: Path, wanted: str) -> None:
    if not wanted:
        return
    found = hashlib.sha256()
    with archive.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    if found.hexdigest() != wanted:
        raise CannotStart(
            f"The archive {uri} is not the one that was registered: its SHA-256 is {found.hexdigest()}, and "
            f"the version's artifact_sha256 is {wanted}. It was not unpacked. Put the registered one "
            "back, or make another version of the model."
        )


def _download(uri: str, target: Path) -> None:
    """Download an object without a client of boto3's, which would need half a second for this one request."""
    source, endpoint = urlsplit(uri), urlsplit(os.environ["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(endpoint.netloc, timeout=_DOWNLOAD_SECONDS)
    try:
        connection.request("GET", _sign(f"/{source.netloc}{quote(source.path)}", endpoint.netloc))
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise CannotStart(
                f'Failed to download model data for container "container_1" from URL: "{uri}". Please ensure '
                "that there is an object located at the URL and that the role passed to CreateModel has "
                "permissions to download the model."
            )
        with target.open("wb") as file:
            shutil.copyfileobj(response, file, _CHUNK)
    finally:
        connection.close()


def _sign(path: str, host: str) -> str:
    """Add the query of a presigned URL to a path."""
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest("GET", f"http://{host}{path}")
    S3SigV4QueryAuth(keys, "s3", os.environ["AWS_REGION"]).add_auth(request)
    return str(request.url).removeprefix(f"http://{host}")


def check_requirements(file: Path) -> None:
    """Check that the packages in a requirements.txt are installed here, in versions that fit.

    The real container installs them by pip.

    Raises:
        CannotStart: If one is not; the text names it and the command that installs it.
    """
    if not file.is_file():
        return
    from packaging.requirements import InvalidRequirement, Requirement

    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.split("#", maxsplit=1)[0].strip()
        if not text or text.startswith("-"):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise CannotStart(f"code/requirements.txt: {text} is not a requirement: {error}") from error
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            raise CannotStart(_explain_missing(text, "is not installed in this Python")) from None
        if not requirement.specifier.contains(installed, prereleases=True):
            raise CannotStart(
                _explain_missing(text, f"does not fit {requirement.name} {installed} of this Python")
            )


def _explain_missing(requirement: str, why: str) -> str:
    return (
        f"code/requirements.txt: {requirement} {why}. The local AWS serves models with this Python: "
        f"run `pip install '{requirement}'`, then deploy again."
    )
