"""Where the programs of a real control plane are, on this machine."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

NEEDED = ("etcd", "kube-apiserver")  # what every folder must have
BUILT = (*NEEDED, "kube-controller-manager", "kube-scheduler", "kubemark")


@dataclass(frozen=True, slots=True)
class Assets:
    """A folder with the programs, as `KUBEBUILDER_ASSETS` names one."""

    folder: Path

    def has(self, program: str) -> bool:
        """Whether it can be run."""
        return os.access(self.folder / program, os.X_OK)

    def program(self, name: str) -> Path:
        """Where it is; without it, the test is left out."""
        if not self.has(name):
            pytest.skip(f"left out: {self.folder} has no {name}; `make control-plane` builds one")
        return self.folder / name


def find_assets() -> Assets | None:
    """The folder that `KUBEBUILDER_ASSETS` names, else the one that was built; None: neither."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if named:
        assets = Assets(Path(named))
        missing = [program for program in NEEDED if not assets.has(program)]
        assert not missing, f"KUBEBUILDER_ASSETS={named} has no {', '.join(missing)}"
        return assets
    built = Assets(_cache())
    return built if all(built.has(program) for program in BUILT) else None


def _cache() -> Path:
    """Where build_control_plane.sh puts what it builds."""
    named = os.environ.get("ARYL_CONTROL_PLANE")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else caches / "aryl" / "control-plane"
