package readme

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestDocuments runs the commands of README.md, each section in an empty directory, in the
// order in which they stand there; and, with what README.md has installed, those of the
// tutorial, of which each section continues the one before. A comment on the line before a
// block says what is special about it: that it isn't run, and why; that it is run as an
// ordinary user; or that numbers in its output differ.
func TestDocuments(t *testing.T) {
	blocks := append(read(t, "README.md"), tutorial(t)...)
	r := newReader(t)
	for _, b := range blocks {
		t.Run(b.name(), func(t *testing.T) { r.try(t, b) })
	}
	r.checkNothingLeft(t)
}

// read returns the blocks of a document.
func read(t *testing.T, name string) []block {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(tree, name))
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := parse(name, string(document))
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// tutorial returns the blocks of the tutorial.
func tutorial(t *testing.T) []block {
	t.Helper()
	blocks := read(t, "contrib/tutorial.md")
	for i := range blocks {
		if blocks[i].marker != asOrdinaryUser {
			blocks[i].dir = "tutorial"
		}
	}
	return blocks
}

// The comments before blocks that are special.
const (
	asOrdinaryUser = "run as an ordinary user"
	numbersDiffer  = "numbers differ"
	needsCRIU      = "needs criu"
)

// try does with a block what its language and its marker say.
func (r *reader) try(t *testing.T, b block) {
	if reason, ok := strings.CutPrefix(b.marker, "not run: "); ok {
		t.Skip(reason)
	}
	switch b.language {
	case "sh":
		r.inOrder(t, b, r.run)
	case "console":
		r.inOrder(t, b, r.compare)
	case "go":
		r.inOrder(t, b, r.runProgram)
	case "json", "toml":
		checkClientFile(t, b)
	case "mermaid": // a picture
	default:
		t.Errorf("%s: a block of language %q, which the test doesn't know", &b, b.language)
	}
}

// inOrder runs a block unless one that it may need has failed or was skipped: an earlier
// one of its section, or the installation.
func (r *reader) inOrder(t *testing.T, b block, run func(*testing.T, block)) {
	t.Helper()
	if _, err := os.Stat(r.binary()); b.section != "Install" && err != nil {
		t.Skipf("nothing has been installed: %v", err)
	}
	if r.broken == b.dir {
		t.Skip("an earlier block of the section has failed or was skipped")
	}
	r.broken = b.dir
	r.requireTools(t, b)
	run(t, b)
	if !t.Failed() {
		r.broken = ""
	}
}

// requireTools skips a block that needs a program that isn't there.
func (r *reader) requireTools(t *testing.T, b block) {
	t.Helper()
	for _, tool := range []string{"busybox", "jq", "make", "gcc", "git", "skopeo", "umoci", "ip", "lsns", "nsenter"} {
		if !strings.Contains(b.text, tool+" ") && !strings.Contains(b.text, tool+")") {
			continue
		}
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %v", tool, err)
		}
	}
}

// run runs a block of commands; each of them must succeed.
func (r *reader) run(t *testing.T, b block) {
	t.Helper()
	who := r.root
	switch b.marker {
	case asOrdinaryUser:
		who = r.user(t)
	case needsCRIU:
		who = r.withCRIU(t)
	}
	if out, err := r.shell(t, b.dir, who, b.text); err != nil {
		t.Errorf("%s: %v\n%s", &b, err, out)
	}
}

// compare runs the commands of a transcript and compares what they print.
func (r *reader) compare(t *testing.T, b block) {
	t.Helper()
	commands := transcript(b.text)
	if len(commands) == 0 {
		t.Fatalf("%s: a transcript without a command", &b)
	}
	for _, c := range commands {
		// The exit code isn't part of a transcript, and neither are colours.
		out, _ := r.shell(t, b.dir, r.root, c.line+" || true\n")
		out = colour.ReplaceAllString(out, "")
		same := out == c.output
		if b.marker == numbersDiffer {
			same = withoutNumbers(out) == withoutNumbers(c.output)
		}
		if !same {
			t.Errorf("%s: %s prints\n%s\nand the document has\n%s", &b, c.line, out, c.output)
		}
	}
}

// colour is what changes the colour of a terminal: jq ignores NO_COLOR.
var colour = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// number is a number, with the spaces before it that align a column.
var number = regexp.MustCompile(` *[0-9]+`)

func withoutNumbers(s string) string { return number.ReplaceAllString(s, "0") }

// runProgram compiles a Go program with the packages of the tree, and runs it beside a
// bundle "hello" with a state root of the test's own.
func (r *reader) runProgram(t *testing.T, b block) {
	t.Helper()
	const root = `"/run/example"`
	if strings.Count(b.text, root) != 1 {
		t.Fatalf("%s: the program doesn't have the state root %s", &b, root)
	}
	dir := t.TempDir()
	source := strings.Replace(b.text, root, `"`+filepath.Join(r.dir, "state")+`"`, 1)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "program"), filepath.Join(dir, "main.go"))
	build.Dir = tree
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", &b, err, out)
	}
	out, err := r.shell(t, b.dir, r.root, `
mkdir -p hello/rootfs/bin
cp "$(command -v busybox)" hello/rootfs/bin/sh
runnel spec --bundle hello
jq '.process.terminal = false | .process.args = ["sh", "-c", "echo hello from pid $$; exit 3"]' hello/config.json > new.json
mv new.json hello/config.json
`+filepath.Join(dir, "program")+"\n")
	if err != nil {
		t.Fatalf("%s: %v\n%s", &b, err, out)
	}
	for _, want := range []string{"hello from pid 1\n", "the container ended with status 3\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s: the program printed %q, want %q in it", &b, out, want)
		}
	}
}

// checkClientFile checks that the configuration of another program is that of a file in
// contrib/clients.
func checkClientFile(t *testing.T, b block) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(tree, "contrib/clients/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if hasConfiguration(string(content), b) {
			return
		}
	}
	t.Errorf("%s: no file in contrib/clients has this", &b)
}

// hasConfiguration reports whether a file says what a block says: in JSON, the same for
// each key at the top; otherwise all of its lines.
func hasConfiguration(content string, b block) bool {
	if b.language == "json" {
		var file, shown map[string]any
		if json.Unmarshal([]byte(content), &file) != nil || json.Unmarshal([]byte(b.text), &shown) != nil {
			return false
		}
		for key, value := range shown {
			if !reflect.DeepEqual(file[key], value) {
				return false
			}
		}
		return true
	}
	lines := map[string]bool{}
	for line := range strings.Lines(content) {
		lines[strings.TrimSpace(line)] = true
	}
	for line := range strings.Lines(b.text) {
		if !lines[strings.TrimSpace(line)] {
			return false
		}
	}
	return true
}
