#!/bin/sh
# Empties /store.
set -eu
find /store -mindepth 1 -delete
