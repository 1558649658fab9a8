#!/usr/bin/env bash
# Installs what `npm run acceptance` uses: what the benchmarks use (nginx, wrk …), and Redis, slowhttptest, curl, git and
# aws-cli 2. Of aws-cli 1 it says how to install it, since Debian has no package of it any more.
set -euo pipefail

bash "$(dirname "$0")/../../bench/setup.sh" redis-server redis-tools slowhttptest curl git awscli

for version in 1 2; do
  found=
  while read -r aws; do
    if [ -z "$found" ] && "$aws" --version 2>&1 | grep -q "^aws-cli/$version\."; then found=$aws; fi
  done < <(type -ap aws || true)
  if [ -n "$found" ]; then
    echo "present: aws-cli $version ($found)"
  elif [ "$version" = 1 ]; then
    echo "missing: aws-cli 1. For example: python3 -m venv ~/aws1 && ~/aws1/bin/pip install 'awscli<2' && PATH=\$PATH:~/aws1/bin"
  else
    echo "missing: aws-cli 2 (the package awscli of this distribution is older): see its installation guide"
  fi
done
