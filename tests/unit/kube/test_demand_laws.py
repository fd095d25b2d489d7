"""What holds of inference demand on any cluster."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from aryl.engine.live import is_pressed
from aryl.engine.ports import Observation
from aryl.kube.demand.bins import DemandBins
from aryl.kube.demand.demand import Demand, DemandSource
from aryl.kube.picture import Picture
from aryl.kube.views import NodeView, PodView, ScalerView
from aryl.model.books import capacity_of, holders_of
from aryl.model.cluster import Cluster, Condition, Loan, Pool, Server
from aryl.model.demand import BIN_S, DemandHistory
from tests.unit.kube.inference import at_home, lent, node, picture, replica, scaler

APPS = ("llm", "llm-large", "vision")
LABELS: tuple[dict[str, str], ...] = ({}, {"gpu": "A10"}, {"gpu": "T4"})


@st.composite
def nodes(draw: st.DrawFn) -> list[NodeView]:
    made = []
    for n in range(draw(st.integers(1, 6))):
        make = draw(st.sampled_from((node, node, lent)))
        labels = draw(st.sampled_from(LABELS))
        ready, cordoned = draw(st.integers(0, 5)) > 0, draw(st.integers(0, 5)) == 0
        gpus = draw(st.sampled_from((8, 8, 4)))
        made.append(make(f"i{n}", gpus, labels=labels, is_ready=ready, is_cordoned=cordoned))
    return made


@st.composite
def pods(draw: st.DrawFn, servers: Sequence[NodeView], number: int) -> PodView:
    gpus = draw(st.sampled_from((1, 2, 3, 4, 8, 16)))
    here = [n.name for n in servers if n.gpus >= gpus]
    where = draw(st.sampled_from(("", *here)))
    selector = draw(st.sampled_from(LABELS)) if not where else {}
    deleted = draw(st.sampled_from((None, None, None, 5.0)))
    app = draw(st.sampled_from(APPS))
    return replica(app, number, gpus, node=where, node_selector=selector, deleted_s=deleted)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Bound pods never hold more than their node has."""
    servers = draw(nodes())
    free = {server.name: server.gpus for server in servers}
    kept = []
    for n in range(draw(st.integers(0, 12))):
        one = draw(pods(servers, n))
        if not one.node or free[one.node] >= one.gpus:
            kept.append(one)
            if one.node:
                free[one.node] -= one.gpus
    scalers: list[ScalerView] = [
        scaler(app, draw(st.integers(0, 6))) for app in APPS if draw(st.booleans())
    ]
    return picture(servers, kept, scalers)


def source_says(seen: Picture, source: DemandSource) -> float:
    return Demand(source).look(seen, 0.0, ())[1]


@given(pictures(), st.data(), st.sampled_from((DemandSource.PODS, DemandSource.HPA)))
def test_one_more_pod_never_lowers_demand(
    seen: Picture, data: st.DataObject, source: DemandSource
) -> None:
    one = data.draw(pods(tuple(seen.nodes.values()), 99))

    more = picture(seen.nodes.values(), [*seen.pods.values(), one], seen.scalers.values())

    assert source_says(more, source) >= source_says(seen, source)


@given(pictures())
def test_scalers_only_add_to_what_pods_ask(seen: Picture) -> None:
    assert source_says(seen, DemandSource.HPA) >= source_says(seen, DemandSource.PODS)


@given(pictures())
def test_the_order_in_which_things_are_seen_does_not_matter(seen: Picture) -> None:
    other = picture(
        tuple(seen.nodes.values())[::-1],
        tuple(seen.pods.values())[::-1],
        tuple(seen.scalers.values())[::-1],
    )
    home = at_home(seen)

    for source in (DemandSource.PODS, DemandSource.HPA):
        assert (
            Demand(source).look(seen, 0.0, home)[1]
            == Demand(source).look(other, 0.0, home[::-1])[1]
        )


@given(pictures())
def test_what_is_needed_now_is_at_least_what_is_used_at_home(seen: Picture) -> None:
    home = at_home(seen)
    used = {p.node for p in seen.pods.values() if p.node in home and p.deleted_s is None}

    _, now = Demand(DemandSource.PODS).look(seen, 0.0, home)

    assert now >= max(len(used), source_says(seen, DemandSource.PODS))


@given(pictures())
def test_a_pod_that_fits_only_on_a_server_on_loan_presses(seen: Picture) -> None:
    home = at_home(seen)
    free = {name: seen.nodes[name].gpus for name in home}
    for one in seen.pods.values():
        if one.node in free:
            free[one.node] -= one.gpus
    lacking = [
        one
        for one in seen.pods.values()
        if not one.node and one.deleted_s is None and could_run(one, seen, lent=True)
        if all(
            free[name] < one.gpus or not could_run(one, seen, lent=False, name=name)
            for name in home
        )
    ]

    _, now = Demand(DemandSource.PODS).look(seen, 0.0, home)

    if lacking:
        assert now > len(home)
        assert is_pressed(observed(seen, now))


def could_run(one: PodView, seen: Picture, *, lent: bool, name: str = "") -> bool:
    """Whether a node of that kind would take the pod if it were empty of workers."""
    held: dict[str, int] = {}
    for other in seen.pods.values():
        if other.node and other.deleted_s is None:
            held[other.node] = held.get(other.node, 0) + other.gpus
    return any(
        view.gpus - (held.get(view.name, 0) if lent else 0) >= one.gpus
        and one.node_selector.items() <= view.labels.items()
        for view in seen.nodes.values()
        if bool(view.loan) is lent and view.is_ready and not view.is_cordoned
        if not name or view.name == name
    )


def observed(seen: Picture, demand_now: float) -> Observation:
    """What the scheduler is shown of it."""
    servers = tuple(
        Server(
            view.name,
            Pool.INFERENCE,
            view.gpus,
            place,
            condition=Condition.OPEN if view.is_ready and not view.is_cordoned else Condition.AWAY,
        )
        for place, view in enumerate(seen.nodes.values())
    )
    cluster = Cluster(servers)
    loans = {view.name: Loan(view.name, 0.0) for view in seen.nodes.values() if view.loan}
    return Observation(
        1,
        cluster,
        capacity_of(cluster, (), loans.values()),
        holders_of(()),
        {},
        {},
        loans,
        DemandHistory(()),
        demand_now,
    )


@given(st.lists(st.tuples(st.floats(0.0, 400.0), st.integers(0, 20)), min_size=1, max_size=30))
def test_bins_hold_the_largest_demand_in_them(seen: list[tuple[float, int]]) -> None:
    bins, now, told = DemandBins(), 0.0, []
    for later_s, servers in seen:
        now += later_s
        bins.see(now, float(servers))
        told.append((now, servers))
    history = bins.history()

    first = int(told[0][0] // BIN_S)
    assert len(history) == int(now // BIN_S) - first
    assert len(history) == 0 or history.first_s == first * BIN_S
    for place, value in enumerate(history.values):
        start_s = (first + place) * BIN_S
        within = [s for at, s in told if start_s <= at < start_s + BIN_S]
        before = [s for at, s in told if at < start_s][-1:]
        assert value == max(within + before)
