"""Where the API server is and how it knows us: from a kubeconfig, or from inside a pod."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import ConfigException, load_kube_config
from kubernetes.config.incluster_config import InClusterConfigLoader

from aryl.kube.errors import Unreachable
from aryl.model.errors import BadInput

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")  # where a pod finds its own


@dataclass(slots=True)
class Access:
    """A way to an API server: its connections, and the credential of the moment."""

    configuration: Configuration
    pool: urllib3.PoolManager = field(init=False)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Prepare the connections; none is made yet."""
        self.configuration.keep_alive = True  # the kernel notices peers that went without a word
        self.pool = RESTClientObject(self.configuration).pool_manager

    @property
    def server(self) -> str:
        """The server's address."""
        return str(self.configuration.host).rstrip("/")

    def authorization(self) -> dict[str, str]:
        """The header that says who we are; asked anew each time, since tokens expire.

        Raises `Unreachable` where a token's file can't be read just now.
        """
        try:
            with self._lock:  # renewing a token writes to the configuration
                settings = self.configuration.auth_settings()
        except (ConfigException, OSError) as error:
            raise Unreachable(self.server, f"our token can't be read: {error}") from error
        token = settings.get("BearerToken", {}).get("value")
        return {"authorization": str(token).strip()} if token else {}

    def close(self) -> None:
        """Close the connections that are not in use."""
        self.pool.clear()


def from_kubeconfig(file: Path | None = None, context: str | None = None) -> Access:
    """The server of a kubeconfig's context, by default `KUBECONFIG`'s and the current one.

    Credentials may be a token, a client certificate or an exec plugin. Raises `BadInput`.
    """
    configuration = Configuration()
    try:
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=None if file is None else str(file),
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except (ConfigException, OSError) as error:
        raise BadInput(
            str(file or "kubeconfig"), f"gives no access to a cluster: {error}"
        ) from error
    return Access(configuration)


def from_inside(account: Path = ACCOUNT) -> Access:
    """The server of the cluster that this pod runs in, as its service account. Raises `BadInput`.

    The token's file is read again each minute: it is renewed about once in an hour.
    """
    configuration = Configuration()
    try:
        InClusterConfigLoader(  # type: ignore[no-untyped-call]
            token_filename=str(account / "token"), cert_filename=str(account / "ca.crt")
        ).load_and_set(configuration)
    except (ConfigException, OSError) as error:
        raise BadInput("the pod's service account", f"gives no access: {error}") from error
    return Access(configuration)
