"""The template rendered by cookiecutter alone: what it holds, and what it refuses."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from pytest_cookies.plugin import Cookies

from kedro_aws_plugin.config.loader import read_config

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

INPUTS = {
    "default": {},
    "config": {
        "project_name": "Moon Prices",
        "repo_name": "moon",
        "python_package": "moon_prices",
        "bucket": "acme.moon-prices",
        "region": "us-gov-west-1",
        "kedro_version": "1.7.0",
    },
    "unicode": {"project_name": "Ünïcode Flügé 飛行"},
    "digits": {"project_name": "X 2026 11 21", "bucket": "20261121"},
    "long": {"project_name": "A Very Long Name " * 9},
}


STARTERS = ("aws-spaceflights", "aws-pyspark-iris")


PROJECTS = [
    pytest.param(each, id="-".join(each), marks=[] if each[1] == "default" else [pytest.mark.slow])
    for each in product(STARTERS, INPUTS)
]


@pytest.fixture(scope="module", params=PROJECTS)
def project(request: pytest.FixtureRequest, cookies_session: Cookies, starter: Path) -> Path:
    """A project that the tests only read, so that each is made once."""
    name, inputs = request.param
    baked = cookies_session.bake(extra_context=INPUTS[inputs], template=str(starter.with_name(name)))
    assert baked.exception is None
    return baked.project_path


def files(project: Path) -> list[Path]:
    return [path for path in project.rglob("*") if path.is_file()]


def texts(project: Path) -> dict[str, str]:
    return {
        path.relative_to(project).as_posix(): path.read_text("utf-8")
        for path in files(project)
        if path.suffix not in (".csv", ".xlsx")
    }


def test_is_small_and_has_nothing_to_delete(project: Path) -> None:
    assert len([path for path in files(project) if path.name != ".env"]) <= 26  # .env is of this user alone
    for name, text in texts(project).items():
        assert text.strip() or name == "conf/local/.gitkeep", f"{name} is empty"
        assert not re.search(r"(^\s*#.*\n){3}", text, re.MULTILINE), f"{name} has a block of comments"


def test_leaves_no_template_behind(project: Path) -> None:
    assert not [path for path in project.rglob("*") if "cookiecutter" in path.name]
    assert not [name for name, text in texts(project).items() if re.search(r"cookiecutter|\{\{|\{%", text)]


def test_mentions_no_endpoint_and_no_credentials(project: Path) -> None:
    conf = "".join(text for name, text in texts(project).items() if name.startswith("conf/"))
    assert not re.search(r"endpoint_url|credentials|access_key|secret|localhost|127\.0\.0\.1", conf)


def test_is_a_kedro_project(project: Path) -> None:
    metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    package = metadata["tool"]["kedro"]["package_name"]
    assert package == metadata["project"]["name"]
    assert (project / "src" / package / "pipeline_registry.py").is_file()
    assert (project / ".telemetry").read_text() == "consent: false\n"


def test_keeps_on_s3_what_outlives_a_run(project: Path) -> None:
    catalog = yaml.safe_load((project / "conf/base/catalog.yml").read_text("utf-8"))
    files = [entry.get("filepath") or entry["path"] for entry in catalog.values() if "query" not in entry]
    assert all(path.startswith("s3://${globals:bucket}/") for path in files)
    assert len(files) == len(catalog) - 1
    registry = yaml.safe_load((project / "conf/base/aws.yml").read_text("utf-8"))["registry"]
    versioned = {name for name, entry in catalog.items() if entry.get("versioned")}
    splits = {"train", "test"} & set(catalog)  # those of iris are Spark's, and made anew from its features
    assert versioned == {registry["model"], registry["metrics"], "predictions_plot", *splits}


@pytest.mark.parametrize(("env", "target"), [("local", "local"), ("aws", "aws")])
def test_the_plugin_reads_its_aws_yml(project: Path, env: str, target: str) -> None:
    loader = OmegaConfigLoader(str(project / "conf"), env, base_env="base", default_run_env="local")
    config = read_config(loader, project / "conf")
    assert (config.target, config.bucket) == (target, loader["globals"]["bucket"])
    assert config.registry.group == config.deploy.endpoint
    assert config.role_arn is None, "a role must be the user's own; deploy asks for it"


def test_passes_its_own_linter(project: Path) -> None:
    for arguments in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
        checked = subprocess.run(ruff, cwd=project, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", STARTERS)
def test_asks_for_the_name_alone(starter: Path, name: str) -> None:
    prompts = yaml.safe_load((starter.with_name(name) / "prompts.yml").read_text("utf-8"))
    assert set(prompts) == {"project_name"}
    allowed = prompts["project_name"]["regex_validator"]
    names = ("Moon Prices", "x-1", "飛行", "a", "a/b", "")
    assert [bool(re.match(allowed, each)) for each in names] == [True, True, True, False, False, False]


def test_requires_the_local_aws_for_development_alone(project: Path) -> None:
    stated = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    (plugin,) = (each for each in stated["dependencies"] if each.startswith("kedro-aws-plugin["))
    assert plugin in {"kedro-aws-plugin[athena,s3]", "kedro-aws-plugin[athena,s3,spark]"}
    assert "kedro-aws-plugin[local]" in stated["optional-dependencies"]["dev"]


def test_takes_the_region_and_bucket_given(cookies: Cookies, starter: Path) -> None:
    project = cookies.bake(extra_context=INPUTS["config"], template=str(starter)).project_path
    assert project.name == "moon"
    assert yaml.safe_load((project / "conf/base/aws.yml").read_text())["region"] == "us-gov-west-1"
    assert yaml.safe_load((project / "conf/base/globals.yml").read_text()) == {"bucket": "acme.moon-prices"}
    assert (project / "src/moon_prices/__main__.py").is_file()


NAME = "Give another `--name`, or set `{}` in the file that `kedro new --config` takes."
ONLY = "Set `{}` in the file that `kedro new --config` takes."
WORDS = "use two or more letters, digits, spaces, hyphens and underscores."
PACKAGE = "use at most 60 lowercase letters, digits and underscores, a letter first."
FOLDER = "use at most 60 letters, digits, hyphens, underscores and periods, a letter or digit first."
TAKEN = "Python, or a package that the project uses, has this name."
LETTERS = "S3 requires 3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends."
DOTS = "S3 requires no two dots in a row and no IP address."
PREFIXES = "S3 requires none of the reserved prefixes xn--, sthree-, amzn-s3-demo-."
SUFFIXES = "S3 requires none of the reserved suffixes -s3alias, --ol-s3, .mrap, --x-s3, --table-s3."
REGION = "not an AWS region; did you mean `{}`?"
REFUSED = [
    ("project_name", 'Fly"me', WORDS, NAME),
    ("project_name", "'''\nimport os\n'''\\", WORDS, NAME),
    ("project_name", "a: {b} #c", WORDS, NAME),
    ("project_name", "<script>", WORDS, NAME),
    ("project_name", '"""\\"', WORDS, NAME),
    ("repo_name", "../outside", FOLDER, NAME),
    ("repo_name", "-rf", FOLDER, NAME),
    ("python_package", "3_flights", PACKAGE, NAME),
    ("python_package", "flüge", PACKAGE, NAME),
    ("python_package", "import", TAKEN, NAME),
    ("python_package", "kedro", TAKEN, NAME),
    ("python_package", "local_aws", TAKEN, NAME),
    ("bucket", "ab", LETTERS, NAME),
    ("bucket", "a" * 64, LETTERS, NAME),
    ("bucket", "My_Bucket", LETTERS, NAME),
    ("bucket", "bucket-", LETTERS, NAME),
    ("bucket", "a..b", DOTS, NAME),
    ("bucket", "192.168.5.4", DOTS, NAME),
    ("bucket", "xn--bucket", PREFIXES, NAME),
    ("bucket", "sthree-bucket", PREFIXES, NAME),
    ("bucket", "amzn-s3-demo-bucket", PREFIXES, NAME),
    ("bucket", "bucket-s3alias", SUFFIXES, NAME),
    ("bucket", "bucket--ol-s3", SUFFIXES, NAME),
    ("bucket", "bucket.mrap", SUFFIXES, NAME),
    ("bucket", "bucket--x-s3", SUFFIXES, NAME),
    ("bucket", "bucket--table-s3", SUFFIXES, NAME),
    ("bucket", None, "not a text.", NAME),
    ("region", "eu-wset-1", REGION.format("eu-west-1"), ONLY),
    ("region", "EU-CENTRAL-1", REGION.format("eu-central-1"), ONLY),
    ("region", "", "not an AWS region; one looks like eu-west-1.", ONLY),
    ("kedro_version", '1"\nx = "', "not a version of Kedro.", ONLY),
]


