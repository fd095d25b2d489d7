"""docs/operations.md has every setting, with its default."""

import re
from pathlib import Path

from pydantic import BaseModel, SecretStr

from api.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def test_each_setting_is_on_the_page_with_its_default() -> None:
    listed = dict(re.findall(r"^\| `(\w+\.\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))

    defaults = {}
    for table, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            entries = field.default.__class__.model_fields
            for entry in entries:
                defaults[f"{table}.{entry}"] = in_words(getattr(field.default, entry))
    assert listed == defaults


def in_words(default: object) -> str:
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ", ".join(default)
    return "none" if default in (None, "", {}) else str(default)
