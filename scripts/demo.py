"""`make demo`: from `kedro new` to a prediction, on this machine alone, with every command shown.

The project stays in demo/my-flights; the local AWS that served it is stopped at the end, whatever happens.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "demo"
PROJECT = FOLDER / "my-flights"
COMMANDS = [
    ("kedro run", "the pipeline, on S3 and Athena"),
    ("kedro aws register-model", "the trained model into SageMaker's registry"),
    ("kedro aws approve-model", "only what is approved may be deployed"),
    ("kedro aws models", "the registry"),
    ("kedro aws deploy", "a SageMaker endpoint"),
    ("kedro aws predict", "the model's answer to the rows it was registered with"),
    ("kedro aws status", "what serves"),
]


def main() -> int:
    """Run the demo and return its exit code."""
    stop_former()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    began = time.monotonic()
    try:
        new = 'kedro new --starter=aws-spaceflights --name "My Flights"'
        code = show(new, "a project from the starter", FOLDER)
        for command, why in COMMANDS:
            code = code or show(command, why, PROJECT)
    except KeyboardInterrupt:
        code = 130
    finally:
        if PROJECT.is_dir():
            show("kedro aws local stop", "nothing keeps running", PROJECT)
    if code == 0:
        print(f"\nFrom `kedro new` to a prediction in {time.monotonic() - began:.0f} s.")
        activate = os.path.relpath(Path(sys.executable).with_name("activate"), ROOT)
        print(f"Go on there: . {activate} && cd {PROJECT.relative_to(ROOT)}")
    return code


def stop_former() -> None:
    """Stop the local AWS of an earlier demo that was killed."""
    if PROJECT.is_dir():
        run("kedro aws local stop", PROJECT, quiet=True)


def show(command: str, why: str, folder: Path) -> int:
    """Print a command as it would be typed, and run it."""
    print(f"\n$ {command}   # {why}", flush=True)
    return run(command, folder)


def run(command: str, folder: Path, *, quiet: bool = False) -> int:
    """Run a command of this virtual environment."""
    bin_folder = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "KEDRO_DISABLE_TELEMETRY": "1",
    }
    environment.pop("KEDRO_AWS_STATE_DIR", None)
    output = subprocess.DEVNULL if quiet else None
    program, *arguments = shlex.split(command)
    return subprocess.run(
        [str(bin_folder / program), *arguments],
        cwd=folder,
        env=environment,
        stdout=output,
        stderr=output,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
