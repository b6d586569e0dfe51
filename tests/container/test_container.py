"""What AWS's scikit-learn container answers: the contract that the local AWS has to follow."""

import io
import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import CODE, pack
from container import Answer, Container, ContainerError, find_environment

pytestmark = [pytest.mark.slow, pytest.mark.container]

CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"
PACKAGE = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
"""The environment variables of a model package of ours."""
ONE_WORKER = {**PACKAGE, "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
TWO_WORKERS = {**PACKAGE, "SAGEMAKER_MODEL_SERVER_WORKERS": "2"}

MAKE_MODEL = """\
import sys
import joblib
import numpy
from sklearn.linear_model import LinearRegression
joblib.dump(LinearRegression(fit_intercept=False).fit(numpy.eye(2), [1.0, 1.0]), sys.argv[1])
"""
"""Its predictions are the sums of rows."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("container")


@pytest.fixture(scope="module")
def echo(folder: Path) -> Iterator[Container]:
    """Answers with what its handlers are given."""
    with Container(pack(folder / "echo.tar.gz", "echo"), TWO_WORKERS) as container:
        yield container


@pytest.fixture(scope="module")
def defaults(folder: Path) -> Iterator[Container]:
    """A scikit-learn model that adds two columns, served by the image's own handlers."""
    model = folder / "model.joblib"
    python = find_environment() / "bin" / "python"
    subprocess.run([python, "-c", MAKE_MODEL, model], check=True)
    archive = pack(folder / "defaults.tar.gz", "defaults", {"model.joblib": model.read_bytes()})
    with Container(archive, {**PACKAGE, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": CSV}) as container:
        yield container


def answered(answer: Answer) -> Any:
    """What a handler answered as JSON."""
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def is_internal_server_error(answer: Answer) -> bool:
    """Whether it is Flask's page, which says nothing of the reason."""
    page = "<title>500 Internal Server Error</title>" in answer.body.decode()
    return (answer.status, answer.headers["Content-Type"]) == (500, "text/html; charset=utf-8") and page


def as_npy(rows: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()


def test_handlers_need_no_context(echo: Container) -> None:
    answer = answered(echo.invoke(b"1,2", CSV))
    assert {key: answer[key] for key in ("type", "content_type", "body")} == {
        "type": "str",
        "content_type": CSV,
        "body": "1,2",
    }
    assert answer["model"]["model_dir"] == "/opt/ml/model"


def test_modules_and_packages_beside_the_script_are_importable(echo: Container) -> None:
    model = answered(echo.invoke(b"1,2", CSV))["model"]
    assert (model["factor"], model["words"]) == (1.5, ["apples", "pears"])


def test_the_build_backend_installs_every_file_that_is_not_for_installing(echo: Container) -> None:
    files = answered(echo.invoke(b"installed", CSV))["files"]
    own = [name for name in files if "__pycache__" not in name and ".dist-info/" not in name]
    folder = CODE / "echo"
    expected = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert sorted(own) == sorted(path.relative_to(folder).as_posix() for path in expected)


@pytest.mark.parametrize(
    ("content_type", "body", "kind", "read"),
    [
        (CSV, "é".encode(), "str", "é"),
        (CSV, "é".encode("latin-1"), "str", "\ufffd"),
        (JSON, b"[1]", "str", "[1]"),
        (None, b"[1]", "str", "[1]"),
        ("text/csv; header=present", b"1,2", "bytes", "1,2"),
        ("application/json; charset=utf-8", b"[1]", "bytes", "[1]"),
        ("TEXT/CSV", b"1,2", "bytes", "1,2"),
        (NPY, b"1,2", "bytes", "1,2"),
    ],
)
def test_text_is_decoded_only_for_two_content_types(
    echo: Container, content_type: str | None, body: bytes, kind: str, read: str
) -> None:
    answer = answered(echo.invoke(body, content_type))
    assert (answer["type"], answer["body"]) == (kind, read)
    assert answer["content_type"] == (content_type or JSON)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("", JSON),
        (CSV, CSV),
        ("text/csv, */*", "text/csv, */*"),
        ("text/*", "text/*"),
    ],
)
def test_handlers_get_the_accept_header_as_it_is(echo: Container, accept: str | None, given: str) -> None:
    answer = echo.invoke(b"1,2", CSV, accept)
    assert answered(answer)["accept"] == given
    charset = "; charset=utf-8" if given.startswith("text/") else ""
    assert answer.headers["Content-Type"] == given + charset


def test_a_handler_that_raises_tells_the_client_nothing(echo: Container) -> None:
    answer = echo.invoke(b"raise", CSV)
    assert is_internal_server_error(answer)
    assert b"a sentence for the client" not in answer.body
    assert "ValueError: a sentence for the client" in echo.log


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/invocations", 405),
        ("HEAD", "/invocations", 405),
        ("POST", "/ping", 405),
        ("HEAD", "/ping", 200),
        ("POST", "/invocations/", 404),
        ("GET", "/execution-parameters", 404),
    ],
)
def test_other_requests(echo: Container, method: str, path: str, status: int) -> None:
    assert echo.request(method, path).status == status


