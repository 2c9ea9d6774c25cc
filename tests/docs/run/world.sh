# Two machines for command lines: "cloud", where this runs, and "till-7" at the edge, which the
# cloud reaches by no other way than a tunnel. Every port is free on both, files below /etc are a
# copy, those below /run and /var/log are gone. Ends when stdin does. Arguments: names that lead to the cloud.
set -eu
hostname cloud
ip link set lo up
unshare --net --uts sleep infinity &
edge=$!
trap 'kill $edge' EXIT
# Until it has left this namespace, there is nothing to enter.
until [ "$(readlink /proc/$edge/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add cloud0 type veth peer name edge0 netns "$edge"
ip addr add 10.99.0.1/24 dev cloud0
ip link set cloud0 up
nsenter --target "$edge" --net --uts sh -eu -c '
  hostname till-7
  ip link set lo up
  ip addr add 10.99.0.2/24 dev edge0
  ip link set edge0 up'
copy=$(mktemp -d)
mount -t tmpfs -o mode=755 etc "$copy"
# What is only root's stays away where we are not.
cp -r --preserve=mode,links /etc/. "$copy" 2> /dev/null || true
mount --bind "$copy" /etc
umount -l "$copy"
rmdir "$copy"
mount -t tmpfs -o mode=755 run /run
mkdir /run/sshd
mount -t tmpfs -o mode=755 log /var/log
for name in cloud "$@"; do echo "10.99.0.1 $name" >> /etc/hosts; done
echo "ready $edge"
cat > /dev/null
