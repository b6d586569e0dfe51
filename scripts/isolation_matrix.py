"""Count what leaves for the AWS that is not in force, and write the table of docs/concepts/isolation.md.

    python scripts/isolation_matrix.py            # all of it: as root on Linux in a network without a way out
    python scripts/isolation_matrix.py --write    # and put the table into the documentation
    python scripts/isolation_matrix.py --only run ipython --libraries boto3

Each row is a way to run a project, each column a library. With the local AWS in force, a proxy and a resolver
of names count the requests that would have left this machine; with the real AWS in force, a listener that
stands for the local one counts what reaches it. The hostile environment points everything the wrong way.

A library that fails says nothing about where its requests go, so its cell says so: with the local AWS, if it
got no answer; with the real AWS, which cannot be reached, if nothing was on its way there.

As root on Linux, the script moves into a network namespace whose only name server is its own, so that Java
and C++ are seen too. Elsewhere only the proxy and Python's resolver count.
"""

import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "concepts" / "isolation.md"
BEGIN, END = "<!-- isolation matrix -->", "<!-- end of the isolation matrix -->"
DRIVERS = ("run", "viz", "ipython", "packaged", "pytest", "service", "projects")
LIBRARIES = ("catalog", "athena", "boto3", "awswrangler", "pyarrow", "spark", "sagemaker")
TITLES = {
    "run": "`kedro run`",
    "viz": "`kedro viz build --include-previews`",
    "ipython": "IPython, after `%reload_kedro` to the other AWS and back",
    "packaged": "`python -m <package>`",
    "pytest": "pytest",
    "service": "`KedroServiceSession`",
    "projects": "two projects in one process",
    "catalog": "catalog on S3",
    "athena": "Athena",
    "boto3": "boto3",
    "awswrangler": "awswrangler",
    "pyarrow": "pyarrow.fs",
    "spark": "Spark",
    "sagemaker": "SageMaker SDK",
}
Cells = dict[tuple[str, str, str], list[int | str]]
NEW_NETWORK, NEW_MOUNTS, BIND, PRIVATE = 0x40000000, 0x00020000, 0x1000, 0x44000
STRAYS = (".com", ".aws", ".cn", ".invalid")
"""The ends of names that somebody asks for on the way out; this machine asks for its own name too."""

FAILED = "failed"

PROJECT = {
    "pyproject.toml": """
        [tool.kedro]
        package_name = "matrix"
        project_name = "Matrix"
        kedro_init_version = "1.4.0"
    """,
    "conf/base/aws.yml": "region: eu-west-1\nbucket: {bucket}\nspark: {{enabled: {spark}}}\n",
    "conf/base/catalog.yml": """
        table: {{type: pandas.CSVDataset, filepath: "s3://{bucket}/data/raw/table.csv"}}
        query: {{type: kedro_aws_plugin.datasets.AthenaQueryDataset, query: SELECT 1 AS one, mode: select,
                output_location: "s3://{bucket}/athena/"}}
        done: {{type: MemoryDataset}}
    """,
    "conf/base/spark.yml": "{settings}\n",
    "conf/base/parameters.yml": "seed: 1\n",
    "conf/logging.yml": "version: 1\ndisable_existing_loggers: false\nroot: {{level: ERROR}}\n",
    "conf/local/.gitkeep": "",
    "conf/aws/.gitkeep": "",
    "data/raw/table.csv": "a,b\n1,2\n",
    "src/matrix/__init__.py": "",
    "src/matrix/__main__.py": """
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project

        configure_project("matrix")
        find_run_command("matrix")()
    """,
    "src/matrix/settings.py": """
        import os
        if os.environ.get("MATRIX_ACCOUNT"):  # the real AWS, without its answer about the account
            import kedro_aws_plugin.aws.session as session
            session.find_account = lambda aws, env: "123456789012"
        import matrix.probes  # whose client is older than the choice of an AWS
    """,
    "src/matrix/probes.py": (Path(__file__).with_name("isolation_probes.py")).read_text(encoding="utf-8"),
    "src/matrix/pipeline_registry.py": """
        import os
        from kedro.pipeline import node, pipeline
        from matrix.probes import probe

        def probe_all(table):
            return probe()

        def register_pipelines():
            if os.environ["MATRIX_DRIVER"] == "viz":
                probe()
            return {{"__default__": pipeline([node(probe_all, "params:seed", "done")])}}
    """,
    "tests/test_matrix.py": """
        import os
        from pathlib import Path
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project

        def test_matrix():
            bootstrap_project(Path.cwd())
            with KedroSession.create(Path.cwd(), env=os.environ["MATRIX_ENV"]) as session:
                session.run()
    """,
}
SCRIPTS = {
    "ipython": """
        import os
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "kedro.ipython")
        env = os.environ["MATRIX_ENV"]
        shell.run_line_magic("reload_kedro", f". --env={env}")
        catalog = shell.user_ns["catalog"]
        if env == "local":
            os.environ.pop("MATRIX_ACCOUNT", None)
            try:  # without the account, this fails and leaves everything as it was
                shell.run_line_magic("reload_kedro", ". --env=aws")
            except BaseException as error:
                assert "account of the environment" in str(error), error
            from urllib.request import ProxyHandler, build_opener  # asking STS for that was meant for AWS
            build_opener(ProxyHandler({})).open(os.environ["MATRIX_COUNTS"] + "/matrix-forget").read()
        else:
            shell.run_line_magic("reload_kedro", ". --env=local")
            shell.run_line_magic("reload_kedro", ". --env=aws")
        from matrix.probes import probe
        probe(catalog)
    """,
    "service": """
        import os
        from pathlib import Path
        from kedro.framework.session import KedroServiceSession
        from kedro.framework.startup import bootstrap_project
        bootstrap_project(Path.cwd())
        with KedroServiceSession.create(Path.cwd(), env=os.environ["MATRIX_ENV"]) as session:
            session.run()
    """,
    "projects": """
        import os, sys
        from pathlib import Path
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project
        bootstrap_project(Path.cwd())
        env = os.environ["MATRIX_ENV"]
        def open_catalog(path, env):
            return KedroSession.create(path, env=env).load_context().catalog
        catalog = open_catalog(Path.cwd(), env)
        from matrix.probes import probe
        os.environ["KEDRO_AWS_STATE_DIR"] = os.environ["MATRIX_OTHER"] + "/.kedro-aws"
        if env == "local":
            open_catalog(Path(os.environ["MATRIX_OTHER"]), env)
        else:
            open_catalog(Path(os.environ["MATRIX_OTHER"]), "local")
            catalog = open_catalog(Path.cwd(), env)
        probe(catalog)
    """,
}


