"""Programs of a control plane as processes that end with the test, however it ends."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from aryl.clock import elapsed

LIMIT_S = 60.0


def wait_until(
    holds: Callable[[], object], limit_s: float = LIMIT_S, pause_s: float = 0.05
) -> None:
    """Look again and again until it holds.

    Raises:
        AssertionError: it did not within the limit.

    """
    pause, since_s = threading.Event(), elapsed()
    while not holds():
        assert elapsed() < since_s + limit_s, f"not within {limit_s} s"
        pause.wait(pause_s)


class Spawner:
    """Starts processes that the kernel kills as soon as this process is gone.

    The kernel looks at the thread that started them, hence one thread for all, whoever asks.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spawner")

    def start(self, words: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
        """Run a command; all that it says goes to the end of the log."""
        return self._thread.submit(_start, words, log).result()

    def close(self) -> None:
        """End what still runs, and the thread."""
        self._thread.shutdown()


class Daemon:
    """One program, which can be hurt in every way that a test wants."""

    def __init__(self, spawner: Spawner, words: Sequence[str | Path], log: Path) -> None:
        """Start it."""
        self.log = log
        self._words = tuple(words)
        self._spawner = spawner
        self._process = spawner.start(words, log)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """Let it die without a word."""
        self._process.kill()
        self._process.wait(LIMIT_S)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.resume()
        self._process.terminate()
        self._process.wait(LIMIT_S)

    def start(self, *more: str) -> None:
        """Start it again after `kill` or `stop`, with further flags for good."""
        assert not self.runs, f"{self._words[0]} runs"
        self._words += more
        self._process = self._spawner.start(self._words, self.log)

    def pause(self) -> None:
        """Let it stand still: it holds its connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It stands still while the block runs."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    @contextmanager
    def slowed(self, stands_s: float, runs_s: float) -> Iterator[None]:
        """It stands still and runs in turns while the block runs."""
        ended = threading.Event()

        def pulse() -> None:
            while not ended.is_set():
                with self.paused():
                    ended.wait(stands_s)
                ended.wait(runs_s)

        thread = threading.Thread(target=pulse, name=f"slows {self.log.stem}")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


def _start(words: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - our own command
            ["setpriv", "--pdeathsig", "KILL", *map(str, words)],  # noqa: S607 - part of every Debian
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # a Ctrl-C is for pytest, which then stops us in order
        )
