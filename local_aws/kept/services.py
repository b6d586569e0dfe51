"""What is kept of all services but S3, in one database."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from local_aws.kept import cells, tables
from local_aws.kept.database import Database
from local_aws.kept.folder import SERVICES
from local_aws.kept.moto_state import MotoState
from local_aws.kept.tables import Room


class KeptServices:
    """The state of all services but S3.

    Args:
        folder: The folder of what is kept; None to keep nothing.

    Attributes:
        moto: The state of moto's services; None if nothing is kept.

    Raises:
        UnusableError: If what is kept is damaged.
    """

    def __init__(self, folder: Path | None) -> None:
        self._database = None if folder is None else Database(folder / SERVICES, cells.SCHEMA + tables.SCHEMA)
        self.moto = None if self._database is None else MotoState(self._database)
        self._rooms: list[Room] = []

    def open_room(self, name: str, lock: AbstractContextManager[Any]) -> Room:
        """Make the tables of a service that is not moto's.

        Args:
            name: The service's name.
            lock: What guards its tables; its holder can enter it again.
        """
        room = Room(name, lock, self._database)
        self._rooms.append(room)
        return room

    def flush(self) -> None:
        """Write what has changed in the tables of the services that are not moto's.

        Raises:
            NotKept: If it cannot be written. The next call tries again.
        """
        for room in self._rooms:
            room.flush()

    def list_unkept(self) -> Mapping[str, str]:
        """List the services whose state is not kept, though it should be, each with the reason."""
        return {} if self.moto is None else self.moto.list_failed()

    def list_lost(self) -> Mapping[str, str]:
        """List the services that began empty, since this version cannot read what was kept of them.

        Returns:
            A sentence for each, by the service's name.
        """
        of_rooms = {room.name: room.lost for room in self._rooms if room.lost}
        return of_rooms if self.moto is None else {**self.moto.lost, **of_rooms}

    def close(self) -> None:
        """Write everything, and let go of the database. What is changed from here on is not kept.

        Raises:
            NotKept: If something cannot be written.
        """
        if self._database is None or self.moto is None:
            return
        with ExitStack() as last:  # done even if the disk is full, or what is emptied next could be written
            last.callback(self._database.close)
            last.callback(self.moto.close)
            for room in self._rooms:
                last.callback(room.detach)
            self.flush()
