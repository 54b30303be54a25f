"""When the pipeline runs, never what it does."""
