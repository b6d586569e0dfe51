"""botocore's files about services, read without what a command has no use for."""

import gzip
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader, create_loader
from botocore.session import Session, get_session


def make_session() -> Session:
    """Make a session of botocore that reads the files about services soon."""
    session = get_session()
    session.lazy_register_component("data_loader", lambda: _make_loader(session))
    return session


def _make_loader(session: Session) -> Loader:
    paths = create_loader(session.get_config_variable("data_path")).search_paths
    return _Loader(paths, _Files(), include_default_search_paths=False)


class _Files(JSONFileLoader):
    """Files as plain dictionaries: botocore's ordered ones take twice as long, and SageMaker has 100,000."""

    def load_file(self, file_path: str) -> Any:
        """Read a file; None if there is none.

        Args:
            file_path: Its path without `.json`.
        """
        for path, is_packed in ((f"{file_path}.json", False), (f"{file_path}.json.gz", True)):
            try:
                content = Path(path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            return json.loads(gzip.decompress(content) if is_packed else content)
        return None


class _Loader(Loader):
    """A loader that lists services by their folders: botocore looks into each of 400, thrice for a client."""

    def list_available_services(self, type_name: str) -> list[str]:
        """List all services, whether or not they have files of a type.

        Args:
            type_name: The type of the file, such as `service-2`. Where a service has none,
                `load_service_model` raises the error of botocore that says so.
        """
        del type_name
        return self._names

    @cached_property
    def _names(self) -> list[str]:
        folders = [path for path in map(Path, self.search_paths) if path.is_dir()]
        return sorted({each.name for folder in folders for each in folder.iterdir()})
