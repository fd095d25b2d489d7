"""The shapes of requests and responses: pydantic stays here."""
