"""Makes the model of a project large: `python large_model.py KEY MIB FILE`, pointed at an AWS by AWS_*.

The model that the pipeline has saved gets random floats, which gzip cannot make smaller, and is saved again
under its own version, so that metrics and sample payload stay those of its run.
"""

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import boto3
import numpy as np

BUCKET = "my-flights-data"


def main() -> None:
    """Load, enlarge, save to FILE and upload."""
    key, size, file = sys.argv[1], int(sys.argv[2]) * 1024 * 1024, Path(sys.argv[3])
    s3: Any = boto3.client("s3")
    model = pickle.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    model.ballast_ = np.frombuffer(os.urandom(size))
    with file.open("wb") as target:
        pickle.dump(model, target)
    del model
    s3.upload_file(str(file), BUCKET, key)


if __name__ == "__main__":
    main()
