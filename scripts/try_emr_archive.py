"""Make the archive of Python for EMR Serverless as the guide says, and run it where nothing else is.

    python scripts/try_emr_archive.py --python ~/.local/share/uv/python/cpython-3.11-linux-x86_64-gnu
    python scripts/try_emr_archive.py --python DIRECTORY --package pandas --package scikit-learn

The archive is unpacked into a folder of another name. There, as `spark.archives` and PYSPARK_PYTHON have
it, `./environment/bin/python` imports the packages: without any variable of the shell, and, as root on Linux,
in a mount namespace in which the folder of the interpreter that was copied is empty. Then a virtual
environment of the same interpreter is packed, unpacked and run in the same way, to see whether it would have
served too.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

_PLATFORM = "x86_64-manylinux_2_28"


def find_version(python: Path) -> str:
    """Find the version of an interpreter: "3.11"."""
    command = [str(python / "bin/python3"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return str(subprocess.run(command, check=True, capture_output=True, text=True).stdout).strip()


def make_archive(python: Path, packages: list[str], folder: Path) -> Path:
    """Copy the interpreter, install packages into the copy, and pack it, as the guide does."""
    version, environment = find_version(python), folder / "copied"
    shutil.copytree(
        python, environment, ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__")
    )
    if not (environment / "bin/python").exists():
        (environment / "bin/python").symlink_to("python3")
    site = environment / f"lib/python{version}/site-packages"
    install = ["--python-version", version, "--python-platform", _PLATFORM, "--target", str(site)]
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", "-q", *install, *packages], check=True)
    for each in site.glob("pyspark*"):
        shutil.rmtree(each)
    return pack(environment)


def make_virtual_environment(python: Path, packages: list[str], folder: Path) -> Path:
    """Pack a virtual environment of the interpreter instead."""
    environment = folder / "virtual"
    subprocess.run(
        [sys.executable, "-m", "uv", "venv", "-q", "--python", python / "bin/python3", environment],
        check=True,
    )
    install = ["--python", str(environment / "bin/python")]
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", "-q", *install, *packages], check=True)
    return pack(environment)


def pack(environment: Path) -> Path:
    """Pack a folder, and delete it."""
    archive = environment.with_name(f"{environment.name}.tar.gz")
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        file.add(environment, ".")
    shutil.rmtree(environment)
    return archive


def run_elsewhere(archive: Path, modules: list[str], hidden: Path) -> subprocess.CompletedProcess[str]:
    """Unpack an archive elsewhere, and import modules with its Python, while a folder is hidden."""
    work = archive.with_suffix("").with_suffix("")
    with tarfile.open(archive) as file:
        file.extractall(work / "environment", filter="tar")
    code = f"import sys, {', '.join(modules)}; print(sys.version.split()[0], sys.prefix)"
    command = f"cd {shlex.quote(str(work))} && exec ./environment/bin/python -c {shlex.quote(code)}"
    words = ["env", "-i", "PATH=/usr/bin:/bin", "sh", "-c", command]
    if os.geteuid() == 0:
        empty = archive.with_name("empty")
        empty.mkdir(exist_ok=True)
        hide = f"mount --bind {shlex.quote(str(empty))} {shlex.quote(str(hidden))}"
        words = ["unshare", "--mount", "sh", "-c", f"{hide} && exec {shlex.join(words)}"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def main() -> int:
    """Try both, and tell how it went.

    Returns:
        The exit code: 1 if the archive of the guide does not run.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="the folder of an interpreter")
    parser.add_argument("--package", action="append", help="what is installed; by default pandas")
    given = parser.parse_args()
    python, packages = given.python.resolve(), given.package or ["pandas"]
    modules = [{"scikit-learn": "sklearn"}.get(each, each.replace("-", "_")) for each in packages]
    with tempfile.TemporaryDirectory() as folder:
        archive = make_archive(python, packages, Path(folder))
        print(f"the copied interpreter, {archive.stat().st_size / 1e6:.0f} MB: ", end="")
        done = run_elsewhere(archive, modules, python)
        print(done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip()}")
        virtual = run_elsewhere(make_virtual_environment(python, packages, Path(folder)), modules, python)
        said = virtual.stdout if virtual.returncode == 0 else f"failed: {virtual.stderr}"
        print(f"a virtual environment: {said.strip()}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
