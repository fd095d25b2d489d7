"""Time that runs faster than the wall clock."""

from aryl.clock import PacedClock
from simulator.clock import VirtualClock


def test_cluster_time_runs_at_its_speed_from_its_origin() -> None:
    wall = VirtualClock()
    wall.move_to(1_000.0)
    clock = PacedClock(wall, origin_wall_s=990.0, origin_s=100.0, speed=60.0)

    assert clock.now() == 700.0
    assert clock.wall_s_until(760.0) == 1.0
    wall.move_to(1_002.0)
    assert clock.wall_s_until(760.0) == -1.0
