"""`aryl` that kills itself, as `kill -9` does, after the first write of every kind.

`python -m tests.kubernetes.dying_service FOLDER WORDS…` is `aryl WORDS…`. The folder remembers, by
empty files, which kinds of write have killed one already.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from aryl.cli import main
from aryl.kube.client import KubeApi
from aryl.kube.names import ALLOCATION, STATE


def kind_of(method: str, path: str, body: Any) -> str:
    """What a write does for a loan or a reclaim; "" for leases, which are no part of these."""
    *_, before, last = path.split("/")
    if "/leases" in path:
        return ""
    if before == "nodes":
        return f"node-{body['metadata']['labels'][STATE]}"
    if ALLOCATION in body.get("metadata", {}).get("annotations", {}):
        return "allocation"
    if method == "POST":
        return f"create-{last}"
    return f"{method.lower()}-{last if last == 'status' else before}"


def die_after_writes(folder: Path) -> None:
    """Let every kind of write be the last one of a process, once."""
    write = KubeApi._write

    def last_write(self: KubeApi, *words: Any) -> Any:
        answer = write(self, *words)
        kind = kind_of(*words[:3])
        if kind and not (folder / kind).exists():
            (folder / kind).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    KubeApi._write = last_write  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    die_after_writes(Path(sys.argv.pop(1)))
    main()
