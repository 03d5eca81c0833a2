"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

# What is made here may hold notes: nobody else on this machine reads it.
os.umask(0o077)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotator.settings")

application = get_wsgi_application()
