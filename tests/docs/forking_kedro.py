"""`kedro` and `local-aws` for many commands: a process that has imported everything forks for each.

What a command does is what it does in a process of its own: it has its own arguments, folder, variables,
standard streams and exit code, and it imports the project itself. Kedro reads the settings of its log from
the current folder when it is imported, so that is done again.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import traceback
import warnings
from importlib.metadata import entry_points
from pathlib import Path

_SLOW = (
    "boto3 botocore.httpsession cloudpickle jinja2 "
    "kedro.framework.cli.cli kedro.framework.session kedro.runner "
    "kedro_datasets.json.json_dataset kedro_datasets.pandas.csv_dataset kedro_datasets.pandas.excel_dataset "
    "kedro_datasets.pandas.parquet_dataset kedro_datasets.pickle.pickle_dataset local_aws.cli openpyxl "
    "pyarrow.dataset pyarrow.parquet pyathena rich.console rich.table s3fs "
    "sklearn.compose sklearn.ensemble sklearn.metrics sklearn.pipeline sklearn.preprocessing yaml"
)
_CLIENT = textwrap.dedent("""\
    #!{python} -IS
    import json, os, socket, sys
    command = {{"program": {program!r}, "arguments": sys.argv[1:]}}
    message = json.dumps({{**command, "folder": os.getcwd(), "env": dict(os.environ)}}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect({address!r})
        socket.send_fds(connection, [len(message).to_bytes(8, "big")], [0, 1, 2])
        connection.sendall(message)
        code = connection.recv(8)
    sys.exit(int(code or 1))
""")


def start(folder: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start it, and write the programs that ask it into `folder`, for PATH."""
    alone = {**environment, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # no thread where it forks
    address = str(folder / "forking.socket")
    for program in ("kedro", "local-aws"):
        script = _CLIENT.format(python=sys.executable, program=program, address=address)
        (folder / program).write_text(script, encoding="utf-8")
        (folder / program).chmod(0o755)
    process = subprocess.Popen([sys.executable, __file__, address], cwd=folder, env=alone)
    deadline = time.monotonic() + 60
    while not Path(address).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def _serve(address: str) -> None:
    from kedro_aws_plugin import cli

    commands = [f"kedro_aws_plugin.cli.{name}" for _, name, _ in pkgutil.iter_modules(cli.__path__)]
    for name in (*_SLOW.split(), *commands):
        importlib.import_module(name)
    for group in ("kedro.hooks", "kedro.project_commands", "kedro.starters"):
        for point in entry_points(group=group):
            point.load()
    forked_servers.install(now=True)
    gc.collect()
    gc.freeze()  # or the forks copy every page that they only count in
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address + ".new")
        listener.listen(8)
        Path(address + ".new").rename(address)
        while True:
            connection, _ = listener.accept()
            if _fork() == 0:
                listener.close()
                _answer(connection)
            connection.close()


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.12 warns of threads: pyarrow's, which wait
        return os.fork()


def _answer(connection: socket.socket) -> None:
    """Run the command in this process, and end it."""
    code = 1
    try:
        size, streams, *_ = socket.recv_fds(connection, 8, 3)
        message = b""
        while len(message) < int.from_bytes(size, "big"):
            message += connection.recv(1 << 16)
        asked = json.loads(message)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(asked["env"])
        os.chdir(asked["folder"])
        code = _run(asked["program"], asked["arguments"])
    except BaseException:  # noqa: BLE001 - this process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(code).encode())
        os._exit(code)


def _run(program: str, arguments: list[str]) -> int:
    sys.argv = [program, *arguments]
    try:
        if program == "kedro":
            from kedro.framework import project
            from kedro.framework.cli import main

            project.LOGGING = type(project.LOGGING)()
        else:
            from local_aws.cli import main
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
            return 1
        return ended.code or 0
    return 0


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    import forked_servers

    sys.path.pop(0)  # which a console script does not have
    _serve(sys.argv[1])
