"""The documentation against the code: commands, options, keys, defaults, permissions, links, code."""

import ast
import dataclasses
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import click
import markdown
import pytest
import yaml
from botocore import xform_name
from kedro.io import AbstractDataset
from markdown.extensions.toc import slugify
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from kedro_aws_plugin.cli import aws
from kedro_aws_plugin.config import AwsConfig
from kedro_aws_plugin.datasets.defaults import AthenaDefaults, use
from kedro_aws_plugin.local.service_model import service_model
from kedro_aws_plugin.plan import steps

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "kedro_aws_plugin"
REFERENCE = DOCS / "reference"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "changelog.d" not in page.parts)
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]
SHELLS = {"console", "bash", "sh", "shell"}

pages = pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.relative_to(ROOT).as_posix())


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    language: str
    title: str
    text: str


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for language, rest, body in re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        title = re.search(r'title="([^"]*)"', rest)
        yield Block(language, title.group(1) if title else "", body)


def _prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def _leaves(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from _leaves(child, (*path, name))


COMMANDS = dict(_leaves(aws))


def _options(command: click.Command) -> set[str]:
    options = [param for param in command.params if isinstance(param, click.Option)]
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


# Commands


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    page = markdown.Markdown(extensions=["mkdocs-click", "fenced_code"]).convert(text)
    sections = re.split(r"<h\d", page)
    for path, command in COMMANDS.items():
        usage = f">kedro aws {' '.join(path)} [OPTIONS]"
        (section,) = [section for section in sections if usage in section]
        assert [option for option in _options(command) if option not in section] == [], path


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_readme_and_in_a_guide(path: tuple[str, ...]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| `kedro aws ")]
    names = {tuple(name.split()) for row in rows for name in _first_cell_commands(row)}
    assert path in names
    guides = "\n".join(
        page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md") if page.parent != REFERENCE
    )
    assert f"kedro aws {' '.join(path)}" in guides


def _first_cell_commands(row: str) -> list[str]:
    """`kedro aws local start`, `stop` -> local start, local stop."""
    named = re.findall(r"`([^`]+)`", row.split("|")[1])
    first = named[0].removeprefix("kedro aws ")
    group = first.rpartition(" ")[0]
    return [first, *(f"{group} {name}".strip() for name in named[1:])]


def test_the_readme_lists_no_command_that_does_not_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| `kedro aws ")]
    assert {tuple(name.split()) for row in rows for name in _first_cell_commands(row)} == set(COMMANDS)


def _command_lines(page: Path) -> Iterator[str]:
    lines = [line for block in _blocks(page) if block.language in SHELLS for line in block.text.splitlines()]
    text = _prose(page)
    lines += re.findall(r"^    (kedro .*)$", text, re.MULTILINE)
    lines += re.findall(r"(?<!`)`(kedro [^`]*)`", text)
    for line in lines:
        for part in re.split(r"\||&&|\$\(|;|[<>]", line.removeprefix("$ ")):
            found = re.match(r'\s*(?:eval ")?(kedro aws\b[^#]*)', part)
            if found:
                yield found.group(1).rstrip(' )"').strip() if "eval" in line else found.group(1).strip()


@pages
def test_command_lines_name_existing_commands_and_options(page: Path) -> None:
    for line in _command_lines(page):
        _check_command_line(line, shlex.split(line)[2:])


def _check_command_line(line: str, words: list[str]) -> None:
    """Resolve the command, then let click itself parse what follows."""
    command: click.Command = aws
    context = click.Context(aws, info_name="kedro aws")
    while isinstance(command, click.Group) and words:
        child = command.get_command(context, words[0])
        assert child is not None, f"{line}: no command {words[0]}"
        command, words = child, words[1:]
    if isinstance(command, click.Group):  # the group itself is meant
        return
    try:
        command.make_context(command.name, [word for word in words if word != "..."])
    except click.UsageError as error:
        pytest.fail(f"{line}: {error.message}")


def test_the_check_of_command_lines_finds_mistakes() -> None:
    for line in (
        "kedro aws fly",
        "kedro aws deploy --wings",
        "kedro aws deploy --mode flying",
        "kedro aws models 3",
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            _check_command_line(line, shlex.split(line)[2:])


# aws.yml


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each key with its default; a section comes before its keys."""
    for name, field in model.model_fields.items():
        if model is AwsConfig and name == "env":  # never read from a file
            continue
        default = ... if field.default is PydanticUndefined else field.default
        yield f"{prefix}{name}", default
        for option in (field.annotation, *get_args(field.annotation)):
            if isinstance(option, type) and issubclass(option, BaseModel):
                named = {"tables": "<table>.", "globals": "<name>."}.get(name, "")  # the user's own keys
                yield from _keys(option, f"{prefix}{name}.{named}")


def _rows() -> dict[str, list[str]]:
    text = (REFERENCE / "aws-yml.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    return {row[0].strip("`"): row for row in rows}


def _default(key: str, default: Any) -> str:
    if key == "target":
        return "by environment"
    if default is ...:
        return "required"
    if isinstance(default, BaseModel):
        return "its defaults"
    if isinstance(default, str):
        return f"`{default}`"
    return f"`{json.dumps(default)}`"


def test_every_key_of_aws_yml_is_documented_with_its_default() -> None:
    documented = {key: row[2] for key, row in _rows().items()}
    assert documented == {key: _default(key, default) for key, default in _keys(AwsConfig)}


def test_every_key_has_a_type_and_a_rule() -> None:
    for key, row in _rows().items():
        assert len(row) == 4, key
        assert all(row), key


@pages
def test_yaml_blocks_parse_and_aws_yml_blocks_are_valid(page: Path) -> None:
    for block in _blocks(page):
        if block.language != "yaml":
            continue
        values = yaml.safe_load(block.text)
        assert values is not None, block
        if block.title.endswith("aws.yml"):
            _check_aws_yml(block.title.split("/")[1], values)


def _check_aws_yml(env: str, values: dict[str, Any]) -> None:
    base = {"region": "eu-west-1", "bucket": "my-bucket", "target": "aws", "env": env}
    filled = json.loads(json.dumps(values).replace("${globals:bucket}", "my-bucket"))
    AwsConfig.model_validate({**base, **filled})


@pages
def test_datasets_of_ours_in_yaml_blocks_can_be_made(page: Path) -> None:
    values = [yaml.safe_load(block.text) for block in _blocks(page) if block.language == "yaml"]
    entries = {
        name: entry
        for block in values
        for name, entry in block.items()
        if isinstance(entry, dict) and str(entry.get("type")).startswith("kedro_aws_plugin.")
    }
    use(AthenaDefaults(database="my_flights", output_location="s3://my-bucket/athena/"))
    try:
        for name, entry in entries.items():
            AbstractDataset.from_config(name, entry)
    finally:
        use(AthenaDefaults())
    assert entries or page.name != "query-athena.md"


# Permissions


OPERATION_ACTIONS = {
    "HeadBucket": {"s3:ListBucket"},
    "CreateMultipartUpload": {"s3:PutObject"},
    "UploadPart": {"s3:PutObject"},
    "CompleteMultipartUpload": {"s3:PutObject"},
    "HeadObject": {"s3:GetObject"},
    "ListObjectsV2": {"s3:ListBucket"},
    "DeleteObjects": {"s3:DeleteObject"},
    # Without the second, S3 says "denied" of an object that is absent.
    "GetObject": {"s3:GetObject", "s3:ListBucket"},
    "GetResources": {"tag:GetResources"},
    "GetCallerIdentity": set(),  # needs none
}
READS_BY_CONFIGURATION = {
    "register-model": {"s3:GetObject", "s3:ListBucket"},
    "globals": {"ssm:GetParameter", "secretsmanager:GetSecretValue"},
}
PLANNERS = {
    "bootstrap": "plan/bootstrap.py",
    "register-model": "plan/register.py",
    "approve-model": "plan/approval.py",
    "reject-model": "plan/approval.py",
    "deploy": "plan/endpoint.py",
    "predict": "plan/prediction.py",
    "destroy": "plan/teardown.py",
    "globals": None,
    "models": None,
    "spark-jars": None,
    "status": None,
}
SERVICES = (
    *("cloudformation", "sagemaker", "sagemaker-runtime", "s3", "sts", "resourcegroupstaggingapi"),
    *("ssm", "secretsmanager"),
)
OF_DATASETS = ("athena", "glue")


def _operations_by_method() -> dict[str, tuple[str, str]]:
    """describe_model -> (sagemaker, DescribeModel)"""
    return {
        xform_name(operation): (service, operation)
        for service in SERVICES
        for operation in service_model(service).operation_names
    }


METHODS = _operations_by_method()


def _actions(service: str, operation: str) -> set[str]:
    return OPERATION_ACTIONS.get(operation, {f"{service.removesuffix('-runtime')}:{operation}"})


def _calls(node: ast.AST) -> tuple[set[str], set[str]]:
    """The IAM actions of the AWS calls within a piece of code, and the names of whatever else it mentions."""
    actions: set[str] = set()
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        method = call.func.attr
        if method == "get_paginator":
            assert isinstance(call.args[0], ast.Constant)
            method = str(call.args[0].value)
        if method in METHODS:
            actions |= _actions(*METHODS[method])
    return actions, {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _functions() -> dict[str, tuple[set[str], set[str]]]:
    files = [
        *sorted((PACKAGE / "aws").glob("*.py")),
        PACKAGE / "payload_source.py",
        PACKAGE / "registration.py",
    ]
    return {
        node.name: _calls(node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


FUNCTIONS = _functions()


def _reached(names: set[str], seen: set[str] | None = None) -> set[str]:
    """The actions of the functions in aws/ with these names, and of those they call."""
    seen = set() if seen is None else seen
    actions: set[str] = set()
    for name in sorted(names & FUNCTIONS.keys() - seen):
        seen.add(name)
        own, callees = FUNCTIONS[name]
        actions |= own | _reached(callees, seen)
    return actions


def _step_actions(step: type) -> set[str]:
    actions = _actions(step.service, step.operation)  # type: ignore[attr-defined]
    fields = {field.name for field in dataclasses.fields(step)}
    tagged = step.service == "sagemaker" and "tags" in fields  # type: ignore[attr-defined]
    actions |= {"sagemaker:AddTags"} if tagged else set()
    actions |= {"iam:PassRole"} if "role_arn" in fields else set()
    return actions | (_reached({"upload_file"}) if step is steps.UploadFile else set())


def _mentioned(file: Path) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name)
    }


def _needed(name: str) -> set[str]:
    module = COMMANDS[(name,)].callback.__module__
    actions = _reached(_mentioned(ROOT.joinpath(*module.split(".")).with_suffix(".py")))
    planner = PLANNERS[name]
    planned = _mentioned(PACKAGE / planner) if planner else set()
    for each in sorted(planned & set(steps.__all__) - {"Request", "Step"}):
        actions |= _step_actions(getattr(steps, each))
    if "WaitForStack" in planned:  # a step that asks for more than it is called after
        actions |= _reached({"wait_stack"})
    return actions | READS_BY_CONFIGURATION.get(name, set())


def _documented_actions() -> dict[str, set[str]]:
    text = (REFERENCE / "permissions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", text, re.MULTILINE)
    return {name: set(re.findall(r"`([^`]+)`", actions)) for name, actions in rows}


@pytest.mark.parametrize("name", PLANNERS)
def test_permissions_of_a_command_are_those_its_calls_need(name: str) -> None:
    assert _documented_actions()[name] == _needed(name)


def test_every_command_and_every_call_has_its_permission() -> None:
    documented = _documented_actions()
    assert set(documented) == {path[0] for path in COMMANDS if len(path) == 1} == set(PLANNERS)
    every_call = set().union(*(own for own, _ in FUNCTIONS.values()))
    every_call |= _calls(ast.parse((PACKAGE / "apply.py").read_text(encoding="utf-8")))[0]
    assert every_call <= set().union(*documented.values())


def test_the_policy_allows_what_the_commands_need_and_no_more() -> None:
    (block,) = [block for block in _blocks(REFERENCE / "permissions.md") if block.language == "json"]
    actions: set[str] = set()
    for statement in json.loads(block.text)["Statement"]:
        action = statement["Action"]
        actions |= {action} if isinstance(action, str) else set(action)
    assert actions == set().union(*_documented_actions().values())


def test_every_resource_of_the_stack_has_its_permissions() -> None:
    text = (REFERENCE / "permissions.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(AWS::[\w:]+)` \| `\w+:\w+`", text, re.MULTILINE)
    source = (PACKAGE / "plan" / "stack_template.py").read_text(encoding="utf-8")
    assert sorted(documented) == sorted(re.findall(r'"Type": "(AWS::[\w:]+)"', source))


def test_every_call_of_the_datasets_has_its_permission() -> None:
    section = (REFERENCE / "permissions.md").read_text(encoding="utf-8").partition("## The datasets")[2]
    documented = set(re.findall(r"`((?:athena|glue):\w+)`", section))
    methods = {
        xform_name(operation): f"{service}:{operation}"
        for service in OF_DATASETS
        for operation in service_model(service).operation_names
    }
    called = {
        methods[name]
        for file in ("athena", "glue")
        for name in re.findall(r"\b([a-z_]+)\(|get_paginator\(\"([a-z_]+)\"\)", _source(f"aws/{file}.py"))
        for name in name
        if name in methods
    }
    assert called
    assert called <= documented


def _source(file: str) -> str:
    return (PACKAGE / file).read_text(encoding="utf-8")


# Links and code


@pages
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", _prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page}: {target}"


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", _prose(page), re.MULTILINE)
    return {slugify(re.sub(r"[`*]", "", head), "-") for head in heads}


@pages
def test_python_blocks_compile(page: Path) -> None:
    for block in _blocks(page):
        if block.language == "python":
            compile(block.text, f"{page.name}: {block.title or block.text.splitlines()[0]}", "exec")


@pages
def test_json_blocks_parse(page: Path) -> None:
    for block in _blocks(page):
        if block.language == "json":
            json.loads(block.text)


@pages
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    assert not re.search(
        r"\b(TODO|TBD|FIXME|XXX|lorem|coming soon)\b", page.read_text(encoding="utf-8"), re.IGNORECASE
    )


@pages
def test_modules_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:aws|cli|config|local|plan|model_artifact)/[\w/]+\.py|apply\.py)`", text):
        assert (PACKAGE / name).is_file(), f"{page}: {name}"


def test_versions_named_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (kedro,) = re.findall(r'"kedro>=([\d.]+),<2"', project)
    (first, beyond) = re.findall(r'requires-python = ">=([\d.]+),<3\.(\d+)"', project)[0]
    pythons = f"Python {first} to 3.{int(beyond) - 1}"
    assert f"{pythons} and Kedro {kedro} or a later 1.x" in (DOCS / "index.md").read_text(encoding="utf-8")
    assert pythons in (ROOT / "README.md").read_text(encoding="utf-8")


def test_extras_in_the_readme_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = project.split("[project.optional-dependencies]")[1].split("\n[")[0]
    extras = set(re.findall(r"^(\w+) = \[", section, re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("| extra | brings |")[1].split("\n\n")[0]
    named = {
        name for row in table.splitlines() if "|" in row for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert named == extras


# Navigation, decisions, changelog


def _nav(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else _nav(value)


def test_every_page_is_in_the_navigation() -> None:
    nav = list(_nav(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    assert sorted(nav) == [page.relative_to(DOCS).as_posix() for page in PAGES]


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "adr" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", index)
    assert listed == sorted(path.name for path in (DOCS / "adr").glob("0*.md"))


def test_changelog_fragments_have_names_that_towncrier_knows() -> None:
    fragments = [path for path in (DOCS / "changelog.d").iterdir() if path.name != ".gitignore"]
    for fragment in fragments:
        assert re.fullmatch(
            r"(\d+|\+[\w-]+)\.(feature|bugfix|doc|removal|misc)(\.\d+)?\.md", fragment.name
        ), fragment
        assert fragment.read_text(encoding="utf-8").strip(), fragment


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "--site-dir",
            str(tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    assert [path for path in COMMANDS if f"kedro aws {' '.join(path)}" not in commands] == []
    assert "fonts.googleapis.com" not in commands
