# Ends everything of one cluster and removes every trace of it. Arguments: the cluster's name, its folder.
# Idempotent, and independent of how the cluster came to its end: it goes by the name alone.
name=$1 folder=$2

# The cluster's control groups, one tree per hierarchy.
trees() {
  for tree in "/sys/fs/cgroup/$name" /sys/fs/cgroup/*/"$name"; do
    [ -d "$tree" ] && echo "$tree"
  done
}
# Its processes: whatever was started for it began in these groups, and their children are born into them.
processes() {
  trees | while read -r tree; do find "$tree" -name cgroup.procs -exec cat {} +; done 2>/dev/null | sort -u
}
remove_groups() {
  trees | while read -r tree; do find "$tree" -depth -type d -exec rmdir {} + 2>/dev/null; done
  [ -z "$(trees)" ]
}
# Tries for ten seconds: the kernel needs a moment to take a process apart.
patiently() {
  tries=200
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.05
  done
}
kill_processes() {
  found=$(processes)
  [ -n "$found" ] || return 0
  # Word splitting is meant.
  kill -KILL $found 2>/dev/null
  return 1
}

status=0
complain() { echo "cleaning up cluster $name: $1" >&2; status=1; }

patiently kill_processes || complain "these processes do not end: $(processes | tr '\n' ' ')"
# The interfaces of the nodes went with their namespaces, the routes go with this one.
if [ -e "/sys/class/net/$name" ]; then
  ip link delete "$name" || complain "its network interface stays"
fi
patiently remove_groups || complain "these control groups stay: $(trees | tr '\n' ' ')"
# Controllers that were turned on for the cluster (control groups version 2); the kernel refuses while others use them.
if [ -f "$folder/controllers" ]; then
  for controller in $(cat /sys/fs/cgroup/cgroup.subtree_control); do
    grep -qw "$controller" "$folder/controllers" ||
      echo "-$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
  done
fi
# All mounts were made in the nodes' own namespaces. Should one be here nevertheless, what it leads to is not ours.
if grep -qF " $folder/" /proc/self/mountinfo; then
  complain "something is mounted below $folder"
fi
if [ $status = 0 ]; then
  rm -rf --one-file-system "$folder" || status=1
  # The home of all clusters, when this was the last; not while somebody who starts one holds its lock.
  home=${folder%/*}
  flock --nonblock "$home" rmdir --ignore-fail-on-non-empty "$home"
fi
exit $status
