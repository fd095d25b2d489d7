"""Contract tests run against real databases."""

from tests.databases import (
    database,
    empty_database,
    empty_postgres_url,
    postgres,
    postgres_url,
    sqlite_template,
    sqlite_url,
)

__all__ = [
    "database",
    "empty_database",
    "empty_postgres_url",
    "postgres",
    "postgres_url",
    "sqlite_template",
    "sqlite_url",
]
