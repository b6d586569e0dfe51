"""What it adds to a run that its parameters can be read where modules are imported: 10,000 of them.

A module reads one when it is imported, as a decorator would; Kedro then gets the parameters that were read
for it, instead of reading the files a second time, and a ParallelRunner's child processes get all of them.
What that takes beyond the one read of the files is what counts.
"""

import argparse
import pickle
import statistics
import time
from pathlib import Path
from typing import Any

from common import ratio_of, row, spread, verdict, workshop
from kedro.config import OmegaConfigLoader

from kedro_aws_plugin import parameters
from kedro_aws_plugin.run import state as run_state
from kedro_aws_plugin.session.parameters import publish

GOAL = 20.0
COUNT = 10_000
_GROUP = 100


def write_parameters(conf: Path) -> None:
    """Write groups of a hundred numbers and texts, each to a file: OmegaConf takes so many nodes of one."""
    for env in ("base", "local"):
        (conf / env).mkdir(parents=True)
    for group in range(COUNT // _GROUP):
        lines = [f"  name_{name}: {name if name % 2 else f'text {name}'}\n" for name in range(_GROUP)]
        file = conf / "base" / f"parameters_{group}.yml"
        file.write_text(f"group_{group}:\n{''.join(lines)}", encoding="utf-8")


class Timed(OmegaConfigLoader):
    """Kedro's config loader, which keeps how long it reads the files of the parameters, and how often."""

    def __init__(self, conf: Path) -> None:
        self.reads: list[float] = []
        super().__init__(str(conf), base_env="base", default_run_env="local")

    def __getitem__(self, key: str) -> Any:
        if key != "parameters" or key in self:
            return super().__getitem__(key)
        began = time.perf_counter()
        found = super().__getitem__(key)
        self.reads.append(time.perf_counter() - began)
        return found


def measure(conf: Path) -> tuple[float, float]:
    """Seconds that the plugin adds, and of the one read of the files, which Kedro would make anyway."""
    loader = Timed(conf)
    began = time.perf_counter()
    publish(loader, "run")
    assert parameters["group_7.name_42"] == "text 42"
    assert len(loader["parameters"]) == COUNT // _GROUP
    pickle.dumps(run_state._HandOff())
    took = time.perf_counter() - began
    run_state.end("run")
    [read] = loader.reads
    return took - read, read


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=7)
    runs = options.parse_args().runs
    print(f"{COUNT} parameters: published, read by a module, shared with Kedro and handed to child processes")
    with workshop() as folder:
        conf = folder / "conf"
        write_parameters(conf)
        measured = [measure(conf) for _ in range(runs)]
    added = [added for added, _ in measured]
    row("added by the plugin", spread(added))
    row("Kedro's read of the files", spread([read for _, read in measured]))
    row("ratio", str(ratio_of([(read + more, read) for more, read in measured])))
    verdict(1000 * statistics.median(added), GOAL, "ms")


if __name__ == "__main__":
    main()
