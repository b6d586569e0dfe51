"""Make the raw data that the starter `aws-spaceflights` ships: the same bytes at every run.

The columns, and the dirt in them, are those of Kedro's spaceflights tutorial ("t"/"f", "95%", "$1,325.0",
missing values, ids that are missing, repeated or match nothing), so its files can replace these unchanged.
A shuttle's price follows from what it is, who flies it and how well it is liked, plus noise.

    python scripts/make_spaceflights_data.py            # write the files into the starter
    python scripts/make_spaceflights_data.py --check    # exit 1 if the starter's files are not these
"""

import argparse
import re
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from xml.etree.ElementTree import canonicalize

import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pandas as pd
from numpy.typing import NDArray

RAW = Path(__file__).parents[1] / "starters/aws-spaceflights/{{ cookiecutter.repo_name }}/data/raw"
SEED = 1961
COMPANIES, REVIEWS, SHUTTLES = 10_000, 15_000, 5_000
NOISE = 0.16  # standard deviation of what nothing explains, on the logarithm of the price

# What a value adds to the logarithm of the price.
SHUTTLE_TYPES = {"Type F5": 0.0, "Type V2": 0.1, "Type V5": 0.25, "Type Z1": -0.15, "Type K7": 0.4}
ENGINE_TYPES = {"Nuclear": 0.0, "Plasma": 0.1, "Quantum": 0.3}
POLICIES = {"flexible": 0.0, "moderate": 0.05, "strict": 0.1}
VENDORS = ["ThetaBase Services", "Banks, Wood and Phillips", "Zarex Propulsion"]
PLACES = ["Anguilla", "Bhutan", "Chile", "Fiji", "Ghana", "Iceland", "Kenya", "Malta", "Niue", "Peru"]
SCORES = ["comfort", "amenities", "trip", "crew", "location", "price"]


def make_files() -> dict[str, bytes]:
    """Make the three files: name -> content."""
    rng = np.random.default_rng(SEED)
    companies = make_companies(rng)
    shuttles = make_shuttles(rng, companies)
    reviews = make_reviews(rng, shuttles)
    return {
        "companies.csv": csv_bytes(soil_companies(rng, companies)),
        "reviews/reviews.csv": csv_bytes(soil_reviews(rng, reviews)),
        "shuttles.xlsx": xlsx_bytes(soil_shuttles(rng, shuttles)),
    }


def make_companies(rng: np.random.Generator) -> pd.DataFrame:
    """Make clean companies: a rating in percent, and truth values."""
    return pd.DataFrame(
        {
            "id": rng.permutation(50_000)[:COMPANIES] + 1,
            "company_rating": np.clip(np.round(100 - rng.gamma(1.2, 8, COMPANIES)), 0, 100),
            "company_location": rng.choice(PLACES, COMPANIES),
            "total_fleet_count": 1 + rng.poisson(2, COMPANIES),
            "iata_approved": chance(rng, 0.6, COMPANIES),
        }
    )


def make_shuttles(rng: np.random.Generator, companies: pd.DataFrame) -> pd.DataFrame:
    """Make clean, priced shuttles; their `appeal` (mean 0, deviation 1) is known from their reviews alone."""
    owner = companies.iloc[rng.integers(0, COMPANIES, SHUTTLES)].reset_index(drop=True)
    capacity = 1 + rng.poisson(3.5, SHUTTLES)
    shuttles = pd.DataFrame(
        {
            "id": rng.permutation(60_000)[:SHUTTLES] + 1,
            "shuttle_location": rng.choice(PLACES, SHUTTLES),
            "shuttle_type": rng.choice(list(SHUTTLE_TYPES), SHUTTLES),
            "engine_type": rng.choice(list(ENGINE_TYPES), SHUTTLES),
            "engine_vendor": rng.choice(VENDORS, SHUTTLES),
            "engines": np.maximum(1, np.round(capacity / 3 + rng.normal(0, 0.7, SHUTTLES))),
            "passenger_capacity": capacity,
            "cancellation_policy": rng.choice(list(POLICIES), SHUTTLES),
            "crew": np.maximum(1, np.round(capacity / 2)),
            "d_check_complete": chance(rng, 0.7, SHUTTLES),
            "moon_clearance_complete": chance(rng, 0.4, SHUTTLES),
            "appeal": rng.normal(size=SHUTTLES),
        }
    )
    log_price = 6.5 + explained(shuttles, owner) + rng.normal(0, NOISE, SHUTTLES)
    return shuttles.assign(price=np.round(np.exp(log_price)), company_id=owner["id"])


def explained(shuttles: pd.DataFrame, owner: pd.DataFrame) -> pd.Series:
    """Say what a shuttle and its owner add to the logarithm of the price."""
    return (
        shuttles["shuttle_type"].map(SHUTTLE_TYPES)
        + shuttles["engine_type"].map(ENGINE_TYPES)
        + shuttles["cancellation_policy"].map(POLICIES)
        + 0.09 * shuttles["passenger_capacity"]
        + 0.06 * shuttles["engines"]
        + 0.05 * shuttles["d_check_complete"]
        + 0.12 * shuttles["moon_clearance_complete"]
        + 0.10 * shuttles["appeal"]
        + 0.08 * owner["iata_approved"]
        + 0.006 * owner["company_rating"]
    )


