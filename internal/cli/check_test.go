package cli

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/config"
)

func found() []config.Problem {
	return []config.Problem{
		{Place: place.At("/process/cwd"), Severity: config.Error, Text: "is <bad>\x1b[2J", Hint: "a \"hint\"", Line: 3, Column: 5},
		{Severity: config.Warning, Text: "w", Line: 10, Column: 1},
	}
}

func TestReportText(t *testing.T) {
	tests := []struct {
		name     string
		report   *report
		coloured bool
		want     string
	}{
		{"nothing", newReport("", nil), false, "no problems\n"},
		{"one of each", newReport("", found()), false,
			"config.json:3:5: error: process.cwd: is <bad>?[2J (a \"hint\")\nconfig.json:10:1: warning: config.json: w\n1 error, 1 warning\n"},
		{"another bundle", newReport("/b", found()[1:]), false, "/b/config.json:10:1: warning: config.json: w\nno errors, 1 warning\n"},
		{"several", newReport("b", []config.Problem{{Place: place.At("/a"), Text: "x", Line: 1, Column: 1}, {Place: place.At("/b"), Text: "y", Line: 2, Column: 1}}), false,
			"b/config.json:1:1: error: a: x\nb/config.json:2:1: error: b: y\n2 errors, no warnings\n"},
		{"coloured", newReport("", found()), true,
			"\x1b[1mconfig.json:3:5:\x1b[0m \x1b[1;31merror:\x1b[0m process.cwd: is <bad>?[2J (a \"hint\")\n" +
				"\x1b[1mconfig.json:10:1:\x1b[0m \x1b[1;33mwarning:\x1b[0m config.json: w\n1 error, 1 warning\n"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.report.text(tt.coloured)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestReportJSON(t *testing.T) {
	const want = `{
  "bundle": "/b",
  "errors": 1,
  "warnings": 1,
  "problems": [
    {
      "severity": "error",
      "pointer": "/process/cwd",
      "place": "process.cwd",
      "line": 3,
      "column": 5,
      "text": "is \u003cbad\u003e\u001b[2J",
      "hint": "a \"hint\""
    },
    {
      "severity": "warning",
      "pointer": "",
      "place": "config.json",
      "line": 10,
      "column": 1,
      "text": "w",
      "hint": ""
    }
  ]
}
`
	got := newReport("/b", found()).json()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("json() (-want +got):\n%s", diff)
	}
	if !json.Valid([]byte(got)) || !json.Valid([]byte(newReport("", nil).json())) {
		t.Error("json() isn't JSON")
	}
}
