package libcontainer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]Device{
		"/dev/fuse":                 {"/dev/fuse", "/dev/fuse", "rwm"},
		"/dev//fuse:r":              {"/dev/fuse", "/dev/fuse", "r"},
		"/dev/fuse:/dev/x":          {"/dev/fuse", "/dev/x", "rwm"},
		"/dev/fuse:/dev/../x/:wr":   {"/dev/fuse", "/x", "wr"},
		"/dev/fuse:/dev/x:rwm":      {"/dev/fuse", "/dev/x", "rwm"},
		"":                          {},
		"fuse":                      {},
		"/dev/fuse:":                {},
		"/dev/fuse:x":               {},
		"/dev/fuse:/dev/x:":         {},
		"/dev/fuse:/dev/x:rw:r":     {},
		"/dev/fuse:r:/dev/x":        {},
		"/dev/fuse:/dev/x:/dev/y:r": {},
	} {
		got, err := ParseDevice(text)
		if (err != nil) != (want == Device{}) || err == nil && got != want {
			t.Errorf("ParseDevice(%q) = %+v, %v", text, got, err)
		}
	}
}

func TestParseRules(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	rules := []specs.LinuxDeviceCgroup{
		{Access: "rwm"},
		{Allow: true, Type: "c", Major: n(10), Minor: n(229), Access: "rw"},
		{Allow: true, Type: "b", Major: n(8)},
		{Allow: true, Type: "a"},
	}
	if diff := cmp.Diff(rules, parseRules(ruleTexts(rules))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := strings.Join(ruleTexts(parseRules(ruleTexts(rules))), "\n"); got != strings.Join(ruleTexts(rules), "\n") {
		t.Error(got)
	}
}
