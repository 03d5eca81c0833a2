"""Settings of the test suite: the product's, with its own folder and fast hashes."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("SECRET_KEY", "tests-only")
# Searches in the background would take the time of the tests beside them.
os.environ.setdefault("ANNOTATOR_ACCELERATE", "0")
# Processes that tests start have the folder that the tests gave them; those that share
# out the tests (gw0, gw1) inherit the first one's and make their own.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
_made_for = os.environ.get("GLOSA_TESTS_FOLDER_OF", _worker)
if "ANNOTATOR_DATA_DIR" not in os.environ or _made_for != _worker:
    os.environ["ANNOTATOR_DATA_DIR"] = tempfile.mkdtemp(prefix="glosa-tests-")
os.environ["GLOSA_TESTS_FOLDER_OF"] = _worker

from annotator.settings import *  # noqa: E402, F403
from annotator.settings import ANNOTATOR_DATA_DIR, DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A file and not memory: workers in their own processes share the database.
DATABASES["default"].setdefault("TEST", {})
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"]["NAME"] = str(
        Path(ANNOTATOR_DATA_DIR) / "test.sqlite3"
    )
# WhiteNoise warns when the folder of collected files is missing.
(Path(ANNOTATOR_DATA_DIR) / "static").mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
