"""Requirements with hashes from pip's report of what it would install: ``python tools/lock.py REPORT LOCK``.

The hashes are those of the files that this machine's index offers it, so a lock holds for one platform and
one index: torch for CPUs and torch for CUDA have one version number and different files.
"""

import json
import sys
from pathlib import Path
from typing import Any

HEAD = (
    "# Made by `make lock` for this platform and this index. `make` installs from it, by --require-hashes.\n"
)


def locked(report: dict[str, Any]) -> str:
    """Lines ``name==version --hash=sha256:...`` of all that a report installs, but seisflow itself.

    Raises
    ------
    ValueError
        If the index tells no hash of a file.
    """
    lines = []
    for item in report["install"]:
        name, version = item["metadata"]["name"].lower(), item["metadata"]["version"]
        if "dir_info" in item["download_info"]:
            continue
        found = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
        if not found:
            raise ValueError(f"{name} {version}: the index tells no sha256. Use an index that does")
        lines.append(f"{name}=={version} --hash=sha256:{found}\n")
    return HEAD + "".join(sorted(lines))


if __name__ == "__main__":
    try:
        Path(sys.argv[2]).write_text(locked(json.loads(Path(sys.argv[1]).read_text())))
    except ValueError as error:
        sys.exit(f"Error: {error}")