class Counter:
    """A proxy, a listener that stands for the local AWS, and a resolver: each counts what it gets."""

    def __init__(self, resolver: bool) -> None:
        self.resolver = resolver
        self.left: list[str] = []
        self.reached: list[str] = []
        self.proxy = self._serve(self.left)
        self.listener = self._serve(self.reached)
        if resolver:
            threading.Thread(target=self._resolve, daemon=True).start()

    def _serve(self, seen: list[str]) -> str:
        counter = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                if self.path == "/matrix-counts":
                    body = json.dumps([counter.left, counter.reached]).encode()
                    self.send_response(200)
                elif self.path == "/matrix-forget":
                    counter.left.clear()
                    body = b""
                    self.send_response(200)
                elif self.path.startswith("/matrix-left/"):
                    counter.left.append(self.path.rpartition("/")[2])
                    body = b""
                    self.send_response(200)
                else:
                    seen.append(f"{self.command} {self.path}")
                    body = b"no"
                    self.send_response(403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_CONNECT = _answer

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    def _resolve(self) -> None:
        """Answer each question for a name that there is none, and count the names of AWS and of strangers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 53))
            while True:
                question, sender = server.recvfrom(4096)
                labels, place = [], 12
                while question[place]:
                    labels.append(question[place + 1 : place + 1 + question[place]].decode("latin-1"))
                    place += question[place] + 1
                name = ".".join(labels)
                if name.endswith(STRAYS):
                    self.left.append(name)
                server.sendto(question[:2] + b"\x81\x83" + question[4:6] + b"\0" * 6 + question[12:], sender)


def enter_network_without_a_way_out() -> bool:
    """Move this process into a network of its own, if it may; tell whether it did."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NETWORK | NEW_MOUNTS):
        return False
    libc.mount(b"none", b"/", None, PRIVATE, None)
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
        file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    libc.mount(file.name.encode(), b"/etc/resolv.conf", None, BIND, None)
    import fcntl
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:  # bring the loopback device up
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 0x49))
    return True


def write_project(folder: Path, bucket: str, spark: bool) -> None:
    """Write the project that the matrix runs."""
    settings: Mapping[str, Any] = {}
    if spark:
        sys.path.insert(0, str(ROOT / "tests"))
        import spark_session  # type: ignore[import-not-found]

        settings = {**spark_session.jar_settings(), "spark.master": "local[1]"}
    values = {"bucket": bucket, "spark": str(spark).lower(), "settings": json.dumps(settings)}
    for name, text in PROJECT.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        filled = text if name.endswith("probes.py") else textwrap.dedent(text).format(**values)
        file.write_text(filled, encoding="utf-8")


