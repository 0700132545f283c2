package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

func TestArrange(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		// What clients send.
		{"create --bundle /b --pid-file /p ID", "create --bundle /b --pid-file /p -- ID"},
		{"--root /r --log /l --log-format json kill --all ID 9", "--root /r --log /l --log-format json kill --all -- ID 9"},
		{"update --resources=- ID", "update --resources=- -- ID"},
		{"update --resources - ID", "update --resources - -- ID"},
		{"run -no-subreaper --bundle /b ID", "run --no-subreaper --bundle /b -- ID"},
		{"exec --process /p --detach --pid-file /f ID", "exec --process /p --detach --pid-file /f -- ID"},
		{"create --no-subreaper --no-new-keyring ID", "create --no-subreaper --no-new-keyring -- ID"},
		{"list --format=json", "list --format=json --"},
		{"ps --format json ID", "ps --format json -- ID"},
		{"--systemd-cgroup --criu /c start ID", "--systemd-cgroup --criu /c start -- ID"},
		// Flags after the arguments, and between them.
		{"run ID -d", "run --detach -- ID"},
		{"run --keep ID --bundle /b", "run --keep --bundle /b -- ID"},
		{"delete ID --force", "delete --force -- ID"},
		{"update ID --memory 50M", "update --memory 50M -- ID"},
		{"update ID --memory -1 --pids-limit=-1", "update --memory -1 --pids-limit=-1 -- ID"},
		// Not where what follows the first argument is not ours.
		{"exec ID ls --tty -e X", "exec -- ID ls --tty -e X"},
		{"exec -t ID -- ls", "exec --tty -- ID ls"},
		{"exec -t ID -- -- ls", "exec --tty -- ID -- ls"},
		{"exec -- ID ls -l", "exec -- ID ls -l"},
		{"exec ID", "exec -- ID"},
		{"kill ID --all", "kill -- ID --all"},
		{"kill ID -9", "kill -- ID -9"},
		{"ps ID -f json", "ps -- ID -f json"},
		// Global flags after the command.
		{"list --root /r", "--root /r list --"},
		{"--root /a list --root /b -q", "--root /a --root /b list --quiet --"},
		{"state ID --log=/l --log-format json --debug", "--log=/l --log-format json --debug state -- ID"},
		{"exec --root /r -t ID sh --root x", "--root /r exec --tty -- ID sh --root x"},
		{"kill --debug=false ID 9", "--debug=false kill -- ID 9"},
		{"spec --rootless", "spec --rootless --"}, // the flag of the command
		{"--rootless true spec --rootless", "--rootless true spec --rootless --"},
		// The end of flags.
		{"delete --force -- --force", "delete --force -- --force"},
		{"delete -- ID -f", "delete -- ID -f"},
		{"-- state ID", "state -- ID"},
		// The ways to write a flag.
		{"create -b /b ID", "create --bundle /b -- ID"},
		{"create -b /a --bundle /b ID", "create --bundle /a --bundle /b -- ID"},
		{"create -bundle=/b ID", "create --bundle=/b -- ID"},
		{"create --b=/b=c ID", "create --bundle=/b=c -- ID"},
		{"create --bundle= ID", "create --bundle= -- ID"},
		{"delete --force=false ID", "delete --force=false -- ID"},
		{"exec -e A=b,c --env B=--d ID x", "exec --env A=b,c --env B=--d -- ID x"},
		{"exec --cgroup cpu,cpuacct:sub ID x", "exec --cgroup cpu,cpuacct:sub -- ID x"},
		{"state -", "state -- -"},
		// Joined letters.
		{"exec -td ID sh", "exec --tty --detach -- ID sh"},
		{"exec -tu 0 ID ls -la", "exec --tty --user 0 -- ID ls -la"},
		{"exec -tde A=b ID sh", "exec --tty --detach --env A=b -- ID sh"},
		{"run -db /b ID", "run --detach --bundle /b -- ID"},
		{"kill -ar . KILL", "kill --all --regex -- . KILL"},
		{"run -dh ID", "run --detach --help"},
		{"list --root /r -qf json", "--root /r list --quiet --format json --"},
		// None of these is.
		{"exec -t ID -td", "exec --tty -- ID -td"},
		{"exec -u0 ID sh", "exec -u0"},
		{"exec -tu0 ID sh", "exec -tu0"},
		{"run -b/b ID", "run -b/b"},
		{"run -dx ID", "run -dx"},
		{"run --db /b ID", "run --db"},
		{"exec -tü ID", "exec -tü"},
		{"exec -tu", "exec --tty -u"},
		{"state ID -h", "state --help"},
		{"--debug --help state", "--debug --help"},
		{"h exec", "help -- exec"},
		{"seccomp explain web --arch x86 mkdir", "seccomp explain --arch x86 -- web mkdir"},
		{"help seccomp explain", "help -- seccomp explain"},
		{"seccomp bogus", "seccomp bogus"},
		// What is left for the library or the command to report.
		{"", ""},
		{"-v", "--version"},
		{"bogus --help", "bogus --help"},
		{"--bogus list", "--bogus"},
		{"create --bogus ID", "create --bogus"},
		{"create --debug ID --bundle", "--debug create --bundle"},
		{"list -q --root", "--root"},
		{"restore --lsm-profile x ID --root /r", "--root /r restore --lsm-profile x -- ID"},
	} {
		got, _ := (&session{}).arrange(globalFlags(), strings.Fields(c.line))
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("arrange(%q) = %q, want %q", c.line, got, c.want)
		}
	}
}

