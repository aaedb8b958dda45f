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

chime() {
    sox -n -r 8000 -c 1 -b 16 "$1.wav" synth 0.12 sine "$2" : synth 0.2 sine "$3" fade 0 0 0.1 gain -12
}

say pin "Please key your PIN."
say wrong "That is not right."
say refused "You cannot join this conference. Goodbye."
say locked "This conference is locked. Goodbye."
say waiting "The chair is not here yet. Please wait."
say muted "You are muted."
say unmuted "You can be heard again."
say closed "The conference is over. Goodbye."
chime joined 660 880
chime left 880 660
