"""Extracts the table of scikit-learn images from the SageMaker SDK, for those who do not have it installed.

    python scripts/extract_image_uris.py --date 2026-01-31

The date is given, so that the same SDK gives the same file. The SDK does not know what is installed in the
images; this script does.
"""

import argparse
import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

DISTRIBUTION = "sagemaker-core"
TABLE = "sagemaker/core/image_uri_config/sklearn.json"
TARGET = Path(__file__).parents[1] / "kedro_aws_plugin" / "model_artifact" / "image_table.json"

# What is installed in each image, from the Dockerfiles in github.com/aws/sagemaker-scikit-learn-container.
CONTAINERS = {
    "1.2-1": {"python": "3.9", "scikit-learn": "1.2.1"},
    "1.4-2-py312": {"python": "3.12", "scikit-learn": "1.4.2", "numpy": "2.1.0", "pandas": "2.3.2"},
    "1.9-0": {
        "python": "3.12",
        "scikit-learn": "1.9.0",
        "numpy": "2.5.1",
        "pandas": "2.2.3",
        "pyarrow": "25",
    },
}


def extract(date: str) -> dict[str, Any]:
    """Build the extract: in the SDK's own shape, inference only, with its origin and what the images hold."""
    sdk = distribution(DISTRIBUTION)
    table = json.loads(Path(str(sdk.locate_file(TABLE))).read_text(encoding="utf-8"))
    return {
        "extracted_from": {"distribution": DISTRIBUTION, "version": sdk.version, "file": TABLE, "date": date},
        "containers": CONTAINERS,
        "inference": table["inference"],
    }


def main() -> None:
    """Write the extract."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--date", required=True, help="day of the extraction, YYYY-MM-DD")
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    text = json.dumps(extract(arguments.date), indent=1)
    arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