// parse returns what the command called line[0] gets to see of a command line.
func parse(t *testing.T, line ...string) *cli.Context {
	t.Helper()
	s := &session{stdout: &strings.Builder{}, stderr: &strings.Builder{}}
	arranged, called := s.arrange(globalFlags(), line)
	if called == nil {
		t.Fatalf("%q calls no command", line)
	}
	var seen *cli.Context
	called.Action = func(c *cli.Context) error { seen = c; return nil }
	if err := s.app(globalFlags(), []*Command{called}).Run(append([]string{"runnel"}, arranged...)); err != nil || seen == nil {
		t.Fatalf("%q: %v", line, err)
	}
	return seen
}

func TestFlagValues(t *testing.T) {
	c := parse(t, strings.Fields("exec -tty -e A=x,y -preserve-fds 3 --cwd a --cwd b --env B= ID x")...)
	c2 := parse(t, "exec", "-e", " C = d ", "-t", "--tty=false", "ID", "x", "")
	if !c.Bool("tty") || c.String("cwd") != "b" || c.Int("preserve-fds") != 3 || !c.IsSet("cwd") {
		t.Errorf("tty %v, cwd %q, preserve-fds %d", c.Bool("tty"), c.String("cwd"), c.Int("preserve-fds"))
	}
	for _, d := range []string{
		cmp.Diff([]string{"A=x,y", "B="}, c.StringSlice("env")),
		cmp.Diff([]string{" C = d "}, c2.StringSlice("env")),
		cmp.Diff([]string{"ID", "x", ""}, c2.Args().Slice()),
	} {
		if d != "" {
			t.Error(d)
		}
	}
	if c2.Bool("tty") || c2.String("cwd") != "" || c2.IsSet("cwd") || c2.Int("preserve-fds") != 0 || c2.StringSlice("cap") != nil {
		t.Errorf("tty %v, cwd %q, preserve-fds %d, cap %q", c2.Bool("tty"), c2.String("cwd"), c2.Int("preserve-fds"), c2.StringSlice("cap"))
	}
	if got := parse(t, "list").String("format"); got != "table" {
		t.Errorf("--format without a value is %q", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("looking up a flag that the command does not have does not panic")
		}
	}()
	c.String("no-such-flag")
}
