"""The same events lead to the same plans, in the simulator and on Kubernetes."""

from collections import Counter
from pathlib import Path

import pytest

from aryl.policy.registry import load_policy
from tests.kubernetes.cluster import wait_until_schedulable
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.same_plans import HOUR_S, AtRest, Told, inputs_of, lived, misplaced, simulated
from tests.kubernetes.stage import WORKER, kube_stage

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]

POLICY = {"cycle_s": 0.0, "forecaster": "last"}
HOURS = 2.0


def test_hours_on_kubernetes_are_decided_as_in_the_simulator(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    at_once = {"spec": WORKER | {"terminationGracePeriodSeconds": 0}}
    with kube_stage(
        control_plane,
        namespace,
        tmp_path,
        training=20,
        inference=20,
        worker_template=at_once,
        workers_per_training_worker=2.0,
    ) as stage:
        names = [raw["metadata"]["name"] for raw in stage.api.list("/api/v1/nodes")]
        wait_until_schedulable(stage.api, names)
        stage.config, stage.now = load_policy(POLICY), 0.0
        stage.watcher = AtRest(stage)
        stage.begin()
        cluster = stage.opened.cluster.observe().cluster
        inputs = inputs_of(cluster, stage.config, jobs=100, hours=HOURS)
        stage.end()
        stage.told = Told(inputs.world.load)
        stage.begin()

        there = simulated(inputs, HOURS * HOUR_S)
        here = lived(inputs, stage, HOURS * HOUR_S)

        for expected, found in zip(there, here, strict=True):
            assert found == expected
        assert stage.agreement() == []
        assert misplaced(stage) == []
        kinds = Counter(decision[1] for decision in there)
        assert kinds.keys() == {
            "StartJob",
            "ResizeJob",
            "PreemptJob",
            "LoanServer",
            "ReclaimServer",
        }
