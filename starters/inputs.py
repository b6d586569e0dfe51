"""What the starters' inputs may be: each starter checks them before a file of a project is written.

`kedro new` checks the project's name; whatever else its `--config` file sets arrives unread. What Python or
AWS would refuse later is refused here, in one sentence.
"""

import keyword
import re
import sys
from collections.abc import Mapping

from kedro_aws_plugin.config.names import find_bucket_problem, find_region_problem

IMPORTED = (
    "boto3",
    "kedro",
    "kedro_aws_plugin",
    "kedro_datasets",
    "numpy",
    "pandas",
    "pyspark",
    "s3fs",
    "sklearn",
)
MOST = 60  # characters in a name: a line that imports from the project stays within 100


def project_name_problem(name: str) -> str | None:
    """Hold to Kedro's own rule, which it applies to `--name` but other callers do not."""
    if not re.fullmatch(r"[\w -]{2,}", name):
        return "use two or more letters, digits, spaces, hyphens and underscores"
    return None


def repo_name_problem(name: str) -> str | None:
    """Keep the folder's name one that every file system takes."""
    if not re.fullmatch(r"[^\W_]([\w.-]*\w)?", name) or len(name) > MOST:
        return (
            f"use at most {MOST} letters, digits, hyphens, underscores and periods, a letter or digit first"
        )
    return None


def python_package_problem(name: str) -> str | None:
    """Keep the package importable, and itself out of the way of what it imports."""
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name) or len(name) > MOST:
        return f"use at most {MOST} lowercase letters, digits and underscores, a letter first"
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name in IMPORTED:
        return "Python, or a package that the project uses, has this name"
    return None


def bucket_name_problem(name: str) -> str | None:
    """Apply the rules that conf/base/aws.yml is read by."""
    wanted = find_bucket_problem(name)
    return wanted and f"S3 wants {wanted}"


def kedro_version_problem(version: str) -> str | None:
    """Let nothing but a version into pyproject.toml."""
    return None if re.fullmatch(r"\d[\w.+]*", version) else "not a version of Kedro"


CHECKS = {
    "project_name": project_name_problem,
    "repo_name": repo_name_problem,
    "python_package": python_package_problem,
    "bucket": bucket_name_problem,
    "region": find_region_problem,
    "kedro_version": kedro_version_problem,
}


def first_problem(inputs: Mapping[str, object]) -> str | None:
    """Say which input is wrong, why, and what to do.

    Args:
        inputs: The values of a starter's cookiecutter.json by their keys.

    Returns:
        The sentence; None where nothing is wrong.
    """
    for key, find_problem in CHECKS.items():
        value = inputs[key]
        problem = find_problem(value) if isinstance(value, str) else "not a text"
        if problem:
            named = "" if key in ("region", "kedro_version") else "give another `--name`, or "
            advice = f"{named}set `{key}` in the file that `kedro new --config` takes."
            return f"{key} {value!r}: {problem}. {advice[0].upper()}{advice[1:]}"
    return None
