"""Refuse what Python or AWS would refuse later, before a file is written and in one sentence.

`kedro new` checks the project's name; whatever else its `--config` file sets arrives here unread.
"""

import difflib
import json
import keyword
import re
import sys

# Cookiecutter renders this. JSON never holds three quotes in a row, so no value can end the string it is in.
INPUTS = json.loads(r"""{{ dict(cookiecutter) | tojson }}""")

IMPORTED = ("boto3", "kedro", "kedro_aws_plugin", "kedro_datasets", "numpy", "pandas", "s3fs", "sklearn")
LEAST, MOST = 3, 63  # characters in a name
BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)?-(north|south|east|west|central|(north|south)(east|west))-\d")
REGIONS = (  # the most used, to name the nearest to a wrong one
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-west-1", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-east-1"),
    *("me-central-1", "il-central-1", "af-south-1", "cn-north-1", "cn-northwest-1"),
)


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


def bucket_problem(name: str) -> str | None:
    """Apply S3's rules for the names of general purpose buckets."""
    rules = {
        f"S3 wants {LEAST} to {MOST} characters": LEAST <= len(name) <= MOST,
        "S3 wants lowercase letters, digits, hyphens and periods, and a letter or digit at both ends": (
            re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name)
        ),
        "S3 allows no two periods in a row": ".." not in name,
        "S3 allows no IP address": not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name),
        f"S3 reserves the prefixes {', '.join(BUCKET_PREFIXES)}": not name.startswith(BUCKET_PREFIXES),
        f"S3 reserves the suffixes {', '.join(BUCKET_SUFFIXES)}": not name.endswith(BUCKET_SUFFIXES),
    }
    return next((rule for rule, holds in rules.items() if not holds), None)


def region_problem(name: str) -> str | None:
    """Know a region by its form, since AWS opens new ones; name the nearest of the known."""
    if REGION.fullmatch(name):
        return None
    nearest = difflib.get_close_matches(name.lower(), REGIONS, n=1) or [REGIONS[0]]
    return f"not the name of an AWS region, such as {nearest[0]}"


def kedro_version_problem(version: str) -> str | None:
    """Let nothing but a version into pyproject.toml."""
    return None if re.fullmatch(r"\d[\w.+]*", version) else "not a version of Kedro"


CHECKS = {
    "project_name": project_name_problem,
    "repo_name": repo_name_problem,
    "python_package": python_package_problem,
    "bucket": bucket_problem,
    "region": region_problem,
    "kedro_version": kedro_version_problem,
}


def first_problem(inputs: dict[str, object]) -> str | None:
    """Say which input is wrong, why, and what to do."""
    for key, find_problem in CHECKS.items():
        value = inputs[key]
        problem = find_problem(value) if isinstance(value, str) else "not a text"
        if problem:
            named = "" if key in ("region", "kedro_version") else "give another `--name`, or "
            advice = f"{named}set `{key}` in the file that `kedro new --config` takes."
            return f"{key} {value!r}: {problem}. {advice[0].upper()}{advice[1:]}"
    return None


if __name__ == "__main__":
    sys.exit(first_problem(INPUTS))
