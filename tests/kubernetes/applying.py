"""Aryl is deployed on a control plane as an operator deploys it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.kustomize import KUBERNETES, kubectl, only, overlay
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import Daemon, wait_until
from tests.ports import free_port
from tests.service.processes import STARTED, Process, started

OWN = "aryl-system"
ADDRESSES = ("healthzBindAddress", "metricsBindAddress")


class Applier:
    """Applies manifests by kubectl, as somebody who may do everything."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._config = control_plane.kubeconfig()
        self._cache = control_plane.folder / "kubectl"

    def __call__(self, *words: str, manifest: str = "") -> str:
        """Run kubectl; what it says."""
        told = subprocess.run(  # noqa: S603 - our own words
            [kubectl(), f"--cache-dir={self._cache}", *words],
            input=manifest,
            env=os.environ | {"KUBECONFIG": str(self._config)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        return told.stdout

    def overlay(self, name: str) -> None:
        """Apply one of our overlays."""
        self("apply", "-k", str(KUBERNETES / "overlays" / name))


@contextmanager
def applying(control_plane: ControlPlane) -> Iterator[Applier]:
    """kubectl, and a namespace for Aryl in which nothing has been yet."""
    wait_until(lambda: control_plane.admin.find(f"/api/v1/namespaces/{OWN}") is None)
    applier = Applier(control_plane)
    namespace = str(KUBERNETES / "base" / "namespace.yaml")
    applier("apply", "-f", namespace)
    try:
        yield applier
    finally:
        applier("delete", "-f", namespace, "--wait=false")


def run_scheduler(
    control_plane: ControlPlane, config: Any, kubeconfig: Path, file: Path, *words: str
) -> Daemon:
    """A kube-scheduler of our configuration, which others may run at the same time."""
    here = {"clientConnection": {"kubeconfig": str(kubeconfig)}}
    ports = {each: f"127.0.0.1:{free_port()}" for each in ADDRESSES if each in config}
    file.write_text(yaml.safe_dump({**config, **here, **ports}))
    program = control_plane.assets.program("kube-scheduler")
    return control_plane.run("sidecar", [program, f"--config={file}", *words])


class Deployment:
    """What the pods of an overlay would run, run here."""

    def __init__(self, control_plane: ControlPlane, name: str, folder: Path) -> None:
        self.objects = overlay(name)
        self._control_plane, self._folder = control_plane, folder
        self._schedulers: list[Daemon] = []
        self._services: list[Process] = []
        self.config = control_plane.kubeconfig_of(control_plane.service_account(OWN, "aryl"))

    def serve(self) -> Process:
        """Its service, at a port of its own and on a database of its own."""
        container = self._container("aryl")
        (self._folder / "aryl.toml").write_text(self._config_of("aryl.toml"))
        words = [word for word in container["args"] if not word.startswith("--config=")]
        here = ["--host=127.0.0.1", "--port=0", f"--database=sqlite:///{self._folder / 'aryl.db'}"]
        command = ["-m", "aryl", *words, f"--config={self._folder / 'aryl.toml'}", *here]
        process = started(command, self.log)
        self._services.append(process)
        return process

    def schedule(self, service: Process) -> Daemon:
        """Its kube-scheduler, which asks the service where that is."""
        config = yaml.safe_load(self._config_of("scheduler.yaml"))
        config["extenders"][0]["urlPrefix"] = f"{service.address}/extender"
        program, _, *words = self._container("kube-scheduler")["command"]
        assert program == "kube-scheduler"
        file = self._folder / "scheduler.yaml"
        scheduler = run_scheduler(self._control_plane, config, self.config, file, *words)
        self._schedulers.append(scheduler)
        return scheduler

    @property
    def log(self) -> Path:
        return self._folder / "aryl.log"

    def stop(self) -> None:
        """Let it end as pods do that are asked to."""
        for service in self._services:
            assert service.stop() == 0
        self.end()

    def end(self) -> None:
        """End all of it at once."""
        while self._schedulers:
            self._control_plane.end(self._schedulers.pop())
        while self._services:
            service = self._services.pop()
            if service.popen.poll() is None:
                service.kill()
            STARTED.remove(service.popen)

    def _container(self, name: str) -> Any:
        pod = only(self.objects, "Deployment")["spec"]["template"]["spec"]
        return next(each for each in pod["containers"] if each["name"] == name)

    def _config_of(self, file: str) -> str:
        maps = [o["data"] for o in self.objects if o["kind"] == "ConfigMap"]
        return str(next(data[file] for data in maps if file in data))
