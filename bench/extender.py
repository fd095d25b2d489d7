"""kube-scheduler's questions to an idle service: 1,000 nodes by name, and 1,000 whole.

    python bench/extender.py [--questions 1000] [--nodes 1000]

`aryl serve --role api` on SQLite is asked as a kube-scheduler does: over HTTP, one question after
another on one connection. A worker whose node the plan has said is answered from the question
alone; for one that has none yet, the service looks up why its job waits. Neither needs a cluster.
Whole nodes (`nodeCacheCapable: false`) have 50 images each, as busy ones do.

Prints one JSON object: milliseconds of each verb, and how they compare with a limit.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from aryl.kube.names import JOB, MANAGED, SERVER
from aryl.model.job import JobSpec
from aryl.store import Database, Principal, Role, ServiceStore, Submission
from bench.support.figures import Figures, against, spread_ms
from bench.support.service import HOST, serving

LIMIT_MS = 10.0  # p99, by name
CONFIG = '[cluster]\nkind = "kubernetes"\n'
JOB_ID = "waits"
USER = Principal("bench", Role.SUBMITTER)
IMAGES = 50
WARM_UP = 50
FEWER = 20  # whole nodes are asked about so many times less often

Body = Mapping[str, Any]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--nodes", type=int, default=1_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aryl-") as folder:
        print(json.dumps(_measured(Path(folder), args.questions, args.nodes), indent=2))


def _measured(work: Path, questions: int, nodes: int) -> dict[str, object]:
    url, config = f"sqlite:///{work / 'aryl.db'}", work / "aryl.toml"
    config.write_text(CONFIG)
    _prepare(url)
    names = [f"node-{number:04d}" for number in range(nodes)]
    placed, unplaced = _pod({SERVER: names[nodes // 2]}), _pod({})
    with (
        serving("api", url, work, ["--config", str(config)]) as api,
        closing(HTTPConnection(HOST, api.port, timeout=30)) as connection,
    ):
        named = {"Pod": placed, "Nodes": None, "NodeNames": names}
        waiting = {"Pod": unplaced, "Nodes": None, "NodeNames": names}
        whole = {"Pod": placed, "Nodes": {"items": _whole(names)}, "NodeNames": None}
        figures = {
            "filter_ms": _asked(connection, "filter", named, questions),
            "filter_a_pod_that_waits_ms": _asked(connection, "filter", waiting, questions),
            "prioritize_ms": _asked(connection, "prioritize", named, questions),
        }
        slow = _asked(connection, "filter", whole, questions // FEWER)
    limits = {f"{name}_p99": against(LIMIT_MS, found["p99"]) for name, found in figures.items()}
    sizes = {"nodes": nodes, "whole_nodes_mib": round(len(json.dumps(whole)) / 2**20, 1)}
    return {**sizes, **figures, "filter_whole_nodes_ms": slow, **limits}


def _prepare(url: str) -> None:
    """A database on which a scheduler has led, with a job that waits."""
    spec = JobSpec(
        job_id=JOB_ID,
        submit_s=0.0,
        num_gpus=1,
        duration_s=600.0,
        gpus_per_worker=1,
        min_workers=1,
        max_workers=1,
        estimated_duration_s=600.0,
    )
    with closing(Database(url)) as database:
        database.migrate()
        store = ServiceStore.on(database, time.time)
        store.facts.settle("cluster", {})
        store.jobs.submit([Submission(spec=spec, name=JOB_ID, owner=USER.name, who=USER)])


def _asked(connection: HTTPConnection, verb: str, body: Body, questions: int) -> Figures:
    """How long answers took, from the first byte asked to the last one told."""
    payload, took_s = json.dumps(body).encode(), []
    for number in range(WARM_UP + questions):
        began_s = time.perf_counter()
        connection.request("POST", f"/extender/{verb}", payload)
        answer = connection.getresponse()
        answer.read()
        if number >= WARM_UP:
            took_s.append(time.perf_counter() - began_s)
        assert answer.status == 200, answer.status
    return spread_ms(took_s)


def _pod(annotations: Mapping[str, str]) -> Body:
    labels = {MANAGED: "true", JOB: JOB_ID}
    about = {"name": "w-0", "namespace": "ml", "labels": labels, "annotations": annotations}
    container = {"name": "main", "resources": {"limits": {"nvidia.com/gpu": "8"}}}
    return {"metadata": about, "spec": {"containers": [container]}}


def _whole(names: Sequence[str]) -> list[Body]:
    images = [{"names": [f"example.org/image-{n}@sha256:{'0' * 64}"]} for n in range(IMAGES)]
    return [{"metadata": {"name": name}, "status": {"images": images}} for name in names]


if __name__ == "__main__":
    main()
