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

# What is installed in each image, from the Dockerfiles in github.com/aws/sagemaker-scikit-learn-container; of
# 1.9-0 all that serves models, from docker/sklearn/1.9-0/uv.lock in github.com/aws/deep-learning-containers.
CONTAINERS = {
    "1.2-1": {"python": "3.9", "scikit-learn": "1.2.1"},
    "1.4-2-py312": {"python": "3.12", "scikit-learn": "1.4.2", "numpy": "2.1.0", "pandas": "2.3.2"},
    "1.9-0": {
        "python": "3.12",
        "bcrypt": "5.0.0",
        "blinker": "1.9.0",
        "boto3": "1.43.46",
        "botocore": "1.43.47",
        "certifi": "2026.6.17",
        "cffi": "2.1.0",
        "charset-normalizer": "3.4.9",
        "click": "8.4.2",
        "cryptography": "50.0.0",
        "flask": "3.1.3",
        "gevent": "26.5.0",
        "greenlet": "3.5.3",
        "gunicorn": "26.0.0",
        "idna": "3.18",
        "inotify-simple": "1.2.1",
        "invoke": "3.0.3",
        "itsdangerous": "2.2.0",
        "jinja2": "3.1.6",
        "jmespath": "1.1.0",
        "joblib": "1.5.3",
        "markupsafe": "3.0.3",
        "narwhals": "2.24.0",
        "numpy": "2.5.1",
        "packaging": "26.2",
        "pandas": "2.2.3",
        "paramiko": "5.0.0",
        "pillow": "12.3.0",
        "pip": "26.1.2",
        "protobuf": "3.20.2",
        "psutil": "7.2.2",
        "pyarrow": "25.0.0",
        "pycparser": "3.0",
        "pynacl": "1.6.2",
        "python-dateutil": "2.9.0.post0",
        "pytz": "2026.2",
        "pyyaml": "6.0.3",
        "requests": "2.33.0",
        "retrying": "1.3.3",
        "s3transfer": "0.19.1",
        "sagemaker-containers": "2.8.6.post2",
        "sagemaker-inference": "1.5.5",
        "scikit-learn": "1.9.0",
        "scipy": "1.18.0",
        "setuptools": "80.10.2",
        "six": "1.17.0",
        "threadpoolctl": "3.6.0",
        "tzdata": "2026.3",
        "urllib3": "2.7.0",
        "werkzeug": "3.1.8",
        "zope-event": "6.2",
        "zope-interface": "8.5",
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
