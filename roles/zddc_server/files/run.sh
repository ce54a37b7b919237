# Runs steps, one after the other: what they share, then a script for each.
set -eu
# The first process of a container hears SIGTERM only if it asks to, and a shell only between commands.
trap 'exit 143' TERM
shared=$1
shift
for step do
  sh -c "$shared
$step" &
  wait "$!"
done
