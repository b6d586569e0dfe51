"""Writes what the container lane answers into docs/concepts/model-artifact.md, as a table with its date.

    python scripts/record_container_lane.py

Each kind of model in tests/container/kinds.py is served by the local AWS and by AWS's container, and asked in
every form. It takes about two minutes and needs what tests/container needs. A test holds the table to the
kinds and, where containers can run, to what they answer.
"""

import datetime
import platform
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "concepts" / "model-artifact.md"
BEGIN, END = "<!-- container lane: begin -->", "<!-- container lane: end -->"

sys.path.insert(0, str(ROOT / "tests" / "container"))


def main() -> None:
    """Run the lane and write the table."""
    container, kinds, lane = map(import_module, ("container", "kinds", "lane"))
    obstacle = container.find_obstacle()
    if obstacle:
        sys.exit(obstacle)
    rows = [f"| model | {' | '.join(lane.FORMS)} |", "|---" * (len(lane.FORMS) + 1) + "|"]
    with tempfile.TemporaryDirectory(prefix="lane-") as folder, lane.start_local_aws(Path(folder)) as aws:
        for name, make in kinds.KINDS.items():
            rows.append(lane.write_row(name, lane.compare(make(), aws)))
            print(rows[-1], flush=True)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    made = f"Recorded on {today}, with Python {platform.python_version()} here and the container 1.9-0."
    text = "\n".join([BEGIN, made, "", *rows, END])
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: text, page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
