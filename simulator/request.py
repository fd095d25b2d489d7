"""What a user asks a run for; light to import, so that `aryl --help` is quick."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a user asks for; None leaves a choice to the defaults of spec §5."""

    trace: Path
    inference: Path | None = None
    inference_peak: float = 0.95
    cluster: str = "paper"
    policy: Path | None = None
    scheme: str | None = None
    scenario: str | None = None
    seed: int | None = None
