// Package spelling finds the word that somebody may have meant who wrote another one.
package spelling

import (
	"strconv"
	"strings"
)

// Hint returns a question for people: whether they meant the known word that word is
// probably a misspelling of; "" if there is none.
func Hint(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return "did you mean " + strconv.Quote(near) + "?"
	}
	return ""
}

// Nearest returns the known word that word is probably a misspelling of: one with nearly
// the same letters, or one that it is the end of, such as NOFILE of RLIMIT_NOFILE. It
// returns "" if there is none.
func Nearest(word string, known []string) string {
	lower := strings.ToLower(word)
	best, least := "", 1+len(word)/3
	for _, k := range known {
		if max(len(word), len(k))-min(len(word), len(k)) >= least {
			continue
		}
		if d := distance(lower, strings.ToLower(k)); d < least || d == 0 {
			best, least = k, d
		}
	}
	if best != "" || word == "" {
		return best
	}
	for _, k := range known {
		if strings.HasSuffix(strings.ToLower(k), "_"+lower) {
			return k
		}
	}
	return ""
}

// Names returns words of another type as strings.
func Names[T ~string](words ...T) []string {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return names
}

// distance returns the number of letters to insert, delete, replace, or exchange with a
// neighbour to turn a into b.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 0
			if a[i-1] != b[j-1] {
				change = 1
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
