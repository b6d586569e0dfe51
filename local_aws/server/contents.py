"""What the local AWS holds, for `status`."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from local_aws.athena.service import Athena
from local_aws.kept.folder import OBJECTS
from local_aws.kept.services import KeptServices
from local_aws.protocol.resources import ACCOUNT_ID, pick
from local_aws.s3.sizes import measure
from local_aws.sagemaker.service import SageMaker

_SHOWN = ("EndpointName", "EndpointStatus", "EndpointConfigName", "FailureReason")


class Counting(Protocol):
    """A service that counts what it holds."""

    def count(self) -> Mapping[str, int]:
        """Count what there is, by its name."""


class Contents:
    """What the local AWS holds.

    Args:
        sagemaker: Its SageMaker.
        athena: Its Athena.
        others: Its other services that count what they hold.
        kept: What is kept of all services but S3.
        folder: The folder of what is kept; None if nothing is.
    """

    def __init__(
        self,
        sagemaker: SageMaker,
        athena: Athena,
        others: Sequence[Counting],
        kept: KeptServices,
        folder: Path | None,
    ) -> None:
        self._sagemaker = sagemaker
        self._others = others
        self._athena = athena
        self._kept = kept
        self._rows = None if folder is None else folder / OBJECTS

    def describe(self) -> dict[str, Any]:
        """Describe it, in JSON's values."""
        sizes = measure(self._rows)
        counts = Counter({"objects": sum(each.objects for each in sizes.values())})
        counts.update(_count_tables())
        counts.update(self._count_sagemaker())
        for each in self._others:
            counts.update(each.count())
        counts["query executions"] = self._athena.count_queries()
        return {
            "buckets": list(sizes),
            "sizes": {name: vars(each) for name, each in sizes.items()},
            "endpoints": self._list_endpoints(),
            "holds": {name: count for name, count in counts.items() if count},
            "keeps": self._rows is not None,
            "not_kept": dict(self._kept.list_unkept()),
            "began_empty": dict(self._kept.list_lost()),
        }

    def _list_endpoints(self) -> list[dict[str, Any]]:
        resources, deployments = self._sagemaker.resources, self._sagemaker.deployments
        with resources.lock:
            return [
                {
                    **pick(endpoint, _SHOWN),
                    "Region": here.name,
                    "Asleep": deployments.is_asleep(here.name, endpoint["EndpointName"]),
                    "Pids": deployments.list_pids(here.name, endpoint["EndpointName"]),
                }
                for here in resources.list_regions()
                for endpoint in here.endpoints.values()
            ]

    def _count_sagemaker(self) -> Counter[str]:
        counts = Counter[str]()
        with self._sagemaker.resources.lock:
            for here in self._sagemaker.resources.list_regions():
                counts["model package groups"] += len(here.groups)
                counts["model packages"] += len(here.packages)
                counts["models"] += len(here.models)
                counts["endpoint configs"] += len(here.configs)
                counts["transform jobs"] += len(here.transform_jobs)
                counts["processing jobs"] += len(here.processing_jobs)
                counts["training jobs"] += len(here.training_jobs)
                counts["pipelines"] += len(here.pipelines)
                counts["pipeline executions"] += len(here.executions)
        return counts


def _count_tables() -> Counter[str]:
    """Count Glue's tables and databases, unless nobody has asked for Glue yet."""
    return Counter(_list_tables()) if "moto.glue.models" in sys.modules else Counter()


def _list_tables() -> Iterator[str]:
    from moto.glue.models import glue_backends

    for here in list(glue_backends[ACCOUNT_ID].values()):
        for database in list(here.databases.values()):
            yield "databases"
            yield from ("tables" for _ in database.tables)