def test_a_body_larger_than_an_endpoint_accepts_is_no_matter_to_the_server(echo: Container) -> None:
    body = b"1" * (7 << 20)
    assert answered(echo.invoke(body, NPY))["body"] == body.decode()


def test_slow_requests_run_side_by_side_in_two_workers(echo: Container) -> None:
    def send() -> dict[str, Any]:
        return answered(echo.invoke(b"slow", CSV))  # type: ignore[no-any-return]

    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):  # while one worker is still starting, the other answers both, one after the other
            first = pool.submit(send)
            time.sleep(0.2)
            answers = [pool.submit(send).result(), first.result()]
            if answers[0]["pid"] != answers[1]["pid"]:
                break
    assert answers[0]["pid"] != answers[1]["pid"]
    assert max(answer["start"] for answer in answers) < min(answer["end"] for answer in answers)


def test_a_container_sees_nothing_of_this_machine(echo: Container) -> None:
    surroundings = answered(echo.invoke(b"surroundings", CSV))
    assert surroundings["interfaces"] == ["lo"]
    assert surroundings["folder"] == "/"
    assert sorted(surroundings["files"]["/opt/ml"]) == ["code", "model", "models"]
    assert not any(name.startswith("pytest-of-") for name in surroundings["files"]["/tmp"])
    environment = surroundings["environment"]
    assert not {name for name in environment if name.startswith(("PYTEST_", "KEDRO_", "AWS_"))}
    assert (environment["HOME"], environment["SM_MODEL_DIR"]) == ("/root", "/opt/ml/model")


def test_a_container_leaves_nothing(folder: Path) -> None:
    def running(namespace: str) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str((process / "ns" / "pid").readlink()) == namespace:
                    found.append(process.name)
            except OSError:  # it ended meanwhile, or is another user's
                continue
        return found

    before = Path("/opt/ml").exists(), Path("/proc/self/mountinfo").read_text()
    with Container(pack(folder / "leaving.tar.gz", "echo"), ONE_WORKER) as container:
        namespace = answered(container.invoke(b"surroundings", CSV))["processes"]
        assert running(namespace)
        place = container.folder
    assert running(namespace) == []
    assert not place.exists()
    assert (Path("/opt/ml").exists(), Path("/proc/self/mountinfo").read_text()) == before
    assert "Booting worker" in container.log


def test_a_handler_that_wants_a_context_answers_no_request(folder: Path) -> None:
    with Container(pack(folder / "context.tar.gz", "context"), ONE_WORKER) as container:
        assert all(is_internal_server_error(container.invoke(b"1,2", kind)) for kind in (CSV, JSON, NPY))
        assert "input_fn() missing 1 required positional argument: 'context'" in container.log


def test_a_response_of_the_script_reaches_the_client(folder: Path) -> None:
    with Container(pack(folder / "refusing.tar.gz", "refusing"), ONE_WORKER) as container:
        for content_type, body, status, text in (
            (CSV, b"1,2", 200, "/opt/ml/model 1,2"),
            (CSV, b"", 400, "The request is empty: send a row."),
            (NPY, b"1,2", 415, "application/x-npy is not text/csv."),
        ):
            answer = container.invoke(body, content_type)
            assert (answer.status, answer.body.decode()) == (status, text)
            kind = JSON if status == 200 else "text/plain; charset=utf-8"
            assert answer.headers["Content-Type"] == kind


