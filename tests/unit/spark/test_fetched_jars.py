"""The script that fetches the jars of Spark's tests, with files made here."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from types import ModuleType

import pytest
from spark_session import script

JAR = "hadoop-aws-3.3.1.jar"
OTHER = "aws-java-sdk-bundle-1.11.901.jar"


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = script("fetch_test_jars")
    monkeypatch.setattr(module, "OLD", tmp_path / "cache")
    monkeypatch.setattr(module, "IVY", tmp_path / "ivy")
    (tmp_path / "cache" / "download").mkdir(parents=True)
    known = {JAR: hashlib.sha256(b"hadoop").hexdigest(), OTHER: hashlib.sha256(b"sdk").hexdigest()}
    monkeypatch.setattr(module, "OLD_JARS", known)
    return module


def sdist(tmp_path: Path, files: dict[str, bytes]) -> Path:
    path = tmp_path / "sdist.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"sagemaker_pyspark-1.4.5/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_only_the_jars_are_taken(fetching: ModuleType, tmp_path: Path) -> None:
    files = {"setup.py": b"raise SystemExit", f"deps/jars/{JAR}": b"hadoop", f"deps/jars/{OTHER}": b"sdk"}
    assert fetching.cached_old() == []
    fetching._extract(sdist(tmp_path, files), fetching.OLD / "download")
    assert [jar.read_bytes() for jar in fetching.cached_old()] == [b"hadoop", b"sdk"]
    assert sorted(path.name for path in fetching.OLD.rglob("*")) == sorted(["download", JAR, OTHER])
    assert fetching._fetch_old() == fetching.cached_old()


def test_a_jar_that_is_not_the_known_one_is_not_taken(fetching: ModuleType, tmp_path: Path) -> None:
    files = {f"deps/jars/{JAR}": b"hadoop", f"deps/jars/{OTHER}": b"something else"}
    with pytest.raises(SystemExit, match=f"{OTHER} in .* is not the file that is known"):
        fetching._extract(sdist(tmp_path, files), fetching.OLD / "download")
    assert not (fetching.OLD / OTHER).exists()
    assert fetching.cached_old() == []


def test_what_was_fetched_is_taken_wherever_it_lies_but_not_for_another_pyspark(
    fetching: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fetching.IVY / "jars").mkdir(parents=True)
    jar = fetching.IVY / "jars" / "org.apache.hadoop_hadoop-aws.jar"
    jar.touch()
    assert fetching.fetched() == []
    complete = fetching.IVY / "complete.json"
    complete.write_text(
        json.dumps({**fetching.settings(), "spark.jars.packages": "org.apache.hadoop:hadoop-aws:3.0.0"})
    )
    assert fetching.fetched() == []
    complete.write_text(json.dumps(fetching.settings()))
    assert fetching.fetched() == [jar]
    copied = fetching.IVY.rename(tmp_path / "copied")
    monkeypatch.setattr(fetching, "IVY", copied)
    assert fetching.fetched() == [copied / "jars" / jar.name]
