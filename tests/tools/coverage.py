"""Print how many lines and branches of each package the tests have reached: `just coverage`."""

import importlib
import json
import tempfile
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import NoDataError

PACKAGES = ("leafscope.core", "leafscope.app", "leafscope.pages")


def main() -> None:
    reached = Coverage()
    reached.load()
    with tempfile.TemporaryDirectory() as folder:
        for name in PACKAGES:
            package = Path(str(importlib.import_module(name).__file__)).parent
            report = Path(folder) / "reached.json"
            try:
                reached.json_report(outfile=str(report), include=[f"{package}/*"])
            except NoDataError:
                print(f"{name:<16} nothing")
                continue
            found = json.loads(report.read_text())["totals"]
            lines = f"{found['covered_lines']:,} of {found['num_statements']:,} lines"
            branches = f"{found['covered_branches']:,} of {found['num_branches']:,} branches"
            print(
                f"{name:<16} {100 * found['covered_lines'] / found['num_statements']:6.2f} % ({lines}), "
                f"{100 * found['covered_branches'] / found['num_branches']:6.2f} % ({branches})"
            )


if __name__ == "__main__":
    main()
