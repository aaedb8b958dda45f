#!/usr/bin/env bash
# Makes the prompts beside it from the texts below: 8 kHz, 16 bit, mono. Needs espeak-ng and sox.
set -eu
cd "$(dirname "$0")"

say() {
    espeak-ng -v en-us -s 170 -p 40 -w /dev/stdout "$2" |
        sox -D -t wav - -r 8000 -c 1 -b 16 "$1.wav" gain -6 rate 8000 highpass 100 \
            silence 1 0.01 0.1% reverse silence 1 0.01 0.1% reverse \
            compand 0.01,0.1 6:-60,-30,-12 -8 -90 0.01 norm -3 pad 0.1 0.1
}

say say-your-name "Please say your name."
say one-moment "One moment."
say no-name "No name, no call. Goodbye."
say call-from "Call from"
say choices "1: accept. 2: reject. 3: voicemail."
say rejected "Nobody wants to talk now. Goodbye."
