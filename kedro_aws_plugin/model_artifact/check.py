"""Try a model in a process of its own, the way the container will use it.

Unpickling runs any code that the pickle names. It may print, crash or use up all memory, and must not harm
the command. The project's own package, which the container will not have, is hidden from that process: what
would fail on AWS fails here, before anything is uploaded.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.handlers import PROGRAM
from kedro_aws_plugin.model_artifact.payload import Payload

# Modules of every container and every archive.
_EVERYWHERE = frozenset(
    {"sklearn", "numpy", "scipy", "pandas", "joblib", "pyarrow", "threadpoolctl"}
    | {"inference", "default_inference", "project_inference", "__main__"}
)


@dataclass(frozen=True)
class Checked:
    """What was found out about a model that loads.

    Attributes:
        task: `regression`, `binary_classification`, `multiclass_classification`, or None if unknown.
        feature_names: The columns that it was fitted with; None if unknown.
        response: Its answer to the sample; None without a sample.
        content_type: The content type of the response.
        warnings: A sentence for each distribution that the model needs and the container may lack.
    """

    task: str | None
    feature_names: tuple[str, ...] | None
    response: bytes | None
    content_type: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Hidden:
    """What to hide from a model because the container will not have it.

    Attributes:
        package: The project's own package, e.g. `my_flights`.
        requirements: What the container's pip installs. If the package is among them, it is not hidden.
    """

    package: str | None = None
    requirements: Sequence[str] = ()


def check_model(
    model_dir: Path, sample: Payload | None, *, hidden: Hidden | None = None, timeout: float = 600
) -> Checked:
    """Load a model and let it answer the sample.

    Args:
        model_dir: An unpacked `model.tar.gz`, or a folder that `lay_out()` filled.
        sample: A request; with None the model is only loaded.
        hidden: What to hide from the model.
        timeout: Seconds for loading and answering together.

    Raises:
        ProjectError: If the model does not load or does not answer.
    """
    hidden = hidden or Hidden()
    required = {_parse_distribution(line) for line in hidden.requirements}
    package = None if hidden.package and _canonicalize(hidden.package) in required else hidden.package
    request = {
        "model_dir": str(model_dir.resolve()),
        "package": package,
        "body": base64.b64encode(sample.body).decode() if sample else None,
        "content_type": sample.content_type if sample else None,
    }
    report = _ask_child(request, model_dir, timeout)
    if "error" in report:
        raise ProjectError(_explain(report, package))
    names, response = report["feature_names"], report["response"]
    return Checked(
        task=report["task"],
        feature_names=None if names is None else tuple(names),
        response=None if response is None else base64.b64decode(response),
        content_type=report["content_type"],
        warnings=tuple(_explain_missing_distributions(report["modules"], required)),
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


def _explain(report: dict[str, Any], package: str | None) -> str:
    error, missing, doing = report["error"], report["missing_module"], report["doing"]
    if missing and missing.partition(".")[0] == package:
        return (
            f"The model needs this project's own package `{missing}`, which the container does not have. Use"
            " scikit-learn's own classes in what you fit, or publish the package and add it to"
            " registry.requirements in conf/base/aws.yml."
        )
    if missing:
        return (
            f"The model needs the module `{missing}`, which is not installed here. Install it, and add it to"
            " registry.requirements in conf/base/aws.yml if the container lacks it."
        )
    if doing == "predict":
        return (
            f"The model is a {error}, which has no method `predict`. Save the model itself in that entry, or"
            " write a predict_fn in the project's inference.py."
        )
    if doing == "answer":
        return f"The model does not answer the sample: {error}. Correct registry.sample or the handlers."
    return f"The model does not load: {error}. Save it again with the packages that are installed now."


def _explain_missing_distributions(modules: Sequence[str], required: set[str]) -> list[str]:
    """Write a sentence for each distribution of `modules` that neither the container nor its pip has."""
    foreign = {each for each in modules if each not in _EVERYWHERE and each not in sys.stdlib_module_names}
    owners = packages_distributions() if foreign else {}  # slow: it reads the metadata of every distribution
    needed = {_canonicalize(name) for module in foreign for name in owners.get(module, [module])}
    return [
        f'The model needs {name}, which the container may lack. Add "{_pin(name)}" to'
        " registry.requirements in conf/base/aws.yml."
        for name in sorted(needed - required)
    ]


def _pin(name: str) -> str:
    try:
        return f"{name}=={version(name)}"
    except ModuleNotFoundError:  # importlib.metadata's PackageNotFoundError
        return name


def _parse_distribution(requirement: str) -> str:
    """Find the distribution in a line of pip requirements: `lightgbm[scikit-learn]>=4` -> `lightgbm`."""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return _canonicalize(found.group(1)) if found else ""


def _canonicalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
