"""The DuckDB files: connection, migrations, landing, dead letters, published snapshots."""
