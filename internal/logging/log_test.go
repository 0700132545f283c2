package logging

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("", 3600))
	for _, c := range []struct {
		format        Format
		level         Level
		message, want string
		details       Details
	}{
		{Text, Error, `exec: "x": not found`, `time="2026-03-04T05:06:07+01:00" level=error msg="exec: \"x\": not found"` + "\n", Details{Code: "c", Hint: "h"}},
		{Text, Warning, "two\nlines", `time="2026-03-04T05:06:07+01:00" level=warning msg="two\nlines"` + "\n", Details{}},
		{JSON, Error, `exec: "x": not found`, `{"level":"error","msg":"exec: \"x\": not found","time":"2026-03-04T05:06:07+01:00"}` + "\n", Details{}},
		{JSON, Error, "m", `{"level":"error","msg":"m","time":"2026-03-04T05:06:07+01:00","code":"c","step":"s","field":"/f","errno":"ENOENT","hint":"h"}` + "\n", Details{"c", "s", "/f", "ENOENT", "h"}},
		{JSON, Error, "m", `{"level":"error","msg":"m","time":"2026-03-04T05:06:07+01:00","code":"c","errno":"EIO"}` + "\n", Details{Code: "c", Errno: "EIO"}},
		{JSON, Error, "\x1b[2J \u009b2J\x7f", `{"level":"error","msg":"\u001b[2J \u009b2J\u007f","time":"2026-03-04T05:06:07+01:00"}` + "\n", Details{}},
		{JSON, Debug, "two\nlines \xff", `{"level":"debug","msg":"two\nlines \ufffd","time":"2026-03-04T05:06:07+01:00"}` + "\n", Details{}},
	} {
		if got := string(line(c.format, c.level, c.message, c.details, now)); got != c.want {
			t.Errorf("line(%s, %s, %q) = %q, want %q", c.format, c.level, c.message, got, c.want)
		}
	}
}

// containerd's shim decodes a stream of objects; podman decodes the whole file
// as one.
func TestOpenAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.json")
	for _, message := range []string{"first", "second"} {
		l, err := Open(path, JSON, "", "runnel", nil)
		if err != nil {
			t.Fatal(err)
		}
		if l.OnStderr() {
			t.Error("OnStderr() = true for a file")
		}
		l.Write(Error, message)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	for _, want := range []string{"first", "second"} {
		var got struct {
			Level string
			Msg   string
			Time  time.Time
		}
		if err := decoder.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Level != "error" || got.Msg != want || got.Time.IsZero() {
			t.Errorf("decoded %+v, want msg %q", got, want)
		}
	}
	if decoder.More() {
		t.Error("the file has more than two objects")
	}
}

func TestOpenFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent", "log")
	for _, c := range []struct {
		name   string
		format Format
		want   string
	}{
		{"", "xml", "invalid log-format: xml"},
		{path, Text, "open log " + path + ": no such file or directory"},
		{"file:" + path, Text, "open log " + path + ": no such file or directory"},
		{"file:", Text, "open log : no such file or directory"},
	} {
		if l, err := Open(c.name, c.format, "", "runnel", nil); err == nil || err.Error() != c.want {
			t.Errorf("Open(%q, %s) = %v, %v; want %s", c.name, c.format, l, err, c.want)
		}
	}
}

// A file may have a name that would be another destination.
func TestOpenFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, file := range map[string]string{"a:b": "a:b", "file:journald:": "journald:", "./syslog:x": "syslog:x"} {
		if _, err := Open(name, Text, "", "runnel", nil); err != nil {
			t.Errorf("Open(%q): %v", name, err)
		}
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}

func TestStderr(t *testing.T) {
	var stderr strings.Builder
	l, err := Open("", Text, "", "runnel", &stderr)
	if err != nil {
		t.Fatal(err)
	}
	l.Write(Warning, "careful")
	if !l.OnStderr() || !strings.HasSuffix(stderr.String(), ` level=warning msg="careful"`+"\n") {
		t.Errorf("OnStderr() = %v, stderr %q", l.OnStderr(), stderr.String())
	}
}

func TestLevels(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	for _, c := range []struct{ name, level, want string }{
		{"", "", "error warning"},
		{file, "", "error warning info"},
		{"", "error", "error"},
		{file, "warn", "error warning"},
		{"", "warning", "error warning"},
		{"", "info", "error warning info"},
		{file, "debug", "error warning info debug"},
	} {
		var level Level
		if c.level != "" {
			var err error
			if level, err = ParseLevel(c.level); err != nil {
				t.Fatal(err)
			}
		}
		var stderr strings.Builder
		l, err := Open(c.name, Text, level, "runnel", &stderr)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, level := range []Level{Error, Warning, Info, Debug} {
			if l.Has(level) {
				got = append(got, string(level))
			}
			l.Write(level, "message")
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("the log %q of level %q has %q, want %q", c.name, c.level, got, c.want)
		}
		if c.name == "" && strings.Count(stderr.String(), "\n") != len(got) {
			t.Errorf("level %q on stderr: %q, want the levels %s", c.level, stderr.String(), c.want)
		}
	}
	if level, err := ParseLevel("trace"); err == nil || err.Error() != "invalid log-level: trace: not error, warn, info or debug" {
		t.Errorf("ParseLevel(trace) = %q, %v", level, err)
	}
}
