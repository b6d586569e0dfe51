from contextlib import suppress

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.model_artifact.payload import (
    CSV,
    JSON,
    JSON_LINES,
    NPY,
    PARQUET,
    Payload,
    draw_rows,
    is_same_answer,
)


def test_a_frame_gives_its_first_rows_and_the_models_columns(frame):
    payload = Payload.from_frame(frame, columns=["crew", "engines"], rows=2)
    assert payload == Payload(b"crew,engines\n1,1.0\n2,2.0\n", CSV)


def test_floats_keep_every_digit():
    body = Payload.from_frame(pd.DataFrame({"x": [0.1 + 0.2, 1e-300]})).body
    assert [float(line) for line in body.splitlines()[1:]] == [0.1 + 0.2, 1e-300]


def test_other_libraries_frames_convert_themselves(frame):
    class Spark:
        def limit(self, rows):
            return Spark() if rows == 2 else None

        def toPandas(self):
            return frame.head(2)

    class Polars:
        def to_pandas(self):
            return frame

    expected = Payload.from_frame(frame, rows=2)
    assert Payload.from_frame(Spark(), rows=2) == Payload.from_frame(Polars(), rows=2) == expected


@pytest.mark.parametrize(("length", "rows"), [(150, 5), (7, 5), (1001, 200), (5, 5), (3, 5), (0, 5)])
def test_rows_are_drawn_over_the_whole_table_the_same_each_time(length, rows):
    table = pd.DataFrame({"place": range(length)}, index=["same"] * length)
    drawn = draw_rows(table, rows)
    assert drawn.equals(draw_rows(table, rows))
    assert list(drawn.index) == list(range(min(rows, length)))
    places = drawn["place"].tolist()
    assert places == sorted(set(places))
    if length > rows:
        bounds = [length * part // rows for part in range(rows + 1)]
        assert all(bounds[part] <= place < bounds[part + 1] for part, place in enumerate(places))


def test_only_the_first_rows_of_spark_are_converted(frame):
    class Spark:
        def limit(self, rows):
            return Spark() if rows == 3 else None

        def toPandas(self):
            return frame.head(3)

    assert draw_rows(Spark(), 3).equals(frame.head(3))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame({"x": []}), "The sample has no rows. Name another table in registry.sample"),
        (pd.DataFrame({"y": [1]}), "The sample has no column x, which the model takes"),
        ({"x": [1]}, "The sample is a dict, not a table. Name a catalog entry"),
    ],
)
def test_what_is_no_sample_is_refused(table, said):
    with pytest.raises(ProjectError, match=said):
        Payload.from_frame(table, columns=["x"])


def test_all_columns_that_a_sample_lacks_are_named(frame):
    with pytest.raises(ProjectError, match="The sample has no columns x, y, which the model takes"):
        Payload.from_frame(frame, columns=["x", "crew", "y"])


