"""One real control plane for each test process, found empty by every test."""

from collections.abc import Generator, Iterator
from itertools import count

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.assets import Assets, find_assets
from tests.kubernetes.cleaning import look, wipe
from tests.kubernetes.control_plane import ControlPlane, running
from tests.kubernetes.daemons import wait_until

LEFT_OUT = "left out: tests on a real control plane; `make control-plane` builds one"

_numbers = count(1)


@pytest.fixture(scope="session")
def assets() -> Assets:
    """The programs of a control plane; without them, tests are left out."""
    found = find_assets()
    if found is None:
        pytest.skip(LEFT_OUT)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report all that is left out as left out here: pytest then says so in one line."""
    report = yield
    if isinstance(report.longrepr, tuple) and LEFT_OUT in report.longrepr[2]:
        report.longrepr = (__file__, 0, LEFT_OUT)
    return report


@pytest.fixture(scope="session")
def shared_control_plane(assets: Assets) -> Iterator[ControlPlane]:
    """The one that tests use in turns; ask for `control_plane`."""
    with running(assets, controllers=assets.has("kube-controller-manager")) as control_plane:
        yield control_plane


@pytest.fixture
def control_plane(shared_control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """API server, etcd and controllers, without nodes, pods and custom objects."""
    before = look(shared_control_plane.admin)
    yield shared_control_plane
    shared_control_plane.recover()
    wipe(shared_control_plane.admin, before)


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    """The API as somebody who may do everything."""
    return control_plane.admin


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """The name of a namespace of the test's own."""
    name, api = f"test-{next(_numbers)}", control_plane.admin
    api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    wait_until(lambda: control_plane.may_have_pods(name))
    return name