def test_there_are_as_many_workers_as_processors(defaults: Container) -> None:
    assert defaults.log.count("Booting worker with pid") == os.cpu_count()


@pytest.mark.parametrize(
    ("content_type", "body", "predictions"),
    [
        (CSV, b"0.1,0.2\n1,2\n", [0.3000000044703484, 3.0]),  # as float32
        (JSON, b"[[0.1, 0.2], [1, 2]]", [0.3000000044703484, 3.0]),
        (None, b"[[1, 2]]", [3.0]),
        (NPY, as_npy([[0.1, 0.2]]), [0.30000000000000004]),
    ],
)
def test_default_handlers_read(
    defaults: Container, content_type: str | None, body: bytes, predictions: list[float]
) -> None:
    assert answered(defaults.invoke(body, content_type, JSON)) == pytest.approx(predictions, rel=1e-14)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (CSV, b"1,2"),  # a single row becomes an array of one dimension
        (CSV, b"a,b\n1,2\n3,4"),
        (CSV, b""),
        (JSON, b'{"instances": [[1, 2]]}'),
        ("text/csv; header=absent", b"1,2\n3,4"),
        ("text/plain", b"1,2\n3,4"),
        ("application/x-parquet", b"1,2"),
    ],
)
def test_default_handlers_refuse_without_a_reason(
    defaults: Container, content_type: str, body: bytes
) -> None:
    assert is_internal_server_error(defaults.invoke(body, content_type))


def test_default_handlers_write(defaults: Container) -> None:
    rows = b"[[1, 2], [3, 4]]"
    for accept in (None, "*/*", CSV):  # SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT
        answer = defaults.invoke(rows, JSON, accept)
        assert (answer.status, answer.body) == (200, b"3.0\n7.0\n")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    answer = defaults.invoke(rows, JSON, NPY)
    assert np.load(io.BytesIO(answer.body)).tolist() == [3, 7]
    assert is_internal_server_error(defaults.invoke(rows, JSON, "text/csv, */*"))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("failing", "no model in /opt/ml/model"),
        ("contradicting", "transform_fn cannot be combined with input_fn, predict_fn or output_fn"),
    ],
)
def test_a_model_that_does_not_load_is_loaded_at_each_ping(folder: Path, code: str, reason: str) -> None:
    container = Container(pack(folder / f"{code}.tar.gz", code), ONE_WORKER)
    with pytest.raises(ContainerError, match="not ready, /ping answered 500"), container:
        pass
    assert container.log.count("Error handling request GET /ping") == 3
    assert reason in container.log
    assert container.log.count("Booting worker") == 1


def test_code_without_a_build_backend_does_not_start_offline(folder: Path) -> None:
    archive = pack(folder / "downloading.tar.gz", "echo", offline=False)
    container = Container(archive, {**ONE_WORKER, "PIP_RETRIES": "0"})
    with pytest.raises(ContainerError, match="The server ended with exit code 1"), container:
        pass
    assert "No matching distribution found for setuptools" in container.log


def test_code_without_a_build_backend_starts_with_a_network(folder: Path) -> None:
    archive = pack(folder / "network.tar.gz", "echo", offline=False)
    try:
        with Container(archive, ONE_WORKER, network=True) as container:
            assert answered(container.invoke(b"1,2", CSV))["body"] == "1,2"
    except ContainerError as error:
        if "No matching distribution found for setuptools" in str(error):
            pytest.skip("No package index can be reached.")
        raise


def test_code_in_the_archive_is_not_found_without_the_submit_directory(folder: Path) -> None:
    """The server looks in /opt/ml/code, which is empty unless an image of one's own fills it."""
    archive = pack(folder / "program.tar.gz", "echo")
    # Else pip fails to build the empty folder, for want of setuptools.
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "PIP_NO_BUILD_ISOLATION": "0"}
    with pytest.raises(ContainerError, match="No module named 'inference'"), Container(archive, environment):
        pass
