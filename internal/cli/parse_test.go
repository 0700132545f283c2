package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parsed is what parse has found, as text.
func parsed(v values, rest []string) []string {
	var found []string
	for _, s := range v.given {
		found = append(found, v.table[s.flag].name+"="+s.text)
	}
	return append(append(found, "|"), rest...)
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		command, line string
		want          string
	}{
		// What clients send: clients.md.
		{"create", "--bundle /b --pid-file /p ID", "bundle=/b pid-file=/p | ID"},
		{"kill", "--all ID 9", "all=true | ID 9"},
		{"update", "--resources=- ID", "resources=- | ID"},
		{"update", "--resources - ID", "resources=- | ID"},
		{"run", "-no-subreaper --bundle /b ID", "no-subreaper=true bundle=/b | ID"},
		{"exec", "--process /p --detach --pid-file /f ID", "process=/p detach=true pid-file=/f | ID"},
		{"list", "--format=json", "format=json |"},
		{"ps", "--format json ID", "format=json | ID"},
		// Flags after the arguments, and between them.
		{"run", "ID -d", "detach=true | ID"},
		{"run", "--keep ID --bundle /b", "keep=true bundle=/b | ID"},
		{"delete", "ID --force", "force=true | ID"},
		{"update", "ID --memory 50M", "memory=50M | ID"},
		{"update", "ID --memory -1 --pids-limit=-1", "memory=-1 pids-limit=-1 | ID"},
		// Not so where the rest is somebody else's.
		{"exec", "ID ls --tty -e X", "| ID ls --tty -e X"},
		{"exec", "-t ID -- ls", "tty=true | ID -- ls"},
		{"exec", "-- ID ls -l", "| ID ls -l"},
		{"kill", "ID --all", "| ID --all"},
		{"ps", "ID -f json", "| ID -f json"},
		// The end of flags.
		{"delete", "--force -- --force", "force=true | --force"},
		{"delete", "-- ID -f", "| ID -f"},
		// The ways to write a flag.
		{"create", "-b /b ID", "bundle=/b | ID"},
		{"create", "-bundle=/b ID", "bundle=/b | ID"},
		{"create", "--b=/b=c ID", "bundle=/b=c | ID"},
		{"create", "--bundle= ID", "bundle= | ID"},
		{"delete", "--force=false ID", "force=false | ID"},
		{"exec", "-e A=b,c --env B=--d ID x", "env=A=b,c env=B=--d | ID x"},
		{"exec", "--cgroup cpu,cpuacct:sub ID x", "cgroup=cpu,cpuacct:sub | ID x"},
		{"state", "-", "| -"},
		{"state", "", "|"},
	} {
		about := find(c.command)
		v, rest, err := parse(about.flags, strings.Fields(c.line), about.firstEnds)
		if err != nil {
			t.Errorf("%s %s: %v", c.command, c.line, err)
			continue
		}
		if got := strings.Join(parsed(v, rest), " "); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.command, c.line, got, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ command, line, want string }{
		{"create", "--bogus ID", "flag provided but not defined: -bogus"},
		{"create", "ID -x=y", "flag provided but not defined: -x"},
		{"create", "---bundle /b", "flag provided but not defined: --bundle"},
		{"create", "ID --bundle", "flag needs an argument: -bundle"},
		{"create", "--preserve-fds x ID", `invalid value "x" for flag -preserve-fds: strconv.Atoi: parsing "x": invalid syntax`},
		{"delete", "--force=perhaps ID", `invalid value "perhaps" for flag -force: strconv.ParseBool: parsing "perhaps": invalid syntax`},
		{"exec", "-td ID x", "flag provided but not defined: -td"},
	} {
		about := find(c.command)
		if _, _, err := parse(about.flags, strings.Fields(c.line), about.firstEnds); err == nil || err.Error() != c.want {
			t.Errorf("%s %s: error %v, want %s", c.command, c.line, err, c.want)
		}
	}
	for _, line := range []string{"-h", "--help", "ID --help", "--force -h"} {
		if _, _, err := parse(find("delete").flags, strings.Fields(line), false); !errors.Is(err, errHelp) {
			t.Errorf("delete %s: error %v, want help", line, err)
		}
	}
}

func TestValues(t *testing.T) {
	table := []flag{
		{name: "on"}, {name: "word", short: "w", kind: text, preset: "preset"},
		{name: "n", kind: number}, {name: "each", kind: list},
	}
	v, _, err := parse(table, strings.Fields("-on -n 3 -w a --each x,y --word b --each z"), false)
	if err != nil {
		t.Fatal(err)
	}
	if !v.on("on") || v.text("word") != "b" || v.number("n") != 3 || !v.has("n") {
		t.Errorf("on %v, word %q, n %d", v.on("on"), v.text("word"), v.number("n"))
	}
	if diff := cmp.Diff([]string{"x,y", "z"}, v.list("each")); diff != "" {
		t.Error(diff)
	}
	v, _, err = parse(table, strings.Fields("-on -on=false"), false)
	if err != nil {
		t.Fatal(err)
	}
	if v.on("on") || v.text("word") != "preset" || v.has("word") || v.number("n") != 0 || v.list("each") != nil {
		t.Errorf("on %v, word %q, n %d, each %q", v.on("on"), v.text("word"), v.number("n"), v.list("each"))
	}
	defer func() {
		if recover() == nil {
			t.Error("asking for a flag that the table hasn't got doesn't panic")
		}
	}()
	v.text("no-such-flag")
}
