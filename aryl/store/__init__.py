"""What Aryl remembers, in SQLite or PostgreSQL; nothing outside knows SQL."""
