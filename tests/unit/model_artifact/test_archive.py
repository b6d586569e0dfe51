import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact import archive as module
from kedro_aws_plugin.model_artifact.archive import Member, build_archive, lay_out
from local_aws.sagemaker.unpack import CannotUnpack, unpack

MEMBERS = [
    Member("model.joblib", bytes(range(256)) * 5000),
    Member("code/inference.py", b"x = 1\n"),
    Member("code/" + "long/" * 40 + "naïve.txt", b""),
]


def test_the_same_members_give_the_same_bytes(tmp_path):
    first = build_archive(MEMBERS, tmp_path / "first.tar.gz")
    second = build_archive(list(reversed(MEMBERS)), tmp_path / "second.tar.gz")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert (first.sha256, first.content_sha256) == (second.sha256, second.content_sha256)


def test_other_places_users_and_times_give_the_same_bytes(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; os.umask(int(sys.argv[2], 8));"
        "from kedro_aws_plugin.model_artifact.archive import Member, build_archive;"
        "source = Path(sys.argv[1], 'model.pickle'); source.write_bytes(b'model' * 1000);"
        "os.utime(source, (int(sys.argv[3]),) * 2);"
        "print(build_archive([Member('model.joblib', source)], Path(sys.argv[1], 'm.tar.gz')).sha256)"
    )
    digests = set()
    for zone, umask, mtime in (("UTC", "022", "0"), ("Asia/Tokyo", "077", "1700000000")):
        folder = tmp_path / umask
        folder.mkdir()
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": umask.lstrip("0")}
        command = [sys.executable, "-c", code, str(folder), umask, mtime]
        done = subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True, text=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_digests_are_those_of_the_file_and_of_the_tar_within(tmp_path):
    archive = build_archive(MEMBERS, tmp_path / "model.tar.gz")
    data = archive.path.read_bytes()
    assert archive.size == len(data)
    assert archive.sha256 == hashlib.sha256(data).hexdigest()
    assert archive.content_sha256 == hashlib.sha256(gzip.decompress(data)).hexdigest()


def test_headers_hold_nothing_of_this_machine(tmp_path):
    archive = build_archive(MEMBERS, tmp_path / "model.tar.gz")
    assert archive.path.read_bytes()[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    with tarfile.open(archive.path) as tar:
        found = tar.getmembers()
    assert [member.name for member in found] == sorted(member.name for member in MEMBERS)
    for member in found:
        assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
        assert member.mode == 0o644


def test_unpack_gives_back_what_was_packed(tmp_path):
    archive = build_archive(MEMBERS, tmp_path / "model.tar.gz")
    unpack(archive.path, tmp_path / "out")
    for member in MEMBERS:
        assert (tmp_path / "out" / member.name).read_bytes() == member.source


def test_lay_out_gives_what_unpack_gives(tmp_path):
    source = tmp_path / "model.pickle"
    source.write_bytes(b"model")
    members = [Member("model.joblib", source), Member("code/inference.py", b"x = 1\n")]
    unpack(build_archive(members, tmp_path / "model.tar.gz").path, tmp_path / "unpacked")
    lay_out(members, tmp_path / "laid_out")
    for member in members:
        one, other = tmp_path / "unpacked" / member.name, tmp_path / "laid_out" / member.name
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_memory_stays_small_whatever_the_size(tmp_path):
    big = tmp_path / "big.pickle"
    with big.open("wb") as file:
        file.truncate(300 * 1024**2)
    code = (
        "import sys, tracemalloc; from pathlib import Path;"
        "from kedro_aws_plugin.model_artifact.archive import Member, build_archive;"
        "from local_aws.sagemaker.unpack import unpack;"
        "folder = Path(sys.argv[1]); tracemalloc.start();"
        "archive = build_archive([Member('model.joblib', folder / 'big.pickle')], folder / 'm.tar.gz');"
        "unpack(archive.path, folder / 'out');"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 16 * 1024**2
    assert (tmp_path / "out" / "model.joblib").stat().st_size == 300 * 1024**2


def test_a_failure_leaves_what_was_there(tmp_path):
    target = tmp_path / "model.tar.gz"
    target.write_bytes(b"the previous one")
    members = [Member("a", b"a"), Member("model.joblib", tmp_path / "missing.pickle")]
    with pytest.raises(ProjectError, match=r"missing\.pickle.*run again"):
        build_archive(members, target)
    assert target.read_bytes() == b"the previous one"
    assert list(tmp_path.iterdir()) == [target]


def pretend_size(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    size_of = os.fstat

    def stale(handle: int) -> os.stat_result:
        fields = list(size_of(handle))
        fields[6] = size
        return os.stat_result(fields)

    monkeypatch.setattr(module.os, "fstat", stale)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (999, "grew"),
        (1001, "unexpected end"),
        (9 * 1024**3, "unexpected end"),  # and not that the size does not fit into a tar header
    ],
)
def test_a_model_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, size, said):
    source = tmp_path / "model.pickle"
    source.write_bytes(b"x" * 1000)
    pretend_size(monkeypatch, size)
    with pytest.raises(ProjectError, match=said):
        build_archive([Member("model.joblib", source)], tmp_path / "model.tar.gz")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", "c:\\x"])