def make_environment(target: str, hostile: bool, counter: Counter, home: Path) -> dict[str, str]:
    """Make the variables of a shell: without anything, or pointed the wrong way."""
    left_out = ("AWS_", "FSSPEC_", "WR_", "KEDRO_", "COVERAGE_", "PYTEST_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(left_out) and not name.lower().endswith("_proxy")
    }
    base = {
        "HOME": str(home),
        "KEDRO_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    real = {"AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL", "AWS_SECRET_ACCESS_KEY": "real"}
    if not hostile:
        return {**kept, **base, **(real if target == "aws" else {})}
    wrong = "https://store.example.com" if target == "local" else counter.listener
    profile = home / ".aws" / "config"
    profile.parent.mkdir(exist_ok=True)
    profile.write_text(
        f"[profile work]\nregion = us-east-1\nendpoint_url = {wrong}\n"
        "aws_access_key_id = AKIAPROFILEPROFILE00\naws_secret_access_key = real\n",
        encoding="utf-8",
    )
    keys = {"AWS_PROFILE": "work", **real, "AWS_SESSION_TOKEN": "real"}
    if target == "aws":  # as after `kedro aws local env`
        keys = {
            "AWS_ACCESS_KEY_ID": "KEDROAWSLOCAL0000000",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_PROFILE": "work",
        }
    pointed = dict.fromkeys(
        ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "FSSPEC_S3_ENDPOINT_URL", "WR_S3_ENDPOINT_URL"), wrong
    )
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "https_proxy"), counter.proxy)
    hostile_rest = {"FSSPEC_S3_KEY": "planted", "FSSPEC_S3_SECRET": "planted"}
    return {**kept, **base, **keys, **pointed, **proxies, **hostile_rest, "AWS_REGION": "us-gov-west-1"}


