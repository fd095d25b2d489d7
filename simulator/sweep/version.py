"""A version of the simulator that changes whenever a run's outcome may.

It is a digest of the code that makes a trace and a summary: the modules that both can reach by
imports, without comments and docstrings, and the libraries whose versions decide results.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

_ROOTS = ("simulator.inputs", "simulator.replay", "simulator.summary", "traces.synthetic")
_OURS = ("aryl.", "simulator.", "traces.")
_LIBRARIES = ("numpy", "ortools")
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def simulator_version() -> str:
    """The version of this simulator; the same on every machine with this code."""
    return version_of(Path(__file__).parents[2])


def version_of(folder: Path) -> str:
    """The version of the simulator whose packages stand in `folder`, as hexadecimal digits."""
    trees: dict[str, ast.AST] = {}
    waiting = list(_ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in trees and (file := _file_of(name, folder)) is not None:
            trees[name] = ast.parse(file.read_bytes())
            waiting += _imported(trees[name])
    digest = hashlib.sha256()
    for name in sorted(trees):
        digest.update(f"{name}\n{ast.dump(_bare(trees[name]))}\n".encode())
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    return digest.hexdigest()[:16]


def _file_of(name: str, folder: Path) -> Path | None:
    """Where a module of ours stands; None for what is a name inside a module."""
    module = folder.joinpath(*name.split("."))
    files = module.with_suffix(".py"), module / "__init__.py"
    return next((file for file in files if file.is_file()), None)


def _imported(tree: ast.AST) -> Iterator[str]:
    """What a module imports of ours, at its top or later; some of it may be no module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.startswith(_OURS))


def _bare(tree: ast.AST) -> ast.AST:
    """The tree without docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return tree
