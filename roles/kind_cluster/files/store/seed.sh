#!/bin/sh
# Lays sample documents into /store and gives all of it to $STORE_UID:$STORE_GID. A document that is there is left alone.
set -eu
umask 022
cd /store

document() { # path; the text comes on standard input
  [ ! -e "$1" ] || return 0
  mkdir -p "$(dirname "$1")"
  cat > "$1"
  touch -t 202601010000 "$1"
}

document Alpha/Drawings/A-101.txt <<'T'
Alpha, drawing A-101: ground floor.
T
document Alpha/Reports/2026-01.txt <<'T'
Alpha, report for January 2026.
T
document 'Beta/Notes and plans.txt' <<'T'
Beta, notes and plans.
T
document .zddc <<'T'
# A sample: who may see what would stand here.
T
document .templates/letter.txt <<'T'
A letter that the server hides, since its folder begins with a dot.
T
chown -hR -- "$STORE_UID:$STORE_GID" .
