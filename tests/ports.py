"""Ports for services under test, none of which the kernel gives to others meanwhile."""

import secrets
import socket

PORTS = range(20_000, 32_000)  # below those that outgoing connections are given


def free_port() -> int:
    """A port that nobody listens at now, and that nobody is given by chance."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
