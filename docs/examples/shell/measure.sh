#!/bin/sh
# Writes its result: the metrics for the plan's criteria and rules.
set -eu
lines=$(wc -l < artifacts/data/words.txt)
distinct=$(sort -u artifacts/data/words.txt | wc -l)
echo "$lines lines, $distinct distinct"
echo "{\"metrics\": {\"lines\": $lines, \"distinct\": $distinct}}" > "$GONOGO_RESULT"
