"""deploy/grafana/aryl.json: every panel asks for something that there is, in words that parse."""

import json
import re
from typing import Any

import pytest

from tests.deploy.prometheus import DEPLOY
from tests.deploy.series import EXPORTED, named_in

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "aryl.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


EXPRESSIONS = [  # what the panels ask, with Grafana's own variables filled in
    target["expr"].replace("$__rate_interval", "5m").replace("$job", "aryl")
    for panel in PANELS
    for target in panel["targets"]
]


def test_each_panel_has_a_title_a_meaning_a_unit_and_a_question() -> None:
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    cells: dict[tuple[int, int], int] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert cells.setdefault((x, y), panel["id"]) == panel["id"], panel["title"]
    assert len(set(cells.values())) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression_asks_only_for_series_that_there_are(expression: str) -> None:
    names = named_in(expression)

    assert names
    assert names <= EXPORTED
    assert not re.search(r"\$\w", expression), "an unknown variable"


def test_almost_every_series_is_on_the_dashboard() -> None:
    asked = {name for expression in EXPRESSIONS for name in named_in(expression)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    exported = {re.sub(r"_(bucket|sum|count)$", "", n) for n in EXPORTED if n.startswith("aryl_")}

    assert exported - shown == {"aryl_loanable_servers", "aryl_demand_age_seconds"}