def make_reviews(rng: np.random.Generator, shuttles: pd.DataFrame) -> pd.DataFrame:
    """Make clean reviews: several for one shuttle, none for another."""
    shuttle = shuttles.iloc[rng.integers(0, SHUTTLES, REVIEWS)].reset_index(drop=True)
    appeal = shuttle["appeal"] + rng.normal(0, 0.5, REVIEWS)
    reviews = pd.DataFrame({"shuttle_id": shuttle["id"]})
    reviews["review_scores_rating"] = np.clip(np.round(90 + 4 * appeal), 20, 100)
    for score in SCORES:
        noisy = 9 + 0.5 * appeal + rng.normal(0, 0.6, REVIEWS)
        reviews[f"review_scores_{score}"] = np.clip(np.round(noisy), 2, 10)
    reviews["number_of_reviews"] = 1 + rng.geometric(0.05, REVIEWS)
    reviews["reviews_per_month"] = np.round(rng.gamma(1.5, 0.8, REVIEWS) + 0.01, 2)
    return reviews


def soil_companies(rng: np.random.Generator, companies: pd.DataFrame) -> pd.DataFrame:
    """Write companies as the tutorial's file does: 400 of them twice, some without an id."""
    copies = rng.integers(0, COMPANIES - 400, 400)
    companies = pd.concat([companies[: COMPANIES - 400], companies.iloc[copies]], ignore_index=True)
    soiled = companies.assign(
        company_rating=companies["company_rating"].map("{:.0f}%".format),
        iata_approved=truth(companies["iata_approved"]),
    )
    shares = {
        "id": 0.01,
        "company_rating": 0.3,
        "company_location": 0.2,
        "total_fleet_count": 0.02,
        "iata_approved": 0.05,
    }
    return lose(rng, soiled, shares)


def soil_shuttles(rng: np.random.Generator, shuttles: pd.DataFrame) -> pd.DataFrame:
    """Write shuttles as the tutorial's file does: some of unknown companies, some without a price."""
    stray = chance(rng, 0.02, SHUTTLES)
    soiled = shuttles.drop(columns="appeal").assign(
        d_check_complete=truth(shuttles["d_check_complete"]),
        moon_clearance_complete=truth(shuttles["moon_clearance_complete"]),
        price=shuttles["price"].map("${:,.1f}".format),
        company_id=shuttles["company_id"] + 50_000 * stray,
    )
    ids = {"id": 0.002, "company_id": 0.01}
    features = ["engine_type", "engines", "crew", "cancellation_policy", "moon_clearance_complete"]
    return lose(rng, soiled, {**ids, **dict.fromkeys(features, 0.02), "price": 0.005})


def soil_reviews(rng: np.random.Generator, reviews: pd.DataFrame) -> pd.DataFrame:
    """Write reviews as the tutorial's file does: of unknown shuttles too, and empty ones."""
    stray, silent = chance(rng, 0.02, REVIEWS), chance(rng, 0.15, REVIEWS)
    soiled = (
        reviews[~silent]
        .reindex(reviews.index)
        .assign(
            shuttle_id=reviews["shuttle_id"] + 60_000 * stray,
            number_of_reviews=reviews["number_of_reviews"].mask(silent, 0),
        )
    )
    return lose(rng, soiled, {"shuttle_id": 0.01, **{f"review_scores_{score}": 0.03 for score in SCORES}})


def chance(rng: np.random.Generator, share: float, size: int) -> NDArray[np.bool_]:
    """Draw truth values, a share of them true."""
    return rng.random(size) < share


def truth(values: pd.Series) -> pd.Series:
    """Write truth values as "t" and "f"."""
    return values.map({True: "t", False: "f"})


def lose(rng: np.random.Generator, table: pd.DataFrame, shares: dict[str, float]) -> pd.DataFrame:
    """Blank a share of each named column."""
    lost = {column: table[column].mask(chance(rng, share, len(table))) for column, share in shares.items()}
    return table.assign(**lost)


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Write a table as CSV; numbers as short as they go."""
    return table.to_csv(index=False, float_format="%g", lineterminator="\n").encode()


def xlsx_bytes(table: pd.DataFrame) -> bytes:
    """Write a table as an Excel workbook without the times that Excel and zip put into one."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("shuttles")
    sheet.append(list(table.columns))
    for row in table.astype(object).itertuples(index=False):
        sheet.append([None if pd.isna(value) else value for value in row])
    saved, settled = BytesIO(), BytesIO()
    book.save(saved)
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(settled, "w") as target:
        for name in sorted(source.namelist()):
            xml = canonicalize(source.read(name))  # openpyxl writes other XML where lxml is installed
            xml = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2000-01-01T00:00:00Z", xml)
            target.writestr(zipfile.ZipInfo(name), xml, zipfile.ZIP_DEFLATED, compresslevel=9)
    return settled.getvalue()


def same(name: str, one: bytes, other: bytes) -> bool:
    """Compare two files; workbooks part by part, since the deflated bytes depend on the zlib at hand."""
    if name.endswith(".xlsx"):
        return parts(one) == parts(other)
    return one == other


def parts(workbook: bytes) -> dict[str, bytes]:
    """Read every part of a workbook."""
    with zipfile.ZipFile(BytesIO(workbook)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them with those that are there."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    parser.add_argument("--folder", type=Path, default=RAW, help="default: the starter's data/raw")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    files = make_files()
    if not options.check:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return 0
    stale = [
        name
        for name, content in files.items()
        if not (folder / name).is_file() or not same(name, (folder / name).read_bytes(), content)
    ]
    if stale:
        names = ", ".join(stale)
        sys.stderr.write(f"{folder}: not what this script makes: {names}. Run it again without --check.\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
