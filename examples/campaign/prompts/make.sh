#!/usr/bin/env bash
# Makes the prompts beside it from the texts below: 8 kHz, 16 bit, mono. Needs espeak-ng and sox.
set -eu
cd "$(dirname "$0")"

say() {
    espeak-ng -v en-us -s 160 -p 40 -w /dev/stdout "$2" |
        sox -D -t wav - -r 8000 -c 1 -b 16 "$1.wav" gain -6 rate 8000 highpass 100 \
            silence 1 0.01 0.1% reverse silence 1 0.01 0.1% reverse \
            compand 0.01,0.1 6:-60,-30,-12 -8 -90 0.01 norm -3 pad 0.1 0.2
}


say hello "Hello. This is the library. One moment please, I connect you."
say message "Hello. This is the library. Your book is here. Goodbye."
say people "people, and"
say machines "machines. Goodbye."
