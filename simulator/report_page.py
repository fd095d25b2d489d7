"""Renders a report as one HTML file that asks the network for nothing."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]  # plotly ships no types


def write_page(path: Path, template: str, content: Mapping[str, object]) -> Path:
    """Fill a template of `simulator/templates` and write it; the same content, the same bytes."""
    scripts = _plotly_js(), _asset("report.js")
    page = (
        _templates()
        .get_template(template)
        .render(
            content,
            plotly_js=Markup(scripts[0]),  # noqa: S704 - the library's own code
            page_js=Markup(scripts[1]),  # noqa: S704 - our own code
            page_css=Markup(_asset("report.css")),  # noqa: S704 - our own style
            script_hashes=" ".join(f"'{_hash(script)}'" for script in scripts),
        )
    )
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("simulator"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _plotly_js() -> str:
    return str(get_plotlyjs())


@cache
def _asset(name: str) -> str:
    return (resources.files("simulator") / "templates" / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The script as the page's security policy names it, so that no other one runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