def test_names_that_leave_the_archive_are_a_mistake_of_ours(tmp_path, name):
    with pytest.raises(ValueError, match="not a name within"):
        build_archive([Member(name, b"")], tmp_path / "model.tar.gz")


def hostile(path: Path, *members: tuple[str, Callable[[tarfile.TarInfo], None]]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, change in members:
            info = tarfile.TarInfo(name)
            change(info)
            tar.addfile(info, io.BytesIO(b"\0" * info.size) if info.isreg() else None)
    return path


def plain(info: tarfile.TarInfo) -> None:
    info.size = 3


def typed(kind: bytes, target: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, target

    return change


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", plain)],
        [("code/../../evil", plain)],
        [("/evil", plain)],
        [("..\\evil", plain)],
        [("C:evil", plain)],
        [("link", typed(tarfile.SYMTYPE, "/etc")), ("link/evil", plain)],
        [("link", typed(tarfile.SYMTYPE, ".."))],
        [("link", typed(tarfile.LNKTYPE, "../evil"))],
        [("device", typed(tarfile.CHRTYPE))],
        [("pipe", typed(tarfile.FIFOTYPE))],
        [("twice", plain), ("twice", plain)],
        [("file", plain), ("file/below", plain)],
    ],
)
def test_hostile_archives_are_refused_and_leave_nothing(tmp_path, members):
    folder = tmp_path / "inner"
    folder.mkdir()
    archive = hostile(folder / "model.tar.gz", *members)
    with pytest.raises(CannotUnpack, match="cannot be unpacked"):
        unpack(archive, folder / "out")
    assert list(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == [archive]


def test_more_than_the_disk_holds_is_refused_before_it_is_written(tmp_path):
    archive = build_archive([Member("model.joblib", b"\0" * 2_000_000)], tmp_path / "bomb.tar.gz")
    assert archive.size < 20_000
    with pytest.raises(CannotUnpack, match="do not fit"):
        unpack(archive.path, tmp_path / "out", limit=1_000_000)
    unpack(archive.path, tmp_path / "out", limit=2_000_000)


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "empty", "absent"])
def test_damaged_archives_are_refused(tmp_path, damage):
    path = build_archive([Member("model.joblib", os.urandom(100_000))], tmp_path / "model.tar.gz").path
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[-6] ^= 1  # in gzip's checksum
    elif damage == "text":
        data = bytearray(b"<Error>AccessDenied</Error>")
    elif damage == "empty":
        data = bytearray()
    path.write_bytes(data)
    if damage == "absent":
        path.unlink()
    with pytest.raises(CannotUnpack, match="cannot be unpacked"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_was_there_stays_when_unpacking_fails(tmp_path):
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    (tmp_path / "out").mkdir()
    with pytest.raises(CannotUnpack):
        unpack(tmp_path / "model.tar.gz", tmp_path / "out")
    assert (tmp_path / "out").is_dir()


def test_nothing_that_is_there_is_overwritten(tmp_path):
    archive = build_archive([Member("model.joblib", b"new")], tmp_path / "model.tar.gz")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.joblib").write_bytes(b"old")
    with pytest.raises(CannotUnpack, match="File exists"):
        unpack(archive.path, tmp_path / "out")
    assert (tmp_path / "out" / "model.joblib").read_bytes() == b"old"


def test_archives_that_tar_makes_of_a_folder_are_unpacked(tmp_path):
    path = tmp_path / "model.tar.gz"
    source = tmp_path / "source"
    (source / "code").mkdir(parents=True)
    (source / "code" / "inference.py").write_text("x = 1")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(source, arcname=".")
    unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "code" / "inference.py").read_text() == "x = 1"
