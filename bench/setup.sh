#!/usr/bin/env bash
# Installs what `npm run bench` compares weir with (HAProxy, nginx) and the load clients (wrk, h2load), from the
# packages of Debian or Ubuntu. Can be run again at any time: it only installs what is missing. The services that the
# packages bring are neither started now nor at boot; services that were there before are left alone.
# Arguments are more packages to install (test/acceptance/setup.sh).
set -euo pipefail

packages=(haproxy nginx libnginx-mod-stream wrk nghttp2-client util-linux "$@")
what() {
  case $1 in
    haproxy) echo 'the peer that every ratio is against' ;;
    nginx) echo 'a peer, and the back end of all peers' ;;
    libnginx-mod-stream) echo 'layer 4 for the nginx peer' ;;
    wrk) echo 'the load client' ;;
    nghttp2-client) echo 'h2load, the load client for pipelining' ;;
    util-linux) echo 'taskset, which gives each side its own CPUs' ;;
    *) echo 'asked for' ;;
  esac
}

installed() { [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = 'install ok installed' ]; }

if ! command -v apt-get >/dev/null; then
  echo "bench/setup.sh: this machine has no apt-get. Install by other means: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  if installed "$package"; then
    echo "present: $package $(dpkg-query -W -f '${Version}' "$package")"
  else
    echo "missing: $package ($(what "$package"))"
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then
  echo 'Nothing to do.'
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
  echo 'Not root: apt-get runs through sudo.'
fi

# Debian's way to keep a package from starting its service while it is installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

echo "Installing: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"

for package in "${missing[@]}"; do
  case $package in
    haproxy | nginx | redis-server)
      if command -v systemctl >/dev/null; then
        echo "Keeping the service $package from starting at boot (undo: systemctl enable $package)"
        "${as_root[@]}" systemctl disable "$package" >/dev/null 2>&1 || true
      fi
      ;;
  esac
done
echo 'Done. Now: npm run bench -- http'
