"""Follows a list on the API server, for the tests' own kubelets and witnesses."""

import threading
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any

from tests.kubernetes.api import Api, Raw, Refused, Watch

AGAIN_S = 0.2  # until a server that is away is asked once more


class Follower:
    """A thread that tells what is in a list, and of each change after that.

    `listed` gets all objects, at first and whenever the thread lost touch; `changed` each event.
    """

    def __init__(
        self,
        api: Api,
        path: str,
        listed: Callable[[Sequence[Raw]], None],
        changed: Callable[[Raw], None],
        **query: Any,
    ) -> None:
        self._api = api
        self._path = path
        self._query = query
        self._listed = listed
        self._changed = changed
        self._closed = threading.Event()
        self._watch: Watch | None = None
        self._thread = threading.Thread(target=self._run, name=f"follows {path}")
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        while self._thread.is_alive():
            if self._watch is not None:
                self._watch.cut()
            self._thread.join(0.1)  # it may be about to watch

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._follow()
            except (OSError, HTTPException, Refused):
                self._closed.wait(AGAIN_S)

    def _follow(self) -> None:
        found = self._api.get(self._path, **self._query)
        self._listed(found["items"] or [])
        version = found["metadata"]["resourceVersion"]
        self._watch = watch = self._api.watch(self._path, version, **self._query)
        try:
            for event in watch:
                if event["type"] == "ERROR" or self._closed.is_set():
                    return
                self._changed(event)
        finally:
            watch.close()
