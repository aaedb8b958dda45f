#!/bin/sh
# Speaks every line of words.txt (NAME or NAME=TEXT) into en/NAME.wav: 8 kHz, mu-law, mono, without the silence around.
# Needs espeak-ng and sox.
set -eu
cd "$(dirname "$0")"
mkdir -p en
grep -v '^#' words.txt | tr ' ' '\n' | grep . | while IFS='=' read -r name text; do
    espeak-ng -v en-us -s 150 -w /tmp/say.$$.wav -- "$(printf '%s' "${text:-$name}" | tr '_' ' ')" </dev/null
    sox /tmp/say.$$.wav -r 8000 -c 1 -e u-law "en/$name.wav" \
        silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse gain -n -3 pad 0 0.06
done
rm -f /tmp/say.$$.wav
