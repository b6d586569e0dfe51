"""Check the inputs of the starters, before a file of the new project is written.

`kedro new` itself checks only the project's name, and nothing else that its `--config` file sets. These
checks find in time what Python or AWS would refuse later.
"""

import keyword
import re
import sys
from collections.abc import Mapping

from kedro_aws_plugin.config.names import find_bucket_problem, find_region_problem
from kedro_aws_plugin.errors import end_sentence

IMPORTED = (
    "boto3",
    "duckdb",
    "kedro",
    "kedro_aws_plugin",
    "kedro_datasets",
    "kedro_viz",
    "local_aws",
    "moto",
    "numpy",
    "pandas",
    "plotly",
    "pyarrow",
    "pyathena",
    "pyspark",
    "s3fs",
    "sklearn",
)
MOST = 60  # characters in a name, so that a line that imports from the project stays within 100


def find_project_name_problem(name: str) -> str | None:
    """Check a project's name by Kedro's own rule, which Kedro applies to `--name` only."""
    if not re.fullmatch(r"[\w -]{2,}", name):
        return "use two or more letters, digits, spaces, hyphens and underscores"
    return None


def find_repo_name_problem(name: str) -> str | None:
    """Check that every file system accepts the name of the project's folder."""
    if not re.fullmatch(r"[^\W_]([\w.-]*\w)?", name) or len(name) > MOST:
        return (
            f"use at most {MOST} letters, digits, hyphens, underscores and periods, a letter or digit first"
        )
    return None


def find_package_problem(name: str) -> str | None:
    """Check that the package can be imported and hides no package that the project imports."""
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name) or len(name) > MOST:
        return f"use at most {MOST} lowercase letters, digits and underscores, a letter first"
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name in IMPORTED:
        return "Python, or a package that the project uses, has this name"
    return None


def find_bucket_name_problem(name: str) -> str | None:
    """Check a bucket's name by the rules that conf/base/aws.yml is checked by."""
    required = find_bucket_problem(name)
    return required and f"S3 requires {required}"


def find_kedro_version_problem(version: str) -> str | None:
    """Check that a text is a version, since it is written into pyproject.toml."""
    return None if re.fullmatch(r"\d[\w.+]*", version) else "not a version of Kedro"


CHECKS = {
    "project_name": find_project_name_problem,
    "repo_name": find_repo_name_problem,
    "python_package": find_package_problem,
    "bucket": find_bucket_name_problem,
    "region": find_region_problem,
    "kedro_version": find_kedro_version_problem,
}


def find_first_problem(inputs: Mapping[str, object]) -> str | None:
    """Say which input is wrong, why, and what to do.

    Args:
        inputs: The values of a starter's cookiecutter.json by their keys.

    Returns:
        The sentences; None if nothing is wrong.
    """
    for key, find_problem in CHECKS.items():
        value = inputs[key]
        problem = find_problem(value) if isinstance(value, str) else "not a text"
        if problem:
            named = "" if key in ("region", "kedro_version") else "give another `--name`, or "
            advice = f"{named}set `{key}` in the file that `kedro new --config` takes."
            return f"{key} {value!r}: {end_sentence(problem)} {advice[0].upper()}{advice[1:]}"
    return None
