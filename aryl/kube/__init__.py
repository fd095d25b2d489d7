"""Aryl on Kubernetes: a cluster of real nodes behind the engine's port; nothing outside knows it.

`KubeApi` asks and writes, `Mirror` keeps what is seen, `Served` and `Right` say what can be done.
"""
