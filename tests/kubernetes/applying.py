"""Aryl is deployed on a control plane as an operator deploys it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.deploy.kustomize import KUBERNETES, kubectl
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.daemons import wait_until

OWN = "aryl-system"


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
