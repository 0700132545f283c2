// Package conformance checks requirements.md, the table of the specification's
// requirements: everything that it names must exist.
package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const top = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// requirement is a line of the table.
type requirement struct {
	text         string
	where, shown []string
}

func requirements(t *testing.T) []requirement {
	t.Helper()
	var list []requirement
	for line := range strings.Lines(read(t, "requirements.md")) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| requirement |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if len(cells) != 3 {
			t.Errorf("%d cells instead of 3: %s", len(cells), line)
			continue
		}
		list = append(list, requirement{
			text:  strings.TrimSpace(cells[0]),
			where: strings.Split(strings.TrimSpace(cells[1]), "<br>"),
			shown: strings.Split(strings.TrimSpace(cells[2]), "<br>"),
		})
	}
	return list
}

func TestRequirements(t *testing.T) {
	list := requirements(t)
	if len(list) == 0 {
		t.Fatal("requirements.md has no requirement")
	}
	programs := programs(t)
	for _, r := range list {
		for _, where := range r.where {
			if problem := missingFunction(where); problem != "" {
				t.Errorf("%s: where: %s", r.text, problem)
			}
		}
		for _, shown := range r.shown {
			if problem := missingTest(shown, programs); problem != "" {
				t.Errorf("%s: shown by: %s", r.text, problem)
			}
		}
	}
}

// missingFunction returns a problem if there is no FILE:FUNCTION as named; "" if there
// is.
func missingFunction(place string) string {
	file, name, ok := strings.Cut(place, ":")
	if !ok {
		return place + " is not FILE:FUNCTION"
	}
	content, err := os.ReadFile(filepath.Join(top, file))
	if err != nil {
		return err.Error()
	}
	name = regexp.QuoteMeta(name)
	pattern := `(?m)^func (\([^)]*\) )?` + name + `[(\[]`
	if strings.HasSuffix(file, ".c") {
		pattern = `(?m)^(static )?(long|int|void) \*?` + name + `\(`
	}
	if !regexp.MustCompile(pattern).Match(content) {
		return file + " has no function " + name
	}
	return ""
}

// quoted matches a case in a file: FILE "case".
var quoted = regexp.MustCompile(`^([^ ]+) "(.*)"$`)

// missingTest returns a problem if a test that shows a requirement doesn't exist; "" if
// it does. A remark in parentheses at the end is ignored.
func missingTest(shown string, programs map[string]string) string {
	if strings.HasPrefix(shown, "none: ") {
		return ""
	}
	if rest, ok := strings.CutPrefix(shown, "suite "); ok {
		name, remark, _ := strings.Cut(rest, " ")
		where, known := programs[name]
		switch {
		case !known:
			return "the suite has no program " + name
		case where == "always" && remark == "":
			return "the program " + name + " can't pass"
		}
		return ""
	}
	m := quoted.FindStringSubmatch(shown)
	if m == nil {
		return missingFunction(shown)
	}
	file, text := filepath.Join(top, m[1]), `"`+m[2]+`"`
	if strings.HasSuffix(file, ".bats") {
		file, text = filepath.Join(top, "tests/integration", m[1]), `@test "`+m[2]+`" {`
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if !strings.Contains(string(content), text) {
		return m[1] + " has no case " + text
	}
	return ""
}

// programs returns the programs of the suite, with their conditions in the file
// expected.
func programs(t *testing.T) map[string]string {
	t.Helper()
	list := map[string]string{}
	for line := range strings.Lines(read(t, "expected")) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || fields[0] == "" {
			continue
		}
		switch {
		case len(fields) == 2 && fields[1] == "pass", len(fields) == 3 && fields[1] != "pass":
			list[fields[0]] = fields[1]
		default:
			t.Errorf("expected: not NAME WHERE REASON: %q", line)
		}
	}
	return list
}

func TestMissing(t *testing.T) {
	programs := map[string]string{"state": "pass", "delete": "always"}
	for _, shown := range []string{
		"suite nothing", "suite delete", "lifecycle.bats \"no such case\"", "nofile.bats \"x\"",
		"tests/conformance/requirements_test.go:TestNothing", "main.go", "no/such/file.go:f",
	} {
		if missingTest(shown, programs) == "" {
			t.Errorf("%s isn't missed", shown)
		}
	}
	for _, shown := range []string{
		"suite state", "suite delete (see expected)", "none: a reason",
		"tests/conformance/requirements_test.go:TestMissing", `tests/conformance/requirements_test.go "suite nothing"`,
	} {
		if problem := missingTest(shown, programs); problem != "" {
			t.Error(problem)
		}
	}
}
