package diag

import (
	"strings"
)

// Nearest is the candidate that somebody who wrote word most likely meant, or "". Case and
// underscores do not count, so that play_prompt finds playPrompt.
func Nearest(word string, candidates []string) string {
	w := fold(word)
	best, least := "", max(1, (len(w)+1)/3)+1
	for _, c := range candidates {
		if d := distance(w, fold(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// DidYouMean is the hint for an unknown word: the nearest candidate, or the first few of them all.
func DidYouMean(word string, candidates []string) string {
	if n := Nearest(word, candidates); n != "" {
		return "did you mean '" + n + "'?"
	}
	return ""
}

// Options is the hint for an unknown word among a short list, which is given in full.
func Options(word, what string, candidates []string) string {
	all := what + ": " + strings.Join(candidates, ", ")
	if hint := DidYouMean(word, candidates); hint != "" {
		return hint + " (" + all + ")"
	}
	return all
}

func fold(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "_", ""))
}

// distance is the edit distance with neighbouring letters exchanged as one edit
// (optimal string alignment).
func distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			change := prev[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			cur[j] = min(change, prev[j]+1, cur[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
