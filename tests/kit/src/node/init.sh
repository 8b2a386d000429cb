# First process of a node, in namespaces of its own: makes the machine's file system the node's, and reaps what is left
# to it. When it ends, the kernel ends all processes of the node. Arguments: the node's name, its folder, the programs.
set -e
name=$1 folder=$2 programs=$3

echo "$name" >/proc/sys/kernel/hostname
# kubelet sets these for the whole machine; it leaves them alone where it finds them as it wants them.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  copy=$folder/sysctl/${setting%=*}
  mkdir -p "${copy%/*}"
  echo "${setting#*=}" >"$copy"
  mount --bind "$copy" "/proc/sys/${setting%=*}"
done

mkdir -p "$folder/run/v9s/bin" "$folder/run/v9s/cni" "$folder/run/netns" "$folder/lib" "$folder/log"
mount --bind "$programs" "$folder/run/v9s/bin"
mount --rbind "$folder/run" /run
mount --bind "$folder/log" /var/log
# The last one: it hides the node's folder.
mount --bind "$folder/lib" /var/lib
# Pods see mounts that are made later, and make some that others see.
mount --make-rshared /

ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter

: >/run/v9s/ready
sleep infinity &
wait
