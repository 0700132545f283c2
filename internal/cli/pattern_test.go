package cli

import (
	"regexp"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"web", "web", true}, {"web", "my-web-2", true}, {"^web$", "web2", false}, {"^web", "aweb", false},
		{"", "anything", true}, {".", "a", true}, {"a.c", "abc", true}, {"a.c", "ac", false}, {`a\.c`, "abc", false},
		{"we(b|x)$", "wex", true}, {"we(b|x)$", "wey", false}, {"a|^b", "cb", false}, {"a|b", "cb", true},
		{"^a*$", "aaa", true}, {"^a*$", "aab", false}, {"^a+b?$", "aab", true}, {"^a+$", "", false}, {"^(ab)+$", "ababab", true},
		{"^(ab)+$", "ababa", false}, {"^(a*)*b$", "aaab", true}, {"^(a*)*$", "aaab", false}, {"^(a|)+b$", "aab", true},
		{"[abc]", "c", true}, {"[^abc]", "c", false}, {"^[a-c0-9]+$", "b7", true}, {"^[a-c]+$", "d", false}, {"[]x]", "]", true},
		{"[a-]", "-", true}, {"[^]]", "]", false}, {"^test-[0-9]+$", "test-42", true}, {"a**", "b", true},
	} {
		matches, err := compile(c.pattern)
		if err != nil {
			t.Errorf("compile(%q): %v", c.pattern, err)
			continue
		}
		if got := matches(c.text); got != c.want {
			t.Errorf("%q matches %q = %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
	for pattern, want := range map[string]string{
		"(": "unmatched (", "a(b": "unmatched (", "a)b": "unmatched )", "[a": "unmatched [", "[": "unmatched [", "[]": "unmatched [", "[^]": "unmatched [",
		"*a": "nothing to repeat", "a|+": "nothing to repeat", "(?:a)": "nothing to repeat", `a\`: "trailing backslash", "a{2}": "{ is not supported",
		"[[:alpha:]]": "[: is not supported",
	} {
		if _, err := compile(pattern); err == nil || err.Error() != want {
			t.Errorf("compile(%q): error %v, want %s", pattern, err, want)
		}
	}
}

// What both know, both take the same way.
func FuzzPattern(f *testing.F) {
	f.Add("we(b|x)+$", "aweb")
	f.Add("^[a-c]*x?", "abcx")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 12 || strings.Trim(pattern, "abc.^$|()[]*+?-") != "" || strings.Trim(text, "abc.-") != "" {
			return
		}
		want, err := regexp.CompilePOSIX(pattern)
		if err != nil {
			return
		}
		matches, err := compile(pattern)
		if err != nil {
			return
		}
		if got := matches(text); got != want.MatchString(text) {
			t.Errorf("%q matches %q = %v", pattern, text, got)
		}
	})
}
