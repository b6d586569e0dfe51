"""Make a command of this machine's `spark-submit` from the request of a job run.

What the request names on S3 is downloaded to the job's folder, and archives are unpacked there, as in the
container of a driver. The master is this machine's, and so is the Python, unless the request names another.
"""

import os
import shlex
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from local_aws.protocol.messages import unsupported
from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.objects import Objects, split_uri

_FILES = {
    "--py-files": "spark.submit.pyFiles",
    "--files": "spark.files",
    "--jars": "spark.jars",
    "--archives": "spark.archives",
}
"""The options that name files, and the properties that say the same."""

_TAKING_VALUES = {
    *_FILES,
    "--conf",
    "--class",
    "--name",
    "--packages",
    "--exclude-packages",
    "--repositories",
    "--driver-memory",
    "--driver-cores",
    "--executor-memory",
    "--executor-cores",
    "--num-executors",
}
_OF_EMR = "spark.emr-serverless."
_DRIVER_VARIABLE = f"{_OF_EMR}driverEnv."
_S3 = ("s3://", "s3a://", "s3n://")
_CHUNK = 1024 * 1024


@dataclass
class SparkSubmit:
    """What the request asks of `spark-submit`.

    Attributes:
        options: Its options that name no files, in their order.
        properties: Spark's properties.
    """

    options: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def driver_variables(self) -> dict[str, str]:
        """The variables of the driver's process."""
        return {
            key.removeprefix(_DRIVER_VARIABLE): value
            for key, value in self.properties.items()
            if key.startswith(_DRIVER_VARIABLE)
        }


def parse_parameters(text: str) -> SparkSubmit:
    """Parse `sparkSubmitParameters`.

    Raises:
        AwsFault: If this Spark cannot run it so.
    """
    try:
        words = iter(shlex.split(text))
    except ValueError as error:
        raise unsupported(f"these sparkSubmitParameters: {error}") from error
    parsed = SparkSubmit()
    for word in words:
        option, equals, value = word.partition("=")
        if option not in _TAKING_VALUES:
            raise unsupported(f"{option} in sparkSubmitParameters")
        value = value if equals else next(words, "")
        if not value:
            raise unsupported(f"{option} without a value in sparkSubmitParameters")
        if option == "--conf":
            key, _, setting = value.partition("=")
            _check_property(key)
            parsed.properties[key] = setting
        elif option in _FILES:
            parsed.properties[_FILES[option]] = value
        else:
            parsed.options += [option, value]
    return parsed


def _check_property(key: str) -> None:
    if key in {"spark.master", "spark.submit.deployMode"}:
        raise unsupported(f"{key} in sparkSubmitParameters, which EMR Serverless decides")


def make_command(driver: Mapping[str, Any], folder: Path, objects: Objects) -> tuple[list[str], SparkSubmit]:
    """Download what a job needs, and make its command.

    Args:
        driver: The `sparkSubmit` of the request.
        folder: The folder in which it runs.
        objects: The S3.

    Raises:
        JobFailed: If something is missing.
    """
    parsed = parse_parameters(driver.get("sparkSubmitParameters", ""))
    inputs = _Inputs(folder, objects)
    settings = {key: value for key, value in parsed.properties.items() if not key.startswith(_OF_EMR)}
    for archive in inputs.fetch_all(settings.pop("spark.archives", "")):
        _unpack(folder / archive.path, folder / archive.name)
    for key in ("spark.submit.pyFiles", "spark.files", "spark.jars"):
        if key in settings:
            settings[key] = ",".join(str(folder / each.path) for each in inputs.fetch_all(settings[key]))
    words = [_find_spark_submit(), "--master", f"local[{os.cpu_count() or 1}]", *parsed.options]
    for key, value in settings.items():
        words += ["--conf", f"{key}={value}"]
    entry = inputs.fetch(driver["entryPoint"])
    return [*words, str(folder / entry.path), *driver.get("entryPointArguments", [])], parsed


def choose_variables(parsed: SparkSubmit, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Choose the variables of the driver: those of the request, this Python, and where Java and Spark are."""
    of_machine = {name: environ[name] for name in ("JAVA_HOME", "SPARK_HOME") if environ.get(name)}
    of_python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    stated = parsed.driver_variables
    if "PYSPARK_PYTHON" in stated:
        of_python = {"PYSPARK_DRIVER_PYTHON": stated["PYSPARK_PYTHON"]}
    return {**of_machine, **of_python, "SPARK_LOCAL_IP": "127.0.0.1", **stated}


@dataclass(frozen=True)
class _Input:
    """A file in the job's folder: its path there, and the name that the request gives it after a `#`."""

    path: str
    name: str


class _Inputs:
    def __init__(self, folder: Path, objects: Objects) -> None:
        self._folder = folder
        self._objects = objects

    def fetch_all(self, uris: str) -> Iterator[_Input]:
        for uri in filter(None, (each.strip() for each in uris.split(","))):
            yield self.fetch(uri)

    def fetch(self, uri: str) -> _Input:
        """Download a file. One that is not on S3 would be in the image of the release, which is not here."""
        stem, _, name = uri.partition("#")
        if not stem.startswith(_S3):
            raise JobFailed(f"{stem} is not on S3, and the local AWS has no image of the release.")
        place = split_uri(f"s3://{stem.partition('://')[2]}")
        path = PurePosixPath(place.key).name
        with self._objects.open(place, self._folder.with_name("content")) as content:
            if content is None:
                raise JobFailed(f"The file {stem} does not exist.")
            with (self._folder / path).open("wb") as file:
                shutil.copyfileobj(content, file, _CHUNK)
        return _Input(path, name or path)


def _unpack(archive: Path, target: Path) -> None:
    if target == archive:
        archive = archive.rename(archive.with_name(f"{archive.name}.packed"))
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                file.extractall(target)  # noqa: S202 - below the target, by zipfile itself
            return
        with tarfile.open(archive) as packed:
            _extract(packed, target)
    except (tarfile.TarError, OSError, zipfile.BadZipFile) as error:
        raise JobFailed(f"The archive {archive.name} cannot be unpacked: {error}") from error


def _extract(packed: tarfile.TarFile, target: Path) -> None:
    if hasattr(tarfile, "tar_filter"):
        # A virtual environment may have links out of it, so "data" would refuse it.
        packed.extractall(target, filter="tar")
        return
    for name in packed.getnames():  # Python before 3.10.12 and 3.11.4 has no filters
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise tarfile.TarError(f"{name} would be outside of its folder")
    packed.extractall(target)  # noqa: S202 - the names are checked


def _find_spark_submit() -> str:
    """Find this machine's `spark-submit`: that of SPARK_HOME, else pyspark's own.

    Raises:
        JobFailed: If there is none, or no Java.
    """
    home = os.environ.get("SPARK_HOME")
    if not home:
        pyspark = find_spec("pyspark")
        if pyspark is None or pyspark.origin is None:
            raise JobFailed("This machine has no Spark. Install it: pip install 'kedro-aws-plugin[spark]'")
        home = str(Path(pyspark.origin).parent)
    java = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=str(Path(java, "bin")) if java else None) is None:
        where = f"JAVA_HOME is {java}, which has no bin/java" if java else "there is no java on the PATH"
        raise JobFailed(f"Spark needs Java 17 or later, and {where}. Install it, or set JAVA_HOME.")
    return str(Path(home, "bin", "spark-submit.cmd" if os.name == "nt" else "spark-submit"))
