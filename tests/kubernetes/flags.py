"""How the programs of a control plane are told what to do, in 1.20 and in later versions."""

from collections.abc import Sequence
from pathlib import Path

Words = Sequence[str | Path]

CONTROLLERS = (
    "clusterrole-aggregation,daemonset,deployment,disruption,endpoint,endpointslice,"
    "garbagecollector,job,namespace,nodelifecycle,podgc,replicaset,serviceaccount,"
    "serviceaccount-token,statefulset"
)
NO_CONTROLLERS = "ServiceAccount,TaintNodesByCondition"  # admission that waits for controllers


def etcd(program: Path, folder: Path, port: int, peer_port: int) -> Words:
    """One member, which never waits for a disk: nothing may last."""
    address, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        program,
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
        "--log-level=error",
        "--logger=zap",
    ]


def apiserver(program: Path, folder: Path, port: int, etcd_address: str) -> Words:
    """As in production as far as clients can tell; the folder has its `Credentials`."""
    return [
        program,
        f"--etcd-servers={etcd_address}",
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


def controllers(program: Path, folder: Path, kubeconfig: Path, minor: int) -> Words:
    """The controllers that matter to pods and nodes, without limits for large clusters."""
    no_plain_port = ["--port=0"] if minor < 24 else []
    return [
        program,
        f"--kubeconfig={kubeconfig}",
        f"--controllers={CONTROLLERS}",
        "--leader-elect=false",
        "--secure-port=0",
        *no_plain_port,
        f"--service-account-private-key-file={folder / 'accounts.key'}",
        "--node-monitor-period=1s",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    ]
