"""Fills the templates: markup that escapes whatever a user wrote."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from api.dashboard import words


def render(template: str, **content: object) -> str:
    """A template of `api/dashboard/templates` with its content."""
    return _templates().get_template(f"{template}.html.j2").render(content)


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("api.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats = (words.duration, words.moment, words.count, words.share, words.several, words.speed)
    templates.filters |= {form.__name__: form for form in formats}
    return templates
