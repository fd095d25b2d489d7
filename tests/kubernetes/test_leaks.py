"""Whoever looks for leaks finds them."""

from pathlib import Path

import pytest

from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.leaks import leaks, lost
from tests.kubernetes.stage import BOTH_TYPES, JOBS, NODES, kube_stage

pytestmark = pytest.mark.kubernetes


def test_leaks_are_found(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with kube_stage(control_plane, namespace, tmp_path, training=1, inference=1) as stage:
        stage.begin()
        stage.bring("bert", minWorkers=1, maxWorkers=2, **BOTH_TYPES)
        stage.settle()
        assert leaks(stage.api) == []
        stage.end()  # nobody puts anything right from now on

        stage.api.patch(f"{NODES}/infer-1", {"spec": {"taints": None}})
        found = leaks(stage.api)
        stage.api.delete(f"/api/v1/namespaces/{namespace}/pods/bert-0", grace_s=0)
        fewer = leaks(stage.api)
        stage.api.patch(f"{NODES}/infer-1", {"metadata": {"annotations": {"aryl.dev/loan": None}}})
        unlent = leaks(stage.api)
        stage.api.delete(JOBS.replace("trainingjobs", f"namespaces/{namespace}/trainingjobs/bert"))
        going = leaks(stage.api)

    assert [text.split()[0] for text in found] == ["infer-1"]
    assert any(text.startswith("bert has") for text in fewer)
    assert any("not on loan" in text for text in unlent)
    assert "bert is still to go" in going
    assert lost({"a"}, {}) == ["a is lost"]
