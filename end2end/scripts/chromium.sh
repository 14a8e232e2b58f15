#!/bin/sh
# Makes sure of a Chromium for the browser tests: the machine's own, else Playwright's, else the system's package.
# `support/chromium.ts` looks in the same places, in the same order.
set -eu

for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
  if [ -n "$name" ] && found=$(command -v "$name"); then
    echo "Chromium: $found"
    exit
  fi
done

echo "No Chromium on this machine; trying Playwright's own"
if npx playwright install chromium; then exit; fi

echo "Playwright's Chromium can't be had; trying the system's package"
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -q
  as_root apt-get install -q -y --no-install-recommends chromium
elif command -v dnf >/dev/null; then as_root dnf install -y chromium
elif command -v apk >/dev/null; then as_root apk add chromium
elif command -v pacman >/dev/null; then as_root pacman -S --noconfirm chromium
else
  echo "Install Chromium or Google Chrome, or set CHROMIUM to one" >&2
  exit 1
fi
