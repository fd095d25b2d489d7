"""What must hold before a service touches a Kubernetes cluster, and what it finds there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aryl.kube.access import Access, from_inside, from_kubeconfig
from aryl.kube.client import KubeApi
from aryl.kube.discovery import Served, discover
from aryl.kube.options import KubeOptions
from aryl.kube.paths import NODES
from aryl.kube.rights import Mode, Right, missing, needed
from aryl.kube.shape import why_away
from aryl.kube.translate import node_view
from aryl.kube.views import NodeView
from aryl.model.cluster import Pool
from aryl.model.errors import BadInput

NAMESPACE = "ARYL_NAMESPACE"  # the environment's name for the namespace that Aryl runs in
KUBECONFIG = "KUBECONFIG"


@dataclass(frozen=True, slots=True)
class PoolFound:
    """The nodes of a pool; `away` says of some why no new worker may come there."""

    nodes: int
    gpus: int
    away: Mapping[str, str]

    def __str__(self) -> str:
        """Say it in words: `4 nodes, 32 GPUs, 1 away`."""
        away = f", {len(self.away)} away" if self.away else ""
        return f"{self.nodes} {'node' if self.nodes == 1 else 'nodes'}, {self.gpus} GPUs{away}"


Pools = Mapping[Pool, PoolFound]


@dataclass(frozen=True, slots=True)
class Look:
    """What a service in some mode would find on a cluster; it starts where there is no problem."""

    server: str
    version: str
    mode: Mode
    served: Served
    pools: Pools
    lacking: tuple[Right, ...]
    problems: tuple[str, ...]


def access_of(options: KubeOptions, environment: Mapping[str, str]) -> Access:
    """The way to the cluster: by a kubeconfig, or as the pod that this is. Raises `BadInput`."""
    if options.kubeconfig:
        return from_kubeconfig(Path(options.kubeconfig), options.context or None)
    usual = Path("~/.kube/config").expanduser()
    if environment.get(KUBECONFIG) or options.context or usual.exists():
        return from_kubeconfig(context=options.context or None)
    return from_inside()


def own_namespace(options: KubeOptions, environment: Mapping[str, str]) -> str:
    """Where the lease of Aryl is."""
    return environment.get(NAMESPACE) or options.namespace


def mode_of(options: KubeOptions, *, shadow: bool) -> Mode:
    """What a service may do by its settings."""
    return Mode.SHADOW if shadow else Mode(options.placing.value)


def nodes_of(api: KubeApi, options: KubeOptions) -> list[NodeView]:
    """The nodes of both pools, by name. Raises as `KubeApi.list` does."""
    raw = api.list(NODES, labelSelector=options.pool_label).items
    found = [node for item in raw if (node := node_view(item, options)) is not None]
    return sorted(found, key=lambda node: node.name)


def pools_of(nodes: list[NodeView], options: KubeOptions) -> Pools:
    """What each pool has."""
    return {
        pool: PoolFound(
            nodes=sum(node.pool is pool for node in nodes),
            gpus=sum(node.gpus for node in nodes if node.pool is pool),
            away={
                node.name: why
                for node in nodes
                if node.pool is pool and (why := why_away(node, options))
            },
        )
        for pool in Pool
    }


def look(api: KubeApi, options: KubeOptions, mode: Mode, namespace: str) -> Look:
    """Look at a cluster; Aryl itself is in that namespace. Raises as `KubeApi.get` does."""
    served = discover(api)
    lacking = tuple(missing(api, needed(mode, served, namespace)))
    may_look = not any(right.resource == "nodes" and right.verb == "list" for right in lacking)
    pools = pools_of(nodes_of(api, options) if may_look else [], options)
    problems = [f"the right to {right}" for right in lacking]
    if lacking:
        overlay = f"deploy/kubernetes/overlays/{mode}"
        problems.append(f"grant it: kubectl apply -k {overlay}, before 1.25 see the guide")
    if mode is not Mode.SHADOW and served.path("trainingjobs") is None:
        problems.append("TrainingJobs; define them: aryl kube crd | kubectl apply -f -")
    if may_look and not any(pool.nodes for pool in pools.values()):
        label = options.pool_label
        problems.append(
            f"nodes with the label {label}; some of them need it: "
            f"kubectl label node NODE {label}=training (or {label}=inference)"
        )
    version = str(api.get("/version")["gitVersion"])
    return Look(api.server, version, mode, served, pools, lacking, tuple(problems))


def checked(found: Look) -> Look:
    """The same. Raises `BadInput` with every problem where there is one."""
    if found.problems:
        told = "".join(f"\n  {problem}" for problem in found.problems)
        raise BadInput(found.server, f"can't be scheduled in mode {found.mode}, for lack of{told}")
    return found
