"""Every block of code in the README and the documentation runs, or says why it does not."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import forking_kedro
import pytest
from doc_pages import PAGES, REASONS, ROOT, SHELLS, Block, blocks, get_story, prose
from story import Story, compare

READ = [ROOT / "README.md", *PAGES]
STORIES = [page for page in READ if get_story(page)]
STEPS = {
    "an empty folder": (None, []),
    "a new project": ("an empty folder", ['kedro new --starter=aws-spaceflights --name "My Flights"']),
    "a project that has run": ("a new project", ["kedro run"]),
    "a project with an endpoint": (
        "a project that has run",
        ["kedro aws register-model --approve", "kedro aws deploy"],
    ),
}
"""Where a story begins, and how one gets there from another beginning."""
PROJECT = "my-flights"


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", READ, ids=_name)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a reader's shell, in which `kedro` starts quickly."""
    folder = tmp_path_factory.mktemp("bin")
    others = ("AWS_", "COVERAGE_", "KEDRO_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    path = [str(folder), str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]
    process = forking_kedro.start(folder, kept)
    try:
        yield {
            **kept,
            "PATH": os.pathsep.join(path),
            "KEDRO_DISABLE_TELEMETRY": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",  # OpenMP's threads wait by spinning, which others pay for
            "STORY_FILES": str(Path(__file__).with_name("files")),
        }
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def beginnings(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> Callable[[str], Path]:
    """Give the folder of a beginning; what it takes is done once."""
    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            former, commands = STEPS[name]
            folder = tmp_path_factory.mktemp("beginning") / "folder"
            if former is None:
                folder.mkdir()
            else:
                shutil.copytree(make(former), folder)
            story = Story(folder, environment)
            for command in commands:
                story.run(f"cd {PROJECT}\n{command}" if (folder / PROJECT).is_dir() else command)
                story.run(f"cd {folder}")
            story.end()
            made[name] = folder
        return made[name]

    return make


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", STORIES, ids=_name)
def test_page_is_true(
    page: Path, beginnings: Callable[[str], Path], environment: dict[str, str], tmp_path: Path
) -> None:
    beginning = get_story(page)
    assert beginning in STEPS
    folder = tmp_path / "folder"
    shutil.copytree(beginnings(beginning), folder)
    story = Story(folder, environment)
    try:
        if (folder / PROJECT).is_dir():
            story.run(f"cd {PROJECT}")
        story.tell(page)
    finally:
        story.end()


@every_page
def test_a_block_runs_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        reason = block.get_note("not run")
        if reason is None:
            assert _is_checked(page, block), f"{_name(page)}:{block.line}: say why it is not run"
        else:
            assert reason in REASONS, f"{_name(page)}:{block.line}: {reason}"


def _is_checked(page: Path, block: Block) -> bool:
    """Tell whether a story runs it, or the tests of YAML hold it against the code."""
    if block.language == "yaml":
        return bool(block.title)
    return get_story(page) is not None and (
        block.language in {*SHELLS, "python", "text"} or bool(block.title)
    )


@every_page
def test_code_is_in_fences(page: Path) -> None:
    """What is only indented, no test would find."""
    assert len(re.findall(r"```", page.read_text(encoding="utf-8"))) == 2 * len(list(blocks(page)))
    text = re.sub(r"^ *(?:[-*]|\d+\.) .*\n(?:(?:    ?.*)?\n)*", "", prose(page), flags=re.MULTILINE)
    text = re.sub(r"^(?:!!!|:::) .*\n(?:(?: {4}.*)?\n)*", "", text, flags=re.MULTILINE)
    assert re.findall(r"\n\n(    \S.*)", text) == []


def test_the_demo_in_the_readme_is_that_of_the_script() -> None:
    script = (ROOT / "scripts" / "demo.py").read_text(encoding="utf-8")
    demo, _ = [block for block in blocks(ROOT / "README.md") if block.get_note("not run") == "is the demo"]
    shown = re.findall(r"^\$ (kedro .*?)   # (.*)$", demo.text, re.MULTILINE)
    assert len(shown) > 4
    for part in (part for line in shown for part in line):
        assert part in script


def test_what_runs_the_others_exists() -> None:
    used = {block.get_note("not run") for page in READ for block in blocks(page)} - {None}
    assert used == set(REASONS)
    assert [path for path in REASONS.values() if path and not (ROOT / path).exists()] == []


@every_page
def test_what_another_page_tells_is_there(page: Path) -> None:
    told = [block for block in blocks(page) if block.get_note("not run") == "is told in another page"]
    other = ROOT / str(REASONS["is told in another page"])
    there = "".join(block.text for block in blocks(other) if block.get_note("not run") is None)
    for command in re.findall(
        r"^(kedro [\w-]+(?: [\w-]+)?)", "".join(block.text for block in told), re.MULTILINE
    ):
        assert f"$ {command}" in there


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("Endpoint a is in service", "Endpoint b is in service"),
        ("first\nlast", "first\nmiddle\nlast"),
        ("first\n...\nlast", "first\nmiddle"),
        ("version  r2\n1  0.754", "version  r2\n2  0.754"),
        ("local AWS at http://127.0.0.1:1, eu-west-1", "local AWS at http://127.0.0.1:1, us-east-1"),
    ],
)
def test_comparing_finds_what_is_not_true(shown: str, printed: str) -> None:
    compare(printed, printed)
    with pytest.raises(AssertionError, match="the page shows"):
        compare(shown, printed)


def test_a_story_ends_at_the_first_command_that_fails(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    page = tmp_path / "page.md"
    page.write_text("```console\n$ export A=1 && mkdir b && cd b\n$ echo $A; pwd\n1\n...\n```\n", "utf-8")
    story = Story(folder, dict(os.environ))
    story.tell(page)
    assert story.last_output == f"1\n{folder / 'b'}\n"
    page.write_text("```console\n$ false\n```\n", "utf-8")
    with pytest.raises(AssertionError, match=r"page\.md:1: `false"):
        story.tell(page)
    page.write_text("```python\nimport os\n1 / 0\n```\n", "utf-8")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        story.tell(page)
    story.end()


@pytest.mark.slow
def test_what_is_quick_is_what_the_program_prints(environment: dict[str, str]) -> None:
    programs = [Path(folder) / "kedro" for folder in environment["PATH"].split(os.pathsep)[:2]]
    quick, real = (
        subprocess.run(
            [program, "aws", "--help"], env=environment, capture_output=True, text=True, check=True
        )
        for program in programs
    )
    assert "register-model" in quick.stdout
    start = quick.stdout.index("Usage: ")  # before it is the time
    assert quick.stdout[start:] == real.stdout[real.stdout.index("Usage: ") :]
    assert quick.stderr == real.stderr
