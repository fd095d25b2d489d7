"""What a user asks a run for; light to import, so that `aryl --help` is quick."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.scenarios.workload import Overrides


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
    knobs: Mapping[str, Any] = field(default_factory=dict)  # entries of [policy] that win
    workload: Overrides = field(default_factory=dict)  # entries of the scenario's workload that win
