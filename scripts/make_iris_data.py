"""Make the raw data that the starter `aws-pyspark-iris` ships: scikit-learn's own copy of Fisher's iris.

python scripts/make_iris_data.py            # write the file into the starter
python scripts/make_iris_data.py --check    # exit 1 if the starter's file is not this
"""

import argparse
import sys
from pathlib import Path

from sklearn.datasets import load_iris

FILE = (
    Path(__file__).parents[1]
    / "starters/aws-pyspark-iris/{{ cookiecutter.repo_name }}/data/raw/iris/iris.csv"
)
COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width", "species")


def make_csv() -> bytes:
    """Make the file: a header, then a line for each of the 150 flowers, measured in centimetres."""
    iris = load_iris()
    rows = [
        (*(str(float(value)) for value in measures), str(iris.target_names[species]))
        for measures, species in zip(iris.data, iris.target, strict=True)
    ]
    return "".join(f"{','.join(row)}\n" for row in (COLUMNS, *rows)).encode()


def main(arguments: list[str] | None = None) -> int:
    """Write or check the file and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file differs")
    options = parser.parse_args(arguments)
    made = make_csv()
    if not options.check:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_bytes(made)
    elif not options.file.is_file() or options.file.read_bytes() != made:
        print(f"{options.file}: not what this script makes. Run it again without --check.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
