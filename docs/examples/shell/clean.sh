#!/bin/sh
# An ordinary program: the plan reads the number from its log.
set -eu
sort -un artifacts/data/words.txt > artifacts/data/clean.txt
echo "kept: $(wc -l < artifacts/data/clean.txt)"
