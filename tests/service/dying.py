"""A service that kills itself, as `kill -9` does, when a step of a cycle that acts is reached.

`python dying.py CONFIG STEP NTH`: at the n-th time that STEP is reached; with NTH 0 it lives.
"""

import os
import signal
import sys
from pathlib import Path

from api.listening import announce
from api.main import Service
from api.reporting import Reporter
from api.settings import read_settings
from aryl.engine.cycle import Step, Timer
from aryl.metrics import Metrics


def main() -> None:
    config, step, nth = Path(sys.argv[1]), Step(sys.argv[2]), int(sys.argv[3])

    class Dying(Reporter):
        def __init__(self, metrics: Metrics, elapsed: Timer) -> None:
            super().__init__(metrics, elapsed)
            self._left = nth

        def reached(self, at: Step) -> None:
            super().reached(at)
            if at is step and self._left:
                self._left -= 1
                if not self._left:
                    os.kill(os.getpid(), signal.SIGKILL)

    Service(read_settings(config, {}, {}), reporter=Dying).run(announce)


if __name__ == "__main__":
    main()
