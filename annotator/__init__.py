"""Glosa's web application: the Django project and its one app."""
