#!/bin/sh
# Knows nothing of gonogo: the plan reads its number from the log.
set -eu
sort -un artifacts/data/words.txt > artifacts/data/clean.txt
echo "kept: $(wc -l < artifacts/data/clean.txt)"
