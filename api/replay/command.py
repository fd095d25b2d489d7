"""The command: finds where a replay stands, plays what is left, and tells what came of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.replay.options import Manner, Source
from api.replay.player import Arrival, Pace, Player
from api.replay.result import drawn, summary_of
from aryl.client.ask import Json
from aryl.client.session import Session
from aryl.client.verbs.verb import JOBS, verb
from aryl.model.errors import BadInput

app = typer.Typer(rich_markup_mode="markdown")


@verb("replay", "aryl replay trace.csv.gz --speed 600", JOBS, group=app)
def replay(session: Session, *, source: Source, manner: Manner) -> None:
    """Submit a trace's jobs to the service, each at its time; durations stay what they are.

    Time is the cluster's own, which runs faster than the wall clock where the cluster is emulated.
    While the service is away, the replay waits for it.
    """
    from api.replay.script import script_of  # noqa: PLC0415 - reading traces is slow to import

    pools = session.service.pools()["items"]
    script = script_of(source, {pool["name"]: pool for pool in pools})
    there = {job["id"]: job for job in _all_jobs(session)}
    place = _place(script.arrivals, there, manner)
    pace = _pace(session, script.arrivals[:place], there, manner.speed)
    player = Player(session.service, pace, session.wait, session.note)
    left = script.arrivals[place:]
    is_whole = False
    with _bar(session, len(left)) as told, suppress(KeyboardInterrupt):
        player.play(left, script.samples(), told)
        is_whole = True
    session.answer(summary_of(script.arrivals, _all_jobs(session), player.tally), drawn)
    if not is_whole:
        session.note("stopped; the same command with --resume goes on from here")
        raise typer.Exit(1)


def _all_jobs(session: Session) -> Sequence[Json]:
    jobs: Sequence[Json] = session.service.jobs({})["items"]
    return jobs


def _place(arrivals: Sequence[Arrival], there: dict[str, Json], manner: Manner) -> int:
    """How many jobs an earlier replay got through. Raises `BadInput` where none was meant."""
    known = [place for place, arrival in enumerate(arrivals) if arrival.body["id"] in there]
    if not known:
        return 0
    if not manner.resume:
        name = arrivals[known[0]].body["id"]
        expected = "--resume, to go on where a replay stopped, or --prefix, to give other ids"
        raise BadInput("--prefix", "is a job already", value=name, expected=expected)
    return known[-1] + 1


def _pace(
    session: Session, done: Sequence[Arrival], there: dict[str, Json], speed: float | None
) -> Pace:
    """The time of the first job: now, or when an earlier replay must have begun."""
    status = session.service.status()
    clock_speed = status["speed"]
    stretch = clock_speed / speed if speed else 1.0
    start_s = status["now_s"]
    if done:
        start_s = there[done[-1].body["id"]]["submit_s"] - done[-1].due_s * stretch
    return Pace(start_s, stretch, clock_speed)


@contextmanager
def _bar(session: Session, jobs: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where that is a terminal."""
    columns = (
        TextColumn("submitted"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("jobs"),
        TimeElapsedColumn(),
    )
    console = session.errors
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=jobs)
        yield lambda: bar.advance(task)
