"""Whatever starts Glosa makes files that no other user of the machine can read."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTS = {
    "command": "import manage, sys; sys.argv = ['manage.py', 'version']; manage.main()",
    "web": "import annotator.wsgi",
    "worker": (
        "from annotator.celery import app; from celery.apps.worker import Worker;"
        "Worker(app=app, hostname='quick@here', pool='solo')"
    ),
    "supervisor": (
        "import os; os.environ['PORT'] = '1'; from annotator import supervisor;"
        "supervisor.can_listen = lambda *_: False; supervisor.main()"
    ),
}


@pytest.mark.parametrize("code", STARTS.values(), ids=STARTS)
def test_files_are_private_in_a_folder_that_is_not(code, tmp_path):
    tmp_path.chmod(0o755)
    made = tmp_path / "made"
    environment = os.environ | {
        "ANNOTATOR_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "annotator.settings",
    }
    code = f"{code}; open({str(made)!r}, 'w').close()"

    subprocess.run(
        [sys.executable, "-c", f"import os; os.umask(0o022); {code}"],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )

    assert stat.S_IMODE(made.stat().st_mode) == 0o600
