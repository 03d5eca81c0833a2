"""Make an administrator of the installation."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from annotator.exceptions import InvalidValues
from annotator.services import accounts


class Command(BaseCommand):
    help = "Make an administrator of the installation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="", help="asked for when left out")
        parser.add_argument("--email", default="")
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from the first line of standard input",
        )
        source.add_argument(
            "--generate-password",
            action="store_true",
            help="make a password and print it (also what happens without a terminal)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        username = options["username"] or self._ask_username()
        password = "" if options["generate_password"] else self._password(options)
        generated = not password
        if generated:
            password = accounts.generate_password()
        try:
            user = accounts.create_user(
                actor=None,
                username=username,
                email=options["email"],
                password=password,
                is_admin=True,
            )
        except InvalidValues as error:
            lines = [f"{name}: {' '.join(said)}" for name, said in error.fields.items()]
            raise CommandError("\n".join(lines)) from error
        self.stdout.write(f"Administrator {user.username} was made.")
        if generated:
            self.stdout.write(f"Password: {password}")

    def _ask_username(self) -> str:
        if not sys.stdin.isatty():
            raise CommandError("give --username")
        return input("User name: ").strip()

    def _password(self, options: dict[str, Any]) -> str:
        """Return the password given, empty when one is to be generated."""
        if options["password_stdin"]:
            password = sys.stdin.readline().rstrip("\r\n")
            if not password:
                raise CommandError("standard input holds no password")
            return password
        if not sys.stdin.isatty():
            return ""
        password = getpass.getpass("Password (empty: generate one): ")
        if password and getpass.getpass("Again: ") != password:
            raise CommandError("the two passwords differ")
        return password
