"""Try a model in a process of its own, the way the container will use it.

Unpickling runs any code that the pickle names. It may print, crash or use up all memory, and must not harm
the command. What the container will not have is hidden from that process: the project's own package, unless
the archive holds a copy, and what the project's code imports. What would fail on AWS fails here, before
anything is uploaded.
"""

import base64
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact._container_imports import canonicalize
from kedro_aws_plugin.model_artifact.handlers import PROGRAM

if TYPE_CHECKING:
    import pandas as pd

# The distributions of modules that every container has: to look them up is slow.
_EVERYWHERE = {
    "sklearn": "scikit-learn",
    **{name: name for name in ("numpy", "scipy", "pandas", "joblib", "pyarrow", "threadpoolctl")},
}
_OF_THE_ARCHIVE = frozenset({"inference", "default_inference", "project_inference", "__main__"})


class NeedsPackageError(ProjectError):
    """The model needs the project's own package, which the archive does not hold."""


@dataclass(frozen=True)
class Checked:
    """What was found out about a model that loads.

    Attributes:
        task: `regression`, `binary_classification`, `multiclass_classification`, or None if unknown.
        signature: Its input and output, see `signature`; None if the project's own handlers do all.
        sample: Some rows as CSV with a header; None without a sample.
        response: Its answer to them; None without a sample.
        content_type: The content type of the response.
        warnings: A sentence for each distribution that the model needs and the container lacks.
        distributions: The canonical names of the distributions whose objects the pickle holds.
    """

    task: str | None
    signature: dict[str, Any] | None
    sample: bytes | None
    response: bytes | None
    content_type: str | None
    warnings: tuple[str, ...]
    distributions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hidden:
    """What to hide from a model because the container will not have it.

    Attributes:
        package: The project's own package, e.g. `my_flights`.
        requirements: What the container's pip installs. If the package is among them, it is not hidden.
        image: The canonical names of the distributions in the container's image; None if unknown.
    """

    package: str | None = None
    requirements: Sequence[str] = ()
    image: frozenset[str] | None = None


def check_model(
    model_dir: Path,
    sample: "pd.DataFrame | None",
    *,
    method: str = "predict",
    hidden: Hidden | None = None,
    timeout: float = 600,
) -> Checked:
    """Load a model, let it answer the sample, and compare the handlers' answers with its own.

    `code/signature.json` is written in the folder.

    Args:
        model_dir: An unpacked `model.tar.gz`, or a folder that `lay_out()` filled.
        sample: Rows as the model was fitted with; with None the model is only loaded.
        method: The method of the model that answers.
        hidden: What to hide from the model.
        timeout: Seconds for loading and answering together.

    Raises:
        NeedsPackageError: If the model or its handlers need the project's own package.
        ProjectError: If the model does not load or does not answer, or the handlers' answers differ.
    """
    hidden = hidden or Hidden()
    required = {parse_distribution(line) for line in hidden.requirements}
    package = None if hidden.package and canonicalize(hidden.package) in required else hidden.package
    installed = None if hidden.image is None else hidden.image | find_needed_distributions(required)
    request = {
        "model_dir": str(model_dir.resolve()),
        "package": package,
        "distributions": None if installed is None else sorted(installed),
        "method": method,
        "sample": None if sample is None else base64.b64encode(pickle.dumps(sample)).decode(),
    }
    report = _ask_child(request, model_dir, timeout)
    if "error" in report:
        raise _explain(report, package, model_dir)
    body, response = (
        None if report[key] is None else base64.b64decode(report[key]) for key in ("sample", "response")
    )
    found = _find_distributions({*report["modules"]} - {package})
    everywhere = {*_EVERYWHERE.values()}
    return Checked(
        task=report["task"],
        signature=report["signature"],
        sample=body,
        response=response,
        content_type=report["content_type"],
        warnings=tuple(_explain_missing_distributions(found - (installed or required | everywhere))),
        distributions=tuple(sorted(found)),
    )


