package cli

import (
	"strings"
	"unicode"
)

// printable replaces characters that control a terminal by question marks, as ps(1)
// does, because containers choose names and command lines. If lines is set, newlines
// and tabs are kept.
func printable(text string, lines bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'), unicode.IsPrint(r):
			return r
		}
		return '?'
	}, text)
}
