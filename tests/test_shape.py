"""Nothing grows too long to be read in one go."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("aryl", "api", "simulator", "traces", "tests", "bench")
MODULE_LINES = 300  # two screens with a chart between them; most are half of that
FUNCTION_LINES = 40  # one screen

MODULES = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
NAMES = [str(file.relative_to(ROOT)) for file in MODULES]


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_there_is_code_to_measure() -> None:
    assert {"aryl/cli.py", "simulator/cli.py", "traces/cli.py", "tests/test_shape.py"} <= {*NAMES}


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_a_module_has_a_readable_length(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").count("\n")

    assert lines <= MODULE_LINES


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_every_function_fits_on_a_screen(module: Path) -> None:
    functions = _functions(ast.parse(module.read_text(encoding="utf-8")))

    spans = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: span for name, span in spans.items() if span > FUNCTION_LINES} == {}
