// Package attacks has the attacks on the runtime, a bats file for each known class, and
// the table of them in SECURITY.md, which is generated from the headers of the files.
package attacks

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

//go:generate go test -run TestTable . -update

var update = flag.Bool("update", false, "rewrite the table in SECURITY.md")

const (
	document = "../../SECURITY.md"
	begin    = "<!-- generated from tests/attacks -->\n"
	end      = "<!-- end of the generated part -->\n"
)

// class is the header of a file. The attack succeeds against the runtimes in succeeds, of
// those that were tried.
type class struct {
	file                        string
	number                      int
	title, cve, verdict, guests string
	succeeds                    string
	tests                       int
}

var numberAndTitle = regexp.MustCompile(`^# (\d+)\. (.+)\.$`)

func read(t *testing.T, file string) class {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := class{file: file, tests: bytes.Count(text, []byte("\n@test "))}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			break
		}
		if m := numberAndTitle.FindStringSubmatch(line); m != nil {
			c.number, _ = strconv.Atoi(m[1])
			c.title = m[2]
		}
		for key, value := range map[string]*string{"# CVE: ": &c.cve, "# Verdict: ": &c.verdict, "# Guests: ": &c.guests, "# Succeeds: ": &c.succeeds} {
			if rest, ok := strings.CutPrefix(line, key); ok {
				*value = rest
			}
		}
	}
	return c
}

func classes(t *testing.T) []class {
	t.Helper()
	files, err := filepath.Glob("*.bats")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	all := make([]class, 0, len(files))
	for _, file := range files {
		all = append(all, read(t, file))
	}
	return all
}

// The three verdicts: the runtime ends with an error, or the container runs and gains
// nothing, or there is nothing to attack.
var verdict = regexp.MustCompile(`^(refused|harmless|absent): .`)

func TestHeaders(t *testing.T) {
	guests, err := os.ReadFile("../vm/run")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range classes(t) {
		if c.number != i+1 || !strings.HasPrefix(c.file, fmt.Sprintf("%02d_", c.number)) {
			t.Errorf("%s: class %d, want %d and a file of that number", c.file, c.number, i+1)
		}
		if !verdict.MatchString(c.verdict) {
			t.Errorf("%s: verdict %q, want refused, harmless or absent, and why", c.file, c.verdict)
		}
		if c.tests == 0 {
			t.Errorf("%s has no tests", c.file)
		}
		for _, guest := range strings.Fields(c.guests) {
			if !regexp.MustCompile(`(?m)^#   (\S+, )?` + guest + `[, ]`).Match(guests) {
				t.Errorf("%s: tests/vm/run has no guest %q", c.file, guest)
			}
		}
	}
}

func table(all []class) string {
	var b strings.Builder
	b.WriteString("| | class of attacks | known as | verdict | succeeds against | test |\n|---|---|---|---|---|---|\n")
	for _, c := range all {
		name := strings.TrimSuffix(c.file, ".bats")
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | [%s](tests/attacks/%s) |\n", c.number, c.title, c.cve, c.verdict, c.succeeds, name, c.file)
	}
	return b.String()
}

func TestTable(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q", document, begin)
	}
	want := table(classes(t))
	if *update {
		if err := os.WriteFile(document, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != want {
		t.Errorf("the table in SECURITY.md isn't that of tests/attacks: make generate writes it\ngot:\n%s\nwant:\n%s", old, want)
	}
}
