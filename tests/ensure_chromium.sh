#!/usr/bin/env bash
# Finds Chromium for the browser tests; on Debian, as root, installs it.
set -u
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
[ -n "${GLOSA_CHROMIUM:-}" ] && exit 0
if [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq chromium >/dev/null && exit 0
fi
echo "The browser tests need Chromium: install it, or set GLOSA_CHROMIUM to its path." >&2
exit 1
