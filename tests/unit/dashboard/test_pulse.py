"""All open pages share one look, and without a page nobody looks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from api.dashboard.pulse import LEAST_S, REFRESH_S, Pulse

SOON_S = 10.0

T = TypeVar("T")


def run(live: Callable[[], Coroutine[None, None, T]]) -> T:
    """What comes of it, in a thread of its own: in ours the browser's tests keep a loop running."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(lambda: asyncio.run(live())).result()


async def nothing_happens() -> AsyncIterator[object]:
    await asyncio.Event().wait()
    yield None


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not is_so():
            await asyncio.sleep(0.01)


def test_pages_share_a_look_and_the_last_one_ends_it() -> None:
    looks: list[int] = []

    def look() -> int:
        looks.append(len(looks))
        return looks[-1]

    async def live() -> None:
        pulse = Pulse(look, nothing_happens)
        first, second = list[int](), list[int]()
        pulse.join(first.append)
        pulse.join(second.append)
        await until(lambda: bool(first and second))
        assert first == second == [0]
        pulse.leave(first.append)
        pulse.leave(second.append)
        await until(lambda: "dashboard" not in {task.get_name() for task in asyncio.all_tasks()})

    run(live)

    assert looks == [0]


def test_what_happens_is_shown_before_the_next_refresh_however_much_it_is() -> None:
    async def live() -> list[float]:
        happens = asyncio.Event()

        async def happenings() -> AsyncIterator[object]:
            while True:
                await happens.wait()
                yield None
                await asyncio.sleep(0)

        loop, seen = asyncio.get_running_loop(), list[float]()
        pulse = Pulse(loop.time, happenings)
        pulse.join(seen.append)
        await until(lambda: len(seen) == 1)
        happens.set()
        await until(lambda: len(seen) == 3)
        pulse.leave(seen.append)
        return seen

    first, second, third = run(live)

    assert second - first < REFRESH_S
    assert third - second >= LEAST_S


def test_a_page_that_fails_leaves_the_others_alone() -> None:
    async def live() -> list[int]:
        pulse = Pulse(lambda: 1, nothing_happens)
        seen: list[int] = []

        def fails(_: int) -> None:
            raise ValueError

        pulse.join(fails)
        pulse.join(seen.append)
        await until(lambda: len(seen) == 2)
        return seen

    assert run(live) == [1, 1]
