"""A real control plane of a test's own: etcd, API server, controllers, schedulers."""

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.kubernetes import flags
from tests.kubernetes.api import Api, Refused
from tests.kubernetes.assets import Assets
from tests.kubernetes.credentials import ADMIN, Credentials, Identity
from tests.kubernetes.daemons import Daemon, Spawner, wait_until
from tests.ports import free_port

TRIES = 4  # another process may take a port between our look and the program's


class ControlPlane:
    """etcd and kube-apiserver, kube-controller-manager if wanted, and any number of schedulers."""

    def __init__(
        self,
        assets: Assets,
        folder: Path,
        *,
        controllers: bool = True,
        apiserver_flags: Sequence[str] = (),
        controller_flags: Sequence[str] = (),
    ) -> None:
        """Start everything, and wait until it answers."""
        self.assets = assets
        self.folder = folder
        self.credentials = Credentials(folder)
        self._spawner = Spawner()
        self._numbers = count(1)
        self._apis: list[Api] = []
        self._started: list[Daemon] = []
        self.controllers: Daemon | None = None
        try:
            self.etcd, self.etcd_address = self._start_etcd()
            self.apiserver, self.server = self._start_apiserver(controllers, apiserver_flags)
            self.admin = self.api()
            if controllers:
                self.controllers = self._start_controllers(controller_flags)
            wait_until(self._is_settled)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process; nothing that they kept is of use to anybody."""
        for api in self._apis:
            api.close()
        for daemon in reversed(self._started):
            if daemon.runs:
                daemon.kill()
        self._spawner.close()

    def api(self, user: str = ADMIN, groups: Sequence[str] = ()) -> Api:
        """A connection as some user, who has what rights RBAC gives; `admin` has all."""
        return self.api_of(self.credentials.user(user, groups))

    def api_of(self, identity: Identity) -> Api:
        """A connection of somebody who shows a token or a certificate."""
        api = Api(self.server, self.credentials.context(identity), identity.token)
        self._apis.append(api)
        return api

    def kubeconfig(self, user: str = ADMIN, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig file of some user."""
        return self.kubeconfig_of(self.credentials.user(user, groups))

    def kubeconfig_of(self, identity: Identity) -> Path:
        """A kubeconfig file of somebody who shows a token or a certificate."""
        path = self.folder / f"kubeconfig-{next(self._numbers)}"
        return self.credentials.kubeconfig(path, self.server, identity)

    def service_account(self, namespace: str, name: str) -> Identity:
        """Whom a pod with this service account is."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return Identity(token=str(self.admin.create(path, body)["status"]["token"]))

    def may_have_pods(self, namespace: str) -> bool:
        """Whether controllers have given a new namespace what its pods need: an account."""
        if self.controllers is None:
            return True
        account = self.admin.find(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
        return account is not None and (self._minor() >= 24 or "secrets" in account)

    def start_scheduler(
        self, config: Mapping[str, Any] | None = None, name: str = "scheduler"
    ) -> Daemon:
        """A kube-scheduler; what its KubeSchedulerConfiguration does not say is filled in."""
        number, version = next(self._numbers), self._scheduler_version()
        connected = {
            "apiVersion": f"kubescheduler.config.k8s.io/{version}",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            **(config or {}),
            "clientConnection": {"kubeconfig": str(self.kubeconfig())},
        }
        if "beta" in version:  # later ones have no such addresses; the usual one suffices for one
            address = f"127.0.0.1:{free_port()}"
            connected |= {"healthzBindAddress": address, "metricsBindAddress": address}
        file = self.folder / f"{name}-{number}.yaml"
        file.write_text(yaml.safe_dump(connected))
        words: list[str | Path] = [self.assets.program("kube-scheduler"), f"--config={file}"]
        words.append("--secure-port=0")
        return self.run(f"{name}-{number}", words)

    def run(self, name: str, words: Sequence[str | Path]) -> Daemon:
        """Another program beside the control plane, which ends with it."""
        daemon = Daemon(self._spawner, words, self.folder / f"{name}.log")
        self._started.append(daemon)
        return daemon

    def end(self, daemon: Daemon) -> None:
        """End a scheduler, or whatever else was started beside."""
        if daemon.runs:
            daemon.kill()
        self._started.remove(daemon)

    def recover(self) -> None:
        """End what runs beside, and start again what was hurt: as it was at first."""
        core = [self.etcd, self.apiserver, *([self.controllers] if self.controllers else [])]
        for daemon in [daemon for daemon in self._started if daemon not in core]:
            self.end(daemon)
        for daemon in core:
            daemon.resume()
            if not daemon.runs:
                daemon.start()
        wait_until(self.is_ready)

    def restart_apiserver(self) -> None:
        """Let the API server die and come back at the same address."""
        if self.apiserver.runs:
            self.apiserver.kill()
        self.apiserver.start()
        wait_until(self.is_ready)

    def is_ready(self) -> bool:
        """Whether the API server answers and says that it is ready."""
        assert self.apiserver.runs, self.apiserver.last_words()
        return _says_ok(self.admin)

    def compact(self) -> None:
        """Let etcd forget all that was: lists by an older version are 410 from now on.

        Watches are served from the API server's memory: restart it too, where they shall be 410.
        """
        key = {"key": "AA==", "range_end": "AA==", "count_only": True}  # everything
        revision = self._etcd("kv/range", key)["header"]["revision"]
        self._etcd("kv/compaction", {"revision": revision, "physical": True})

    def _etcd(self, path: str, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.etcd_address}/v3/{path}", json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=10.0) as answer:  # noqa: S310 - see above
            return json.load(answer)

    def _start_etcd(self) -> tuple[Daemon, str]:
        def words(port: int) -> Sequence[str | Path]:
            return flags.etcd(self.assets.program("etcd"), self.folder, port, free_port())

        return self._serve("etcd", words, "http", lambda address: _answers(f"{address}/health"))

    def _start_apiserver(self, controllers: bool, more_flags: Sequence[str]) -> tuple[Daemon, str]:
        program, admin = self.assets.program("kube-apiserver"), self.credentials.admin
        absent = [] if controllers else [f"--disable-admission-plugins={flags.NO_CONTROLLERS}"]
        trusted = self.credentials.context(admin)

        def words(port: int) -> Sequence[str | Path]:
            usual = flags.apiserver(program, self.folder, port, self.etcd_address)
            return [*usual, *absent, *more_flags]

        def is_ready(address: str) -> bool:
            with Api(address, trusted, admin.token) as api:
                return _says_ok(api)

        return self._serve("apiserver", words, "https", is_ready)

    def _start_controllers(self, more_flags: Sequence[str]) -> Daemon:
        program = self.assets.program("kube-controller-manager")
        words = flags.controllers(program, self.folder, self.kubeconfig(), self._minor())
        return self.run("controllers", [*words, *more_flags])

    def _minor(self) -> int:
        """20 of Kubernetes 1.20."""
        return int(str(self.admin.get("/version")["minor"]).rstrip("+"))

    def _scheduler_version(self) -> str:
        """The newest form of a scheduler's configuration that this version reads."""
        minor = self._minor()
        return "v1" if minor >= 25 else "v1beta2" if minor >= 22 else "v1beta1"

    def _is_settled(self) -> bool:
        """Whether namespaces are there, and accounts for pods if somebody makes them."""
        if self.controllers is None:
            return self.admin.find("/api/v1/namespaces/kube-node-lease") is not None
        assert self.controllers.runs, self.controllers.last_words()
        return self.may_have_pods("default")

    def _serve(
        self,
        name: str,
        words: Callable[[int], Sequence[str | Path]],
        scheme: str,
        is_ready: Callable[[str], bool],
    ) -> tuple[Daemon, str]:
        """A program at a free port, once it answers; if it ends at once, again at another."""
        for _ in range(TRIES):
            port = free_port()
            daemon = self.run(name, words(port))
            if self._comes_up(daemon, f"{scheme}://127.0.0.1:{port}", is_ready):
                return daemon, f"{scheme}://127.0.0.1:{port}"
        log = self.folder / f"{name}.log"
        raise AssertionError(f"{name} does not start:\n{log.read_text(errors='replace')[-3000:]}")

    def _comes_up(self, daemon: Daemon, address: str, is_ready: Callable[[str], bool]) -> bool:
        wait_until(lambda: not daemon.runs or is_ready(address))
        if not daemon.runs:
            self._started.remove(daemon)
        return daemon.runs


@contextmanager
def running(assets: Assets, **options: Any) -> Iterator[ControlPlane]:
    """A control plane for a block, with the options of `ControlPlane`."""
    with TemporaryDirectory(prefix="aryl-kube-") as folder:
        control_plane = ControlPlane(assets, Path(folder), **options)
        try:
            yield control_plane
        finally:
            control_plane.stop()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1.0) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def _says_ok(api: Api) -> bool:
    try:
        return api.get("/readyz") == {"message": "ok"}
    except (OSError, HTTPException, Refused):
        return False
