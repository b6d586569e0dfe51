"""Conversions between numpy arrays and the image's three content types."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from local_aws.sagemaker.framework import content_types
from local_aws.sagemaker.framework.errors import ClientError, UnsupportedFormatError


def array_to_npy(array_like: Any) -> bytes:
    """Write an array in numpy's own format."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, array_like)
    return file.getvalue()


def npy_to_numpy(npy_array: bytes) -> Any:
    """Read an array in numpy's own format.

    The image's server also unpickles arrays of objects, which would let any sender run code here.
    """
    import numpy as np

    return np.load(io.BytesIO(npy_array), allow_pickle=False)


def array_to_json(array_like: Any) -> str:
    """Write anything that consists of arrays, lists, dicts and scalars as JSON."""
    return json.dumps(array_like, default=_to_list)


def json_to_numpy(string_like: str | bytes, dtype: Any = None) -> Any:
    """Read JSON into an array."""
    import numpy as np

    return np.array(json.loads(string_like), dtype=dtype)


def array_to_csv(array_like: Any) -> str:
    """Write an array as CSV without a header; an array of one dimension becomes a column."""
    import numpy as np

    array = np.array(array_like)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    file = io.StringIO()
    try:
        csv.writer(file, lineterminator="\n", strict=True).writerows(array)
    except csv.Error as error:
        raise ClientError(f"The answer cannot be written as CSV: {error}") from error
    return file.getvalue()


def csv_to_numpy(string_like: str, dtype: Any = None) -> Any:
    """Read CSV without a header into an array, which loses its dimensions of length 1.

    Without a `dtype`, numbers become float64; a table with any other text stays text.
    """
    import numpy as np

    try:
        rows = list(csv.reader(io.StringIO(string_like), strict=True))
        array = np.array(rows).squeeze()
    except (csv.Error, ValueError) as error:
        raise ClientError(f"The CSV cannot be read: {error}") from error
    try:
        return array.astype(dtype)
    except ValueError as error:
        if dtype is None:
            return array
        raise ClientError(f"The CSV does not fit {dtype}: {error}") from error


def decode(obj: Any, content_type: str) -> Any:
    """Read a request body into an array.

    Raises:
        UnsupportedFormatError: If the content type is none of the image's three.
    """
    if content_type not in _DECODERS:
        raise UnsupportedFormatError(content_type)
    return _DECODERS[content_type](obj)


def encode(array_like: Any, content_type: str) -> Any:
    """Write an array as a response body.

    Raises:
        UnsupportedFormatError: If the content type is none of the image's three.
    """
    if content_type not in _ENCODERS:
        raise UnsupportedFormatError(content_type)
    return _ENCODERS[content_type](array_like)


def _to_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_ENCODERS: dict[str, Callable[[Any], str | bytes]] = {
    content_types.NPY: array_to_npy,
    content_types.CSV: array_to_csv,
    content_types.JSON: array_to_json,
}
_DECODERS: dict[str, Callable[[Any], Any]] = {
    content_types.NPY: npy_to_numpy,
    content_types.CSV: csv_to_numpy,
    content_types.JSON: json_to_numpy,
}
