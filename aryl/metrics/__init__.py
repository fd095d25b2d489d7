"""What Aryl tells Prometheus of itself."""

from aryl.metrics.families import Cause, process_registry
from aryl.metrics.metrics import Metrics
from aryl.metrics.timing import StepTimer

__all__ = ["Cause", "Metrics", "StepTimer", "process_registry"]
