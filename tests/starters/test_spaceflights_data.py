"""The script that makes the starter's raw data."""

import importlib.util
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_spaceflights_data.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def files(script: ModuleType) -> dict[str, bytes]:
    return script.make_files()


def test_makes_the_same_bytes_again(script: ModuleType, files: dict[str, bytes]) -> None:
    assert script.make_files() == files


def test_check_finds_what_the_starter_ships_unchanged(script: ModuleType) -> None:
    assert script.main(["--check"]) == 0


def test_check_names_the_file_that_differs(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--folder", str(tmp_path)]) == 0
    with (tmp_path / "reviews/reviews.csv").open("ab") as reviews:
        reviews.write(b"1,2\n")
    (tmp_path / "companies.csv").unlink()
    assert script.main(["--folder", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path}: not what this script makes: companies.csv, reviews/reviews.csv. "
        "Run it again without --check.\n"
    )


def test_is_small(files: dict[str, bytes]) -> None:
    assert sum(map(len, files.values())) < 1_500_000


def test_is_dirty_as_the_tutorial_is(files: dict[str, bytes]) -> None:
    companies = pd.read_csv(BytesIO(files["companies.csv"]))
    reviews = pd.read_csv(BytesIO(files["reviews/reviews.csv"]))
    shuttles = pd.read_excel(BytesIO(files["shuttles.xlsx"]))
    assert (len(companies), len(reviews), len(shuttles)) == (10_000, 15_000, 5_000)
    assert list(companies) == [
        "id",
        "company_rating",
        "company_location",
        "total_fleet_count",
        "iata_approved",
    ]
    assert companies["company_rating"].dropna().str.fullmatch(r"\d+%").all()
    assert set(companies["iata_approved"].dropna()) == {"t", "f"}
    assert shuttles["price"].dropna().str.fullmatch(r"\$\d{1,3}(,\d{3})*\.\d").all()
    assert (
        set(shuttles["d_check_complete"]) == set(shuttles["moon_clearance_complete"].dropna()) == {"t", "f"}
    )
    for table, key in (
        (companies, "id"),
        (shuttles, "id"),
        (reviews, "shuttle_id"),
        (shuttles, "company_id"),
    ):
        assert table[key].isna().any()
    assert companies["id"].dropna().duplicated().any()
    assert not shuttles["company_id"].dropna().isin(companies["id"]).all()
    assert not reviews["shuttle_id"].dropna().isin(shuttles["id"]).all()
