#!/bin/sh
# Speaks every line of LANGUAGE/words.txt (NAME or NAME=TEXT) into LANGUAGE/NAME.wav, by the voice that language.toml names:
# 8 kHz, mu-law, mono, without the silence around. `make.sh [LANGUAGE FOLDER...]`: what is recorded already stays.
# Needs espeak-ng and sox.
set -eu
[ $# -gt 0 ] || set -- "$(dirname "$0")"/*/
spoken=$(mktemp --suffix=.wav)
trap 'rm -f "$spoken"' EXIT
for folder; do
    voice=$(sed -n 's/^voice = "\(.*\)"/\1/p' "$folder/language.toml")
    grep -v '^#' "$folder/words.txt" | tr ' ' '\n' | grep . | while IFS='=' read -r name text; do
        [ ! -e "$folder/$name.wav" ] || continue
        espeak-ng -v "$voice" -s 150 -w "$spoken" -- "$(printf '%s' "${text:-$name}" | tr '_' ' ')" </dev/null
        sox "$spoken" -r 8000 -c 1 -e u-law "$folder/$name.wav" \
            silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse gain -n -3 pad 0 0.06
    done
done