def run_driver(driver: str, project: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the project in one of the ways."""
    python, arguments, cwd = sys.executable, [], project
    if driver == "run":
        arguments = ["-m", "kedro", "run", "--env", env["MATRIX_ENV"]]
    elif driver == "viz":
        arguments = ["-c", _VIZ]
    elif driver == "packaged":
        cwd = project.parent / "elsewhere"
        shutil.rmtree(cwd, ignore_errors=True)
        shutil.copytree(project / "src" / "matrix", cwd / "site" / "matrix")
        for name in ("conf", "data"):
            shutil.copytree(project / name, cwd / name)
        env = {**env, "PYTHONPATH": f"{cwd / 'site'}{os.pathsep}{env['PYTHONPATH']}"}
        arguments = ["-m", "matrix", "--env", env["MATRIX_ENV"]]
    elif driver == "pytest":
        arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    else:
        arguments = ["-c", textwrap.dedent(SCRIPTS[driver])]
    return subprocess.run(
        [python, *arguments], cwd=cwd, env=dict(env), capture_output=True, text=True, timeout=600, check=False
    )


_VIZ = """
import sys
from kedro.framework.cli import cli, hooks
from kedro_aws_plugin.cli.viz import hooks as ours
manager = cli.get_cli_hook_manager()
if not manager.is_registered(ours) and not any(type(each) is type(ours) for each in manager.get_plugins()):
    manager.register(ours)
sys.argv = ["kedro", "viz", "build", "--include-previews"]
cli.main()
"""


@dataclass(frozen=True)
class Way:
    """A way to run the project: how, with which AWS in force, and in what a shell."""

    driver: str
    target: str
    hostile: bool


def measure(way: Way, counter: Counter, place: Path, libraries: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Run the project in one way, and tell for each library what it said and what was counted meanwhile."""
    driver, target, hostile = way.driver, way.target, way.hostile
    home = place / "home"
    home.mkdir(exist_ok=True)
    if _is_without_spark(driver, target):
        libraries = [each for each in libraries if each != "spark"]
    write_project(place / "project", "matrix-data", "spark" in libraries)
    result = place / "result.json"
    result.unlink(missing_ok=True)
    env = {
        **make_environment(target, hostile, counter, home),
        "MATRIX_DRIVER": driver,
        "MATRIX_ENV": target,
        "KEDRO_ENV": target,
        "MATRIX_LIBRARIES": ",".join(libraries),
        "MATRIX_COUNTS": counter.listener,
        "MATRIX_RESULT": str(result),
        **({} if counter.resolver else {"MATRIX_RESOLVER": "python"}),
        "MATRIX_OTHER": str(place / "other"),
        **({"MATRIX_ACCOUNT": "1"} if target == "aws" else {}),
    }
    counter.left.clear()
    counter.reached.clear()
    done = run_driver(driver, place / "project", env)
    if not result.is_file():
        raise SystemExit(
            f"{driver}, {target}, hostile={hostile} did not get to its end:\n{done.stdout}\n{done.stderr}"
        )
    found: dict[str, dict[str, Any]] = json.loads(result.read_text(encoding="utf-8"))
    strays = counter.left if target == "local" else counter.reached
    counted = sum(len(each["left" if target == "local" else "reached"]) for each in found.values())
    found["(start and end)"] = {
        "said": "",
        "left": [],
        "reached": [],
        "rest": len(strays) - counted,
        "all": [*strays],
    }
    return found


def _is_without_spark(driver: str, target: str) -> bool:
    """Tell whether there is no cell: Kedro-Viz runs no node, and Spark refuses to change to the real AWS."""
    return driver == "viz" or (driver in ("ipython", "projects") and target == "aws")


@contextlib.contextmanager
def make_place() -> Iterator[Path]:
    """Make the two projects in a temporary folder, and end their local AWSs afterwards."""
    import local_aws

    place = Path(tempfile.mkdtemp(prefix="matrix-"))
    try:
        write_project(place / "other", "other-data", spark=False)
        yield place
    finally:
        for name in ("project", "other", "elsewhere"):
            local_aws.stop(place / name / ".kedro-aws")
        shutil.rmtree(place, ignore_errors=True)


def write_table(cells: Cells, libraries: Sequence[str]) -> str:
    """Write the table: in each cell, what was counted in the clean and in the hostile environment."""
    lines = []
    for target, title in (
        ("local", "With the local AWS in force: requests that would have left"),
        ("aws", "With the real AWS in force: requests that would have reached the local one"),
    ):
        lines += [f"{title} (clean environment / hostile environment)", ""]
        lines.append("| | " + " | ".join(TITLES[each] for each in libraries) + " |")
        lines.append("|---|" + "---|" * len(libraries))
        for driver in DRIVERS:
            row = [cells.get((driver, target, library)) for library in libraries]
            if any(row):
                shown = [" / ".join(map(str, each)) if each else "-" for each in row]
                lines.append(f"| {TITLES[driver]} | " + " | ".join(shown) + " |")
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and exit with 1 if anything was counted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=DRIVERS, default=list(DRIVERS))
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--targets", nargs="+", choices=("local", "aws"), default=["local", "aws"])
    parser.add_argument("--write", action="store_true", help="put the table into docs/concepts/isolation.md")
    options = parser.parse_args(arguments)
    if "viz" in options.only and find_spec("kedro_viz") is None:
        options.only.remove("viz")
        print("kedro-viz is not installed: its row is left out", file=sys.stderr)
    alone = enter_network_without_a_way_out()
    counter = Counter(resolver=alone)
    cells: Cells = {}
    with make_place() as place:
        for driver, target, hostile in product(options.only, options.targets, (False, True)):
            began = time.monotonic()
            way = Way(driver, target, hostile)
            _report(way, measure(way, counter, place, options.libraries), cells)
            print(f"    {time.monotonic() - began:.0f} s", flush=True)
    seen = "all processes, in a network without a way out" if alone else "the proxy and Python's resolver"
    outside = [counts for (_, _, name), counts in cells.items() if name not in TITLES and any(counts)]
    print(f"before and after the libraries' own requests: {outside or 0}")
    note = (
        f"Measured on {date.today()} by `scripts/isolation_matrix.py` ({seen}). `-`: Kedro-Viz runs no "
        "node,\nand Spark refuses to change to the real AWS within a process."
    )
    table = f"{write_table(cells, options.libraries)}\n{note}\n"
    print(table)
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 1 if any(count for counts in cells.values() for count in counts) else 0


def _has_failed(way: Way, each: Mapping[str, Any]) -> bool:
    """Tell whether a library failed before it could send anything, and not because the plugin refused."""
    if "rest" in each or "Nothing was sent" in each["said"]:
        return False
    if way.target == "aws":
        return not each["left"]
    return re.match(r"[\w.]*(Error|Exception|Exit|Failure)\w*: ", each["said"]) is not None


def _report(way: Way, found: Mapping[str, Mapping[str, Any]], cells: Cells) -> None:
    """Print what was found in one way, and put the counts into the cells of the table."""
    shell = "hostile" if way.hostile else "clean"
    for name, each in found.items():
        seen = each.get("all", each["left" if way.target == "local" else "reached"])
        count = each.get("rest", len(seen)) or (FAILED if _has_failed(way, each) else 0)
        # Kedro-Viz loads these two by itself, for the previews.
        columns = ("catalog", "athena") if way.driver == "viz" and "rest" in each else (name,)
        for column in columns:
            cells.setdefault((way.driver, way.target, column), []).append(count)
        print(f"{way.driver:9} {way.target:5} {shell:7} {name:16} {count} {each['said'][:150]}")
        if count:
            print("    ", seen[:5])


if __name__ == "__main__":
    sys.exit(main())
