"""What a kustomization comes to, by a real kubectl."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
COMPONENTS = 4  # the first kustomize in a kubectl that knows components: kubectl 1.21

Object = Mapping[str, Any]


@cache
def kubectl() -> str:
    """A kubectl that can build our kustomizations; without one, the test is left out."""
    found = shutil.which("kubectl")
    if not found:
        pytest.skip("left out: needs kubectl 1.21 or newer")
    told = subprocess.run(  # noqa: S603 - our own words
        [found, "version", "--client", "-o", "json"], capture_output=True, check=True
    )
    version = json.loads(told.stdout).get("kustomizeVersion", "v0")
    if int(version.lstrip("v").partition(".")[0]) < COMPONENTS:
        pytest.skip(f"left out: needs kubectl 1.21 or newer; its kustomize is {version}")
    return found


def built(folder: Path) -> list[Object]:
    """All objects of a kustomization."""
    told = subprocess.run(  # noqa: S603 - our own words
        [kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    return list(yaml.safe_load_all(told.stdout))


@cache
def overlay(name: str) -> tuple[Object, ...]:
    """All objects of one of our overlays."""
    return tuple(built(KUBERNETES / "overlays" / name))


def only(objects: Iterable[Object], kind: str, name: str = "") -> Object:
    """The one object of a kind, and of a name if one is given."""
    found = [o for o in objects if o["kind"] == kind and name in {"", o["metadata"]["name"]}]
    assert len(found) == 1, [o["metadata"]["name"] for o in found]
    return found[0]


def read(*parts: str) -> list[Object]:
    """The objects in a file below `deploy/kubernetes`, as it stands there."""
    return list(yaml.safe_load_all(KUBERNETES.joinpath(*parts).read_text()))