@pytest.mark.parametrize(
    ("name", "body", "content_type"),
    [
        ("rows.csv", b"x,y\n1,2\n", CSV),
        ("rows.CSV", b"1,2\n\n", CSV),
        ("rows.json", b'[{"x": 1}]', JSON),
        ("rows.json", b'\xef\xbb\xbf{\n"x": 1\n}', JSON),
        ("rows.json", b'{"x": 1}\n{"x": 2}\n', JSON_LINES),
        ("rows.jsonl", b'{"x": 1}\n\n{"x": 2}', JSON_LINES),
        ("rows.ndjson", b'{"x": 1}', JSON_LINES),
        ("rows.parquet", b"PAR1...PAR1", PARQUET),
        ("rows.npy", b"\x93NUMPY...", NPY),
    ],
)
def test_a_file_is_sent_as_it_is(tmp_path, name, body, content_type):
    path = tmp_path / name
    path.write_bytes(body)
    payload = Payload.from_file(path)
    assert payload == Payload(body, content_type)
    if path.suffix != ".csv" or b"x" in body:
        assert Payload.from_bytes(body).content_type in {content_type, JSON}


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.csv", b"", "a.csv is empty. Send at least one row"),
        ("a.json", b" \n", "a.json is empty"),
        ("a.json", b"{", "a.json is not JSON: .*Correct it"),
        ("a.json", b"3", "a.json is not JSON: it must be an object or a list"),
        ("a.jsonl", b'{"x": 1}\n{', "a.jsonl is not JSON lines: "),
        ("a.csv", b"x,y\n1,2,3\n", "a.csv is not CSV: line 2 has 3 values, the first line 2"),
        ("a.csv", b"\xff\xfe", "a.csv is not CSV: .*utf-8"),
        ("a.csv", b"x\0y\n", "a.csv is not CSV: it has bytes that are not text"),
        ("a.csv", b'"' + b"x" * 200_000, "a.csv is not CSV: field larger"),
        ("a.parquet", b"PAR1 cut short", "a.parquet is not Parquet: .*cut short"),
        ("a.npy", b"PAR1", "a.npy is not NPY: it does not begin like NPY"),
        ("a.xlsx", b"x", "a.xlsx: unknown kind of file. Give its name the suffix of its content: .csv, "),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path, name, body, said):
    (tmp_path / name).write_bytes(body)
    with pytest.raises(ProjectError, match=said) as caught:
        Payload.from_file(tmp_path / name)
    assert "\n" not in caught.value.message


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ProjectError, match=r"absent\.csv cannot be read: No such file"):
        Payload.from_file(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"x,y\n1,2\n", CSV),
        (b" \n[1]", JSON),
        (b'{"x": 1}\n{"x": 2}\n', JSON_LINES),
        (b"PAR1...PAR1", PARQUET),
        (b"\x93NUMPY...", NPY),
    ],
)
def test_the_kind_of_standard_input_is_found_by_its_content(body, content_type):
    assert Payload.from_bytes(body).content_type == content_type


def test_a_broken_standard_input_is_refused_by_name():
    with pytest.raises(ProjectError, match="Standard input is not JSON: "):
        Payload.from_bytes(b"[{]")


@pytest.mark.parametrize(
    ("one", "other", "content_type"),
    [
        (b'{"predictions": [1.0, 2]}', b'{"predictions":[1.0000000001,2.0]}', JSON),
        (b'{"a": [null, true, "x"], "b": 1}', b'{"b": 1, "a": [null, true, "x"]}', JSON),
        (b"1.0\n2\n", b"1.0000000001\n2.0\n", CSV),
        (b"a,1\r\n", b"a,1.0\n", CSV),
        (b'{"prediction": 1}\n\n', b'{"prediction": 1.0}\n', JSON_LINES),
        (b"NaN", b"NaN", JSON),
        (b"\xff", b"\xff", "image/png"),
    ],
)
def test_answers_that_differ_by_rounding_or_spelling_are_the_same(one, other, content_type):
    assert is_same_answer(one, other, content_type)


@pytest.mark.parametrize(
    ("one", "other", "content_type"),
    [
        (b'{"predictions": [1.0]}', b'{"predictions": [1.001]}', JSON),
        (b'{"predictions": [1]}', b'{"predictions": [1, 1]}', JSON),
        (b'{"a": 1}', b'{"b": 1}', JSON),
        (b"[true]", b"[1]", JSON),
        (b"[null]", b"[0]", JSON),
        (b'["a"]', b'["b"]', JSON),
        (b"[[1]]", b"[1]", JSON),
        (b'{"a": 1}', b"[1]", JSON),
        (b"[1]", b"Internal Server Error", JSON),
        (b"\xff", b"\xfe", "image/png"),
        (b"1\n", b"1\n1\n", CSV),
    ],
)
def test_answers_that_say_something_else_are_not(one, other, content_type):
    assert not is_same_answer(one, other, content_type)
    assert not is_same_answer(other, one, content_type)


@given(st.binary())
def test_any_bytes_are_a_request_or_one_sentence(body):
    with suppress(ProjectError):
        assert Payload.from_bytes(body).body == body


def test_the_columns_of_drawn_rows_have_texts_as_names():
    assert draw_rows(pd.DataFrame([[1.5, 2.5]])).columns.tolist() == ["0", "1"]
