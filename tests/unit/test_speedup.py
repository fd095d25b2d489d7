"""Throughput by workers, scaled so that the requested size makes one worker-second each."""

import pytest

from aryl.model.errors import BadInput
from aryl.policy.speedup import SPEEDUPS, speedup_named, throughput

MODELS = [
    "linear",
    "loss=0.2",
    "loss=0",
    "amdahl=0.1",
    "amdahl=0",
    "comm=0.3:4e8:1e10",
    "comm=0.3:4e8:1e10:0.5",
    "comm=0.3:4e8:1e10:0.5:0.9",
    "table=1:1,2:1.9,4:3.4",
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("requested", [1, 2, 3, 7])
def test_the_requested_size_gives_the_run_time_asked_for(model: str, requested: int) -> None:
    assert throughput(model, requested, requested) == pytest.approx(requested)


@pytest.mark.parametrize("model", [m for m in MODELS if not m.startswith("table")])
def test_more_workers_are_never_slower(model: str) -> None:
    rates = [throughput(model, workers, 4) for workers in range(1, 17)]

    assert rates == sorted(rates)


@pytest.mark.parametrize(
    ("model", "workers", "rate"),
    [
        pytest.param("linear", 5, 5, id="linear"),
        pytest.param("loss=0.2", 3, 1 + 0.8 + 0.64, id="each contributes 0.8 of the one before"),
        pytest.param("loss=0", 3, 3, id="no loss"),
        pytest.param("amdahl=0.25", 3, 1 / (0.25 + 0.75 / 3), id="a serial share"),
        pytest.param("amdahl=1", 8, 1, id="all serial"),
        # 1 s / 4 + 2 x 3/4 x 10 / 100 s = 0.4 s a step
        pytest.param("comm=1:10:100", 4, 2.5, id="a ring all-reduce"),
        pytest.param("comm=1:10:100:0.5", 4, 1 / 0.325, id="compressed to half"),
        pytest.param("comm=1:10:100:1:1", 4, 4, id="all of it hidden"),
        pytest.param("table=1:1,2:1.9,4:3.4", 2, 1.9, id="a profiled point"),
        pytest.param("table=1:1,2:1.9,4:3.4", 3, 2.65, id="between two points"),
        pytest.param("table=1:1,2:1.9,4:3.4", 9, 3.4, id="flat beyond the last"),
        pytest.param("table=4:3.4,2:1.9,1:1", 3, 2.65, id="points in any order"),
    ],
)
def test_throughput(model: str, workers: int, rate: float) -> None:
    assert throughput(model, workers, 1) == pytest.approx(rate)


@pytest.mark.parametrize(
    "text",
    [
        *("", "quadratic", "loss", "loss=1", "loss=-0.1", "loss=nan", "loss=x"),
        *("amdahl=1.1", "amdahl=-1", "amdahl=nan"),
        *("comm=1:2", "comm=1:2:0", "comm=0:2:3", "comm=1:-2:3", "comm=1:2:3:4:5:6"),
        *("comm=1:2:3:1:2", "comm=nan:2:3", "comm=1:2:inf"),
        *("table=", "table=1", "table=0:1", "table=1:0", "table=1:-1", "table=x:1"),
        *("table=1:nan", "table=1:inf"),
    ],
)
def test_any_other_text_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(BadInput, match=r"column speedup: .* expected linear, loss=SHARE"):
        speedup_named(text)


def test_every_model_is_tested() -> None:
    assert {model.partition("=")[0] for model in MODELS} == set(SPEEDUPS)
