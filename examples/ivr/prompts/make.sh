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

say welcome "Welcome to call flow."
say menu "To hear what this is, press 1. To record a message, 2. To speak with Alice, 3. To hear this again, 9."
say invalid "That is not on the menu."
say about "You are talking to a Python script. It runs in a process of its own, and steers this call with a few lines."
say record "Speak after the tone, and press pound when you are done."
say yours "This is what you said."
say alice "One moment, please."
say nobody "Alice cannot be reached."
say echo "You hear yourself, until you hang up."
say goodbye "Thank you for calling. Goodbye."
