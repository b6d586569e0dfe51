"""What DataProcessing makes of records: filters before and after the model, and the join of both.

CSV is read as AWS's documents demand it: RFC 4180, one record a line. A JSON record is a line, or the whole
object if that is JSON and not split.
"""

import csv
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import Any, Generic, TypeVar
from uuid import uuid4

from local_aws.sagemaker.transform.definition import Definition
from local_aws.sagemaker.transform.failures import InputFailed
from local_aws.sagemaker.transform.json_path import JsonPath, NotFound
from local_aws.sagemaker.transform.records import Batch

_INPUT, _OUTPUT = "SageMakerInput", "SageMakerOutput"
_ID, _TIME = "SageMakerInferenceId", "SageMakerInferenceTime"
_QUOTED = frozenset('",\r\n')
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNENCODABLE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # those that are no byte which was not UTF-8

Record = TypeVar("Record")


class Processing:
    """No processing: the model gets what is read, and what it answers is written."""

    def prepare(self, batch: Batch) -> bytes:
        """Make the body of a request."""
        return batch.data

    def finish(self, batch: Batch, answer: bytes) -> bytes:
        """Make what is written of the answer to a request."""
        del batch
        return answer


class _RecordProcessing(Processing, ABC, Generic[Record]):
    """Processing of records of one format.

    Args:
        definition: What the job is to do.
        time: When it has started, as it is written with inference ids.
    """

    def __init__(self, definition: Definition, time: str) -> None:
        self._lines = definition.has_line_records
        self._input = JsonPath(definition.input_filter)
        self._output = JsonPath(definition.output_filter)
        self._joins = definition.joins
        self._time = time if definition.generates_ids else ""
        self._keeps_answer = self._output.is_all and not self._joins and not self._time

    def prepare(self, batch: Batch) -> bytes:
        """Make the body of a request of what InputFilter selects."""
        if self._input.is_all:
            return batch.data
        selected = [
            _blame(f"{where}: InputFilter {self._input}", self._select, text)
            for where, text in self._list_records(batch)
        ]
        return _join_lines(selected, batch.data.endswith(b"\n"))

    def finish(self, batch: Batch, answer: bytes) -> bytes:
        """Make what is written: joined with the input and filtered, if that is asked for."""
        if self._keeps_answer:
            return answer
        records = self._list_records(batch)
        answers = self._split_answer(answer, len(records))
        if len(answers) != len(records):
            raise InputFailed(
                "ClientError",
                f"ClientError: the container has answered {len(records)} records with {len(answers)}. To "
                "join or filter them, it must give one line for each record.",
                f"Records: {batch}",
            )
        finished = [
            _blame(f"{where}: OutputFilter {self._output}", self._combine, text, answered)
            for (where, text), answered in zip(records, answers, strict=True)
        ]
        return _join_lines(finished, self._lines)

    def _list_records(self, batch: Batch) -> list[tuple[str, str]]:
        text = _decode(batch.data)
        if not self._lines:
            return [(str(batch), text)]
        lines = enumerate(text.split("\n"), max(batch.first, 1))
        return [(f"line {number}", line.rstrip("\r")) for number, line in lines if line.strip()]

    @abstractmethod
    def _split_answer(self, answer: bytes, count: int) -> Sequence[str]: ...

    @abstractmethod
    def _select(self, text: str) -> str: ...

    @abstractmethod
    def _combine(self, text: str, answer: str) -> str: ...


class _Rows(_RecordProcessing[Sequence[str]]):
    """CSV."""

    def _split_answer(self, answer: bytes, count: int) -> Sequence[str]:
        return _split_lines(_decode(answer), count)

    def _select(self, text: str) -> str:
        return _write_row(self._input.choose(_read_row(text)))

    def _combine(self, text: str, answer: str) -> str:
        row = f"{text},{answer}" if self._joins else answer
        if not self._output.is_all:
            row = _write_row(self._output.choose(_read_row(row)))
        return f"{row},{uuid4()},{self._time}" if self._time else row


class _Documents(_RecordProcessing[Any]):
    """JSON and JSON lines."""

    def _split_answer(self, answer: bytes, count: int) -> Sequence[str]:
        text = _decode(answer)
        lines = _split_lines(text, count)
        return [text] if count == 1 and len(lines) != 1 else lines

    def _select(self, text: str) -> str:
        return _write_json(self._input.find(json.loads(text)), text)

    def _combine(self, text: str, answer: str) -> str:
        joined = json.loads(answer)
        if self._joins:
            record = json.loads(text)
            joined = {**(record if isinstance(record, dict) else {_INPUT: record}), _OUTPUT: joined}
        found = self._output.find(joined)
        if self._time:
            named = found if isinstance(found, dict) else {_OUTPUT: found}
            found = {**named, _ID: str(uuid4()), _TIME: self._time}
        return _write_json(found, text, answer)


def make_processing(definition: Definition, time: str) -> Processing:
    """Choose the processing of a job.

    Args:
        definition: What the job is to do.
        time: When it has started.
    """
    if not definition.processes:
        return Processing()
    return _Rows(definition, time) if definition.format == "csv" else _Documents(definition, time)


def _blame(what: str, process: Callable[..., str], *texts: str) -> str:
    try:
        return process(*texts)
    except (NotFound, ValueError, csv.Error, RecursionError) as error:
        raise InputFailed("ClientError", f"ClientError: {what}: {error}") from error


def _decode(data: bytes) -> str:
    """Decode UTF-8. What is none comes back as it was when it is encoded again."""
    return data.decode("utf-8", errors="surrogateescape")


def _join_lines(lines: Sequence[str], ended: bool) -> bytes:
    text = "\n".join(lines)
    return (f"{text}\n" if ended and lines else text).encode("utf-8", errors="surrogateescape")


def _split_lines(text: str, count: int) -> Sequence[str]:
    """Split an answer into lines: without blank ones, unless only with them there are as many as records."""
    lines = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
    return lines if len(lines) == count else list(_skip_blank(lines))


def _skip_blank(lines: Sequence[str]) -> Iterator[str]:
    return (line for line in lines if line.strip())


def _read_row(line: str) -> list[str]:
    return next(csv.reader([line], strict=True)) if '"' in line else line.split(",")


def _write_row(row: Sequence[str]) -> str:
    if len(row) > 1 and not any(_QUOTED & set(field) for field in row):
        return ",".join(row)
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()


def _write_json(value: Any, *sources: str) -> str:
    """Write JSON. Half of a surrogate pair has no UTF-8, and is escaped; other bytes stay as they were.

    Args:
        value: What to write.
        sources: What it was read from.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if _SURROGATES.search(text) is None:
        return text
    undecoded = any(_SURROGATES.search(source) for source in sources)
    escaped = _UNENCODABLE if undecoded else _SURROGATES
    return escaped.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
