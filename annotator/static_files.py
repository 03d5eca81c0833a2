"""Hashed names for static files, ES module imports included."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Rewrites the import lines of our ES modules to the hashed names."""

    support_js_module_import_aggregation = True
