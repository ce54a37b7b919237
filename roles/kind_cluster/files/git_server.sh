#!/bin/sh
# Serves $HOME/zddc.git, empty at first, to whoever reaches the port; everybody may push: a git server for tests.
set -eu
git init --quiet --bare --initial-branch=main "$HOME/zddc.git"
cd "$HOME/zddc.git"
# A build takes a commit by its hash, also one that a test has pushed away from main since.
git config uploadpack.allowAnySHA1InWant true
git config receive.autogc false
exec git daemon --reuseaddr --informative-errors --export-all --enable=receive-pack --port=9418 --base-path="$HOME" "$HOME"
