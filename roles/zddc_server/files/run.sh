# Runs steps one after the other. Arguments: the functions that they share, then a script for each step.
set -eu
# The first process of a container gets SIGTERM only with a trap, and a shell handles it only between commands.
trap 'exit 143' TERM
shared=$1
shift
for step do
  sh -c "$shared
$step" &
  wait "$!"
done
