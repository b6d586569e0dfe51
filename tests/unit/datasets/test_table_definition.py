"""What a save must keep of the table that there is."""

from typing import Any

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.aws.glue import TableVersion
from kedro_aws_plugin.datasets._table_definition import (
    Layout,
    Save,
    TableEntry,
    build_definition,
    columns_to_keep,
)

FOLDER = "s3://flights/prices/"
PLAIN = Layout({"id": "bigint"}, {})
PARTITIONED = Layout({"id": "bigint"}, {"day": "date"})


def save(mode: Any, by: tuple[str, ...] = ()) -> Save:
    return Save(TableEntry("shop.prices", by, {}), mode, FOLDER, "new")


def table(layout: Layout, by: tuple[str, ...] = (), **parameters: str) -> TableVersion:
    old = Save(TableEntry("shop.prices", by, {}), "overwrite", FOLDER, "old")
    definition = dict(build_definition(old, None, layout))
    definition["Parameters"] = {**definition.get("Parameters", {}), **parameters}
    return TableVersion(definition, "1")


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_without_a_table_the_frame_decides(mode: str) -> None:
    assert columns_to_keep(save(mode), None) is None


def test_only_an_overwrite_of_a_table_without_partitions_replaces_it() -> None:
    assert columns_to_keep(save("overwrite"), table(PLAIN)) is None
    assert columns_to_keep(save("append"), table(PLAIN)) == PLAIN
    for mode in ("overwrite", "append"):
        assert columns_to_keep(save(mode, ("day",)), table(PARTITIONED, ("day",))) == PARTITIONED


@pytest.mark.parametrize(
    ("entry", "there", "sentence"),
    [
        (save("append"), table(PARTITIONED, ("day",)), "`partition_by` names"),
        (
            save("append", ("day",)),
            table(PARTITIONED, ("day",), **{"projection.enabled": "TRUE"}),
            "uses partition projection",
        ),
    ],
    ids=["partitions", "projection"],
)
def test_a_table_of_another_kind_is_refused(entry: Save, there: TableVersion, sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        columns_to_keep(entry, there)


def test_a_save_below_the_tables_own_folder_is_refused() -> None:
    there = table(PLAIN)
    inside = Save(TableEntry("shop.prices", (), {}), "append", there.location, "new")
    with pytest.raises(DatasetError, match="reads all files below s3://flights/prices/old/, where this save"):
        columns_to_keep(inside, there)
