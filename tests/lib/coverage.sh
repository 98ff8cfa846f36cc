#!/usr/bin/env bash
# coverage.sh OBJECTS: lines executed of each of our files, the least first.
set -euo pipefail

mapfile -t notes < <(find "$1" -name '*.gcno' -not -path '*/tests/*')
gcov -n -r -s "$PWD" "${notes[@]}" 2>/dev/null |
	awk '
		/^File / { file = $2; gsub(/\047/, "", file) }
		/^Lines executed:/ && file ~ /\.c$/ {
			split($2, part, /[:%]/)
			printf "%6.1f%%  of %5d  %s\n", part[2], $4, file
			executed += part[2] * $4 / 100; lines += $4; file = ""
		}
		END { if (lines)
			printf "%6.1f%%  of %5d  in all\n",
				100 * executed / lines, lines }
	' | sort -n
