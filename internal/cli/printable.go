package cli

import (
	"strings"
	"unicode"
)

// printable replaces what a terminal might obey by question marks, as ps(1)
// does: names and command lines are the container's own choice. With lines, line
// ends and tabs stay.
func printable(text string, lines bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'), unicode.IsPrint(r):
			return r
		}
		return '?'
	}, text)
}
