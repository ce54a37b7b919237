#!/bin/sh
# Empties /store.
set -eu
find /store -mindepth 1 -maxdepth 1 -exec rm -rf -- {} +
