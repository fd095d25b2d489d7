"""A real control plane of a test's own: etcd, API server, controllers, schedulers."""

import json
import socket
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.kubernetes.api import Api, Refused
from tests.kubernetes.assets import Assets
from tests.kubernetes.credentials import ADMIN, Credentials, Identity
from tests.kubernetes.daemons import Daemon, Spawner, wait_until

TRIES = 4  # another process may take a port between our look and the program's
CONTROLLERS = (
    "clusterrole-aggregation,daemonset,deployment,disruption,endpoint,endpointslice,"
    "garbagecollector,job,namespace,nodelifecycle,podgc,replicaset,serviceaccount,"
    "serviceaccount-token,statefulset"
)
NO_CONTROLLERS = "ServiceAccount,TaintNodesByCondition"  # admission that waits for controllers


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

    def start_scheduler(self, config: Mapping[str, Any], name: str = "scheduler") -> Daemon:
        """A kube-scheduler with a KubeSchedulerConfiguration; who connects it is us."""
        number = next(self._numbers)
        connected = dict(config) | {"clientConnection": {"kubeconfig": str(self.kubeconfig())}}
        connected.setdefault("leaderElection", {"leaderElect": False})
        if "beta" in str(config["apiVersion"]):  # later ones have no such addresses
            address = f"127.0.0.1:{_free_port()}"  # the one by default is for one scheduler alone
            connected |= {"healthzBindAddress": address, "metricsBindAddress": address}
        file = self.folder / f"{name}-{number}.yaml"
        file.write_text(yaml.safe_dump(connected))
        words: list[str | Path] = [self.assets.program("kube-scheduler"), f"--config={file}"]
        words.append("--secure-port=0")
        return self._run(f"{name}-{number}", words)

    def run(self, name: str, words: Sequence[str | Path]) -> Daemon:
        """Another program beside the control plane, which ends with it."""
        return self._run(f"{name}-{next(self._numbers)}", words)

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
        try:
            return self.admin.get("/readyz") == {"message": "ok"}
        except (OSError, HTTPException, Refused):
            return False

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
        def words(port: int) -> list[str | Path]:
            address, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{_free_port()}"
            return [
                self.assets.program("etcd"),
                f"--data-dir={self.folder / 'etcd'}",
                f"--listen-client-urls={address}",
                f"--advertise-client-urls={address}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
                "--unsafe-no-fsync",  # nothing may last
                "--log-level=error",
                "--logger=zap",
            ]

        return self._serve("etcd", words, "http", lambda address: _answers(f"{address}/health"))

    def _start_apiserver(self, controllers: bool, more_flags: Sequence[str]) -> tuple[Daemon, str]:
        folder = self.folder

        def words(port: int) -> list[str | Path]:
            flags: list[str | Path] = [
                self.assets.program("kube-apiserver"),
                f"--etcd-servers={self.etcd_address}",
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                f"--secure-port={port}",
                f"--cert-dir={folder}",
                f"--tls-cert-file={folder / 'server.crt'}",
                f"--tls-private-key-file={folder / 'server.key'}",
                f"--client-ca-file={folder / 'authority.crt'}",
                f"--token-auth-file={folder / 'tokens.csv'}",
                f"--service-account-key-file={folder / 'accounts.key'}",
                f"--service-account-signing-key-file={folder / 'accounts.key'}",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--authorization-mode=RBAC,Node",
                "--endpoint-reconciler-type=none",
                "--allow-privileged",
            ]
            absent = [] if controllers else [f"--disable-admission-plugins={NO_CONTROLLERS}"]
            return [*flags, *absent, *more_flags]

        trusted = self.credentials.context(self.credentials.admin)

        def is_ready(address: str) -> bool:
            with Api(address, trusted, self.credentials.admin.token) as api:
                try:
                    return api.get("/readyz") == {"message": "ok"}
                except (OSError, HTTPException, Refused):
                    return False

        return self._serve("apiserver", words, "https", is_ready)

    def _start_controllers(self, more_flags: Sequence[str]) -> Daemon:
        config = self.kubeconfig()
        words: list[str | Path] = [
            self.assets.program("kube-controller-manager"),
            f"--kubeconfig={config}",
            f"--controllers={CONTROLLERS}",
            "--leader-elect=false",
            "--secure-port=0",
            *(["--port=0"] if self._is_old() else []),
            f"--service-account-private-key-file={self.folder / 'accounts.key'}",
            "--node-monitor-period=1s",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            *more_flags,
        ]
        return self._run("controllers", words)

    def _is_old(self) -> bool:
        """Whether programs still open a port without TLS unless they are told not to."""
        return int(str(self.admin.get("/version")["minor"]).rstrip("+")) < 24

    def _is_settled(self) -> bool:
        """Whether namespaces are there, and accounts for pods if somebody makes them."""
        api = self.admin
        if self.controllers is None:
            return api.find("/api/v1/namespaces/kube-node-lease") is not None
        assert self.controllers.runs, self.controllers.last_words()
        return api.find("/api/v1/namespaces/default/serviceaccounts/default") is not None

    def _serve(
        self,
        name: str,
        words: Callable[[int], Sequence[str | Path]],
        scheme: str,
        is_ready: Callable[[str], bool],
    ) -> tuple[Daemon, str]:
        """A program at a free port, once it answers; if it ends at once, again at another."""
        for _ in range(TRIES):
            port = _free_port()
            daemon = self._run(name, words(port))
            if self._comes_up(daemon, f"{scheme}://127.0.0.1:{port}", is_ready):
                return daemon, f"{scheme}://127.0.0.1:{port}"
        log = self.folder / f"{name}.log"
        raise AssertionError(f"{name} does not start:\n{log.read_text(errors='replace')[-3000:]}")

    def _comes_up(self, daemon: Daemon, address: str, is_ready: Callable[[str], bool]) -> bool:
        wait_until(lambda: not daemon.runs or is_ready(address))
        if not daemon.runs:
            self._started.remove(daemon)
        return daemon.runs

    def _run(self, name: str, words: Sequence[str | Path]) -> Daemon:
        daemon = Daemon(self._spawner, words, self.folder / f"{name}.log")
        self._started.append(daemon)
        return daemon


@contextmanager
def running(assets: Assets, **options: Any) -> Iterator[ControlPlane]:
    """A control plane for a block, with the options of `ControlPlane`."""
    with TemporaryDirectory(prefix="aryl-kube-") as folder:
        control_plane = ControlPlane(assets, Path(folder), **options)
        try:
            yield control_plane
        finally:
            control_plane.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1.0) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False
