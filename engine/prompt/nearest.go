package prompt

import "strings"

// nearest returns the name that takes the fewest changes of a letter to come to,
// or "" where all are too far to be what was meant.
func nearest(name string, names []string) string {
	// A name may be given with the ending of its file, or without its folder.
	name = strings.TrimSuffix(name, extension)
	if len(name) > maxName {
		return ""
	}
	best, least := "", len(name)/3+2
	for _, n := range names {
		if n == name || strings.HasSuffix(n, "/"+name) || strings.HasSuffix(name, "/"+n) {
			return n
		}
		if d := distance(strings.ToLower(name), strings.ToLower(n), least); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace between a and b
// (Levenshtein), giving up at most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