@pytest.mark.slow
@pytest.mark.parametrize(("key", "value", "problem", "advice"), REFUSED)
def test_refuses_in_one_line_and_leaves_nothing(
    *,
    cookies: Cookies,
    starter: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    key: str,
    value: str | None,
    problem: str,
    advice: str,
) -> None:
    before = set(tmp_path.rglob("*"))
    baked = cookies.bake(extra_context={key: value}, template=str(starter))
    assert baked.exception is not None
    assert capfd.readouterr().err.splitlines()[0] == f"{key} {value!r}: {problem} {advice.format(key)}"
    assert not [path for path in set(tmp_path.rglob("*")) - before if path.parent.name.startswith("bake")]


def test_a_slash_in_the_folders_name_leaves_an_empty_folder(
    cookies: Cookies, starter: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Cookiecutter makes `a/b` before it runs our check, and removes only `b` again."""
    baked = cookies.bake(extra_context={"repo_name": "a/b"}, template=str(starter))
    assert baked.exception is not None
    assert capfd.readouterr().err.startswith(f"repo_name 'a/b': {FOLDER}")
    assert [list(folder.iterdir()) for folder in tmp_path.rglob("a")] == [[]]


def test_refuses_a_name_without_letters(
    cookies: Cookies, starter: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cookies.bake(extra_context={"project_name": "--"}, template=str(starter)).exception is not None
    assert capfd.readouterr().err.startswith(f"python_package '': {PACKAGE}")


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-isob-east-1", "eusc-de-east-1", "mx-central-1", "ap-southeast-7"]
)
def test_takes_regions_of_every_partition(cookies: Cookies, starter: Path, region: str) -> None:
    assert cookies.bake(extra_context={"region": region}, template=str(starter)).exception is None


def test_every_starter_refuses_the_same(
    cookies: Cookies, starter: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in STARTERS:
        baked = cookies.bake(extra_context={"bucket": "ab"}, template=str(starter.with_name(name)))
        assert baked.exception is not None
        assert capfd.readouterr().err.startswith(f"bucket 'ab': {LETTERS}")
