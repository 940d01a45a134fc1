#!/bin/sh
# Boot a Debian, install the package as a user would, and print what was seen. Needs root.
# The options are those of packaging/try_package.py.
set -eu
cd "$(dirname "$0")/.."
PYTHONPATH=. exec "${PYTHON:-.venv/bin/python}" packaging/try_package.py "$@"
