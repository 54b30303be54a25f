"""SQL models that turn landed events into facts and rates, and the runner that keeps them up to date."""
