"""Tables whose changes are written, and large collections in chunks; both against plain dicts and lists."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_aws.kept import tables
from local_aws.kept.database import Database, NotKept
from local_aws.kept.shape import Chunks
from local_aws.kept.tables import Codec, Room


def change(table: Any, what: int, key: str, value: int) -> None:
    """Do one of the things that the services do to a table."""
    match what:
        case 0:
            table[key] = [value]
        case 1 if key in table:
            table[key].append(value)
        case 2:
            table.pop(key, None)
        case 3:
            table.setdefault(key, []).append(value)
        case 4:
            table.get(key, []).append(value)
        case 5 if value == 0:
            table.clear()


def open_room(folder: Path) -> tuple[Room, Database]:
    database = Database(folder / "services.sqlite", tables.SCHEMA)
    return Room("room", threading.RLock(), database), database


@pytest.mark.parametrize("seed", range(20))
def test_a_table_read_again_is_the_dict_that_it_was(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    plain: dict[str, list[int]] = {}
    for _server in range(4):
        room, database = open_room(tmp_path)
        table = room.open_table("things", "eu-west-1")
        assert list(table.items()) == list(plain.items())
        for _request in range(10):
            for _change in range(chance.randrange(4)):
                what, key, value = chance.randrange(6), chance.choice("abc"), chance.randrange(20)
                change(table, what, key, value)
                change(plain, what, key, value)
            room.flush()
        database.close()


def test_keys_of_two_parts_values_of_a_class_and_regions_come_back(tmp_path: Path):
    codec = Codec(str, complex)
    room, database = open_room(tmp_path)
    room.open_table("things", "eu-west-1", codec)["a", "b"] = 1 + 2j
    room.flush()
    database.close()
    room, database = open_room(tmp_path)
    assert room.list_regions() == ["eu-west-1"]
    assert room.open_table("things", "eu-west-1", codec) == {("a", "b"): 1 + 2j}
    assert room.open_table("others", "eu-west-1") == room.open_table("things", "us-east-1") == {}
    database.close()


def test_what_could_not_be_written_is_written_by_the_next_flush(tmp_path: Path):
    room, database = open_room(tmp_path)
    table = room.open_table("things")
    table["old"] = 1
    room.flush()
    size = database.read("PRAGMA page_count")[0][0]
    database.read(f"PRAGMA max_page_count = {size}")  # the disk is full
    table["big"] = "x" * 10**6
    del table["old"]
    with pytest.raises(NotKept, match=r"services\.sqlite cannot be written: database or disk is full"):
        room.flush()
    database.read("PRAGMA max_page_count = 100000")
    room.flush()
    database.close()
    room, database = open_room(tmp_path)
    assert room.open_table("things") == {"big": "x" * 10**6}
    database.close()


def test_an_entry_without_memory_to_write_it_loses_no_other_one(tmp_path: Path):
    def encode(value: str) -> str:
        if value in refused:
            raise MemoryError
        return value

    refused = {"second"}
    room, database = open_room(tmp_path)
    table = room.open_table("things", "", Codec(encode, str))
    table["a"] = "first"
    table["b"] = "second"
    with pytest.raises(MemoryError):
        room.flush()
    refused.clear()
    room.flush()
    database.close()
    room, database = open_room(tmp_path)
    assert room.open_table("things") == {"a": "first", "b": "second"}
    database.close()


def edit(chance: random.Random, values: Any, name: Callable[[], str]) -> None:
    """Do one of the things that programs do to a list or a dict."""
    what = chance.randrange(6)
    if what <= 2 or not values:
        for _ in range(chance.choice([1, 1, 50, 200])):
            values.append(name()) if isinstance(values, list) else values.update({name(): name()})
    elif what == 3:
        for _ in range(chance.choice([1, 100])):
            if values:
                values.pop(0 if isinstance(values, list) else next(iter(values)))
    elif what == 4:
        keys = list(range(len(values))) if isinstance(values, list) else list(values)
        values[chance.choice(keys)] = name()
    elif isinstance(values, list):
        chance.shuffle(values)
    else:
        key = chance.choice(list(values))
        values[key] = values.pop(key)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", [list, dict])
def test_the_chunks_of_a_collection_are_the_collection(kind: Callable[[], Any], seed: int):
    chance = random.Random(seed)
    numbers = iter(range(10**9))
    rows: dict[int, list[Any]] = {}
    chunks, values = Chunks(lambda: next(numbers)), kind()
    for _request in range(60):
        edit(chance, values, lambda: f"name {next(numbers)}")
        updated = chunks.update(values)
        assert updated is not None
        changed, gone = updated
        rows.update({row: list(members) for row, members in changed.items()})
        for row in gone:
            del rows[row]
        assert sorted(rows) == sorted(chunks.rows)
        members = [member for row in chunks.rows for member in rows[row]]
        assert members == (list(values.items()) if isinstance(values, dict) else values)


def test_one_more_member_writes_one_chunk_and_one_less_too():
    numbers = iter(range(10**9))
    chunks = Chunks(lambda: next(numbers))
    names = {f"name {number}": None for number in range(10_000)}
    chunks.update(names)
    names["one more"] = None
    changed, gone = chunks.update(names) or ({}, [])
    assert (len(changed), gone) == (1, [])
    del names["name 5000"]
    changed, gone = chunks.update(names) or ({}, [])
    assert (len(changed), gone) == (1, [])
    assert len(next(iter(changed.values()))) < 100


def test_members_that_can_change_in_themselves_are_not_chunked():
    assert Chunks(lambda: 0).update([{"a": 1}] * 200) is None


def test_a_copy_that_cannot_be_written_leaves_nothing_of_it(tmp_path: Path):
    _room, database = open_room(tmp_path)
    (tmp_path / "services.partial").write_text("a copy that a killed server has begun")
    database.close()
    with pytest.raises(NotKept, match="backup cannot be written"):
        database.set_aside("room", "damaged")
    assert [each.name for each in tmp_path.iterdir()] == ["services.sqlite"]


def test_what_cannot_be_read_is_set_aside_and_the_rest_is_there(tmp_path: Path):
    room, database = open_room(tmp_path)
    room.open_table("things", "eu-west-1")["a"] = "no number"
    room.open_table("others", "eu-west-1")["b"] = 2
    room.flush()
    database.close()
    room, database = open_room(tmp_path)
    assert room.open_table("things", "eu-west-1", Codec(str, float)) == {}
    assert room.open_table("others", "eu-west-1") == {"b": 2}
    (copy,) = tmp_path.glob("*.backup")
    assert room.lost.startswith("The state of room could not be taken over (things: ")
    assert room.lost.endswith(str(copy))
    database.close()
    aside = Database(copy, "")
    assert aside.read("SELECT value FROM entries WHERE kind = 'things'") == [('"no number"',)]
    aside.close()
