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
		l, err := Open(path, JSON, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !l.IsFile() {
			t.Error("IsFile() = false for a file")
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
	if _, err := Open("", "xml", nil); err == nil || err.Error() != "invalid log-format: xml" {
		t.Errorf("Open with format xml: %v", err)
	}
	path := filepath.Join(t.TempDir(), "absent", "log")
	want := "open log " + path + ": no such file or directory"
	if _, err := Open(path, Text, nil); err == nil || err.Error() != want {
		t.Errorf("Open = %v, want %s", err, want)
	}
}

func TestStderr(t *testing.T) {
	var stderr strings.Builder
	l, err := Open("", Text, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	l.Write(Warning, "careful")
	if l.IsFile() || !strings.HasSuffix(stderr.String(), ` level=warning msg="careful"`+"\n") {
		t.Errorf("IsFile() = %v, stderr %q", l.IsFile(), stderr.String())
	}
}
