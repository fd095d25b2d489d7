"""Writes are spread over time."""

import threading
from dataclasses import dataclass, field

import pytest

from aryl.kube.throttle import Throttle


@dataclass
class Time:
    """Passes when it is waited for."""

    now_s: float = 1000.0
    waits_s: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds


def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    time = Time()
    throttle = Throttle(rate_per_s=10.0, burst=3, now=time.now, wait=time.wait)

    waited_s = [throttle.take() for _ in range(6)]

    assert waited_s == pytest.approx([0.0, 0.0, 0.0, 0.1, 0.1, 0.1])
    assert time.now_s == pytest.approx(1000.3)


def test_rest_fills_the_bucket_again_and_no_further_than_its_size() -> None:
    time = Time()
    throttle = Throttle(rate_per_s=10.0, burst=2, now=time.now, wait=time.wait)
    for _ in range(4):
        throttle.take()
    time.now_s += 3600.0

    waited_s = [throttle.take() for _ in range(3)]

    assert waited_s == pytest.approx([0.0, 0.0, 0.1])


def test_threads_take_turns_one_after_the_other() -> None:
    waits_s: list[float] = []
    throttle = Throttle(rate_per_s=10.0, burst=1, now=lambda: 0.0, wait=waits_s.append)

    threads = [threading.Thread(target=throttle.take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(waits_s) == pytest.approx([0.1, 0.2, 0.3])
