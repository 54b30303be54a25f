"""CSV exports of case systems as events, by a `mapping.yaml`."""

from producers.csv_export.importing import ImportSummary, import_exports

__all__ = ["ImportSummary", "import_exports"]