def _ask_child(request: dict[str, Any], model_dir: Path, timeout: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="kedro-aws-check-") as folder:
        # The report is a file because the model's code may print to stdout and stderr.
        answer = Path(folder, "report.json")
        output = Path(folder, "output.txt")
        with output.open("wb") as log:
            try:
                done = subprocess.run(  # noqa: S603 - the arguments are ours
                    [sys.executable, "-m", "kedro_aws_plugin.model_artifact._check_child", str(answer)],
                    input=json.dumps(request).encode(),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=model_dir,
                    env={**os.environ, "SAGEMAKER_PROGRAM": PROGRAM,
                         "SAGEMAKER_SUBMIT_DIRECTORY": str(model_dir.resolve() / "code")},
                    timeout=timeout,
                    check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired as error:
                raise ProjectError(
                    f"The model did not load and answer the sample within {timeout:.0f} s. Make it smaller,"
                    " or find out what it waits for."
                ) from error
        if answer.exists():
            report: dict[str, Any] = json.loads(answer.read_bytes())
            return report
        raise ProjectError(
            _explain_death(done.returncode, output.read_text(encoding="utf-8", errors="replace"))
        )


def _explain_death(code: int, output: str) -> str:
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "nothing")
    if code < 0:
        return (
            f"The process that loads the model was killed by signal {-code}; most often, memory ran out. Free"
            " some memory, or make the model smaller."
        )
    return (
        f"The process that loads the model ended with code {code} and printed: {last}. Correct what it names."
    )


def _explain(report: dict[str, Any], package: str | None, model_dir: Path) -> ProjectError:
    missing = report["missing_module"]
    if package is None or not missing or missing.partition(".")[0] != package:
        return ProjectError(_explain_error(report, package))
    if (model_dir / "code" / package).is_dir():
        return ProjectError(
            f"The model needs the module `{missing}`, which the packed copy of the project's package lacks."
            " Run the pipeline again if it was renamed; move it if it is in a folder `tests` or `notebooks`,"
            " which are not packed."
        )
    return NeedsPackageError(
        f"The model needs this project's own package `{missing}`, which the container does not have. Move it"
        " into src/, from where it is packed, or publish it and add it to registry.requirements in"
        " conf/base/aws.yml."
    )


_FIXES = {
    True: "Save the model itself in that entry, or write a predict_fn in the project's inference.py.",
    False: "Correct registry.method in conf/base/aws.yml, or register a model that has it.",
}


def _explain_error(report: dict[str, Any], package: str | None) -> str:
    error, missing, doing = report["error"], report["missing_module"], report["doing"]
    if doing == "compare":
        return str(error)
    refused = report.get("refused_imports", {}).get(missing)
    if refused:
        file = refused["file"].replace("project_inference.py", f"{package}/inference.py")
        return (
            f"src/{file}, line {refused['line']}, imports `{missing}`, which the container does not have."
            f' Import it inside the function that needs it, or add "{_pin(refused["distribution"])}" to'
            " registry.requirements in conf/base/aws.yml."
        )
    if missing:
        return (
            f"The model needs the module `{missing}`, which is not installed here. Install it, and add it to"
            " registry.requirements in conf/base/aws.yml if the container lacks it."
        )
    if doing == "predict":
        method = report["method"]
        return f"The model is a {error}, which has no method `{method}`. {_FIXES[method == 'predict']}"
    if doing == "answer":
        return f"The model does not answer the sample: {error}. Correct registry.sample or the handlers."
    return f"The model does not load: {error}. Save it again with the packages that are installed now."


def _find_distributions(modules: set[str | None]) -> frozenset[str]:
    """Find the distributions of modules by name; a module without a distribution stands for itself."""
    named = {each for each in modules if each} - _OF_THE_ARCHIVE - sys.stdlib_module_names
    foreign = named - _EVERYWHERE.keys()
    owners = packages_distributions() if foreign else {}  # slow: it reads the metadata of every distribution
    known = {_EVERYWHERE[module] for module in named - foreign}
    return frozenset(known | {canonicalize(name) for each in foreign for name in owners.get(each, [each])})


def _explain_missing_distributions(missing: Collection[str]) -> list[str]:
    return [
        f'The model needs {name}, which the container lacks: add "{_pin(name)}" to registry.requirements.'
        for name in sorted(missing)
    ]


def find_needed_distributions(required: Iterable[str]) -> frozenset[str]:
    """Find all distributions that pip installs for some, as far as they are installed here too."""
    found: set[str] = set()
    left = list(required)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [canonicalize(each) for each in _read_dependencies(name)]
    return frozenset(found)


def _read_dependencies(name: str) -> Iterator[str]:
    try:
        lines = requires(name) or []
    except ModuleNotFoundError:  # importlib.metadata's PackageNotFoundError
        return
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def _pin(name: str) -> str:
    try:
        return f"{name}=={version(name)}"
    except ModuleNotFoundError:  # importlib.metadata's PackageNotFoundError
        return name


def parse_distribution(requirement: str) -> str:
    """Find the distribution in a line of pip requirements: `lightgbm[scikit-learn]>=4` -> `lightgbm`."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return canonicalize(found.group(1)) if found else ""
