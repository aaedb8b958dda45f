#!/usr/bin/env bash
# Makes the prompts beside it: 8 kHz, 16 bit, mono. Needs espeak-ng and sox. The music is two seconds, and repeated.
set -eu
cd "$(dirname "$0")"

say() {
    espeak-ng -v en-us -s 170 -p 40 -w /dev/stdout "$2" |
        sox -D -t wav - -r 8000 -c 1 -b 16 "$1.wav" gain -6 rate 8000 highpass 100 \
            silence 1 0.01 0.1% reverse silence 1 0.01 0.1% reverse \
            compand 0.01,0.1 6:-60,-30,-12 -8 -90 0.01 norm -3 pad 0.1 0.1
}

say welcome "Welcome to support."
say goodbye "Thank you for calling."
sox -D -n -r 8000 -c 1 -b 16 music.wav synth 2 sine 392 sine 494 remix - fade q 0.2 2 0.2 tremolo 2 40 norm -15
