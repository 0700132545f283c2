package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The manual pages are made from the command table, so that no flag can be
// missing, and from what is only said here.
func TestManualPages(t *testing.T) {
	files := map[string]string{"man/runnel.8": programPage()}
	for _, e := range entries() {
		if e.name != "help" {
			files["man/runnel-"+e.name+".8"] = e.make().page()
		}
	}
	checkGenerated(t, files)
	pages, err := filepath.Glob("../../contrib/man/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if _, ok := files["man/"+filepath.Base(page)]; !ok {
			t.Errorf("%s is the page of no command", page)
		}
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("the host has no groff to check the pages with")
	}
	out, err := exec.Command("groff", append([]string{"-man", "-ww", "-Tutf8", "-z"}, pages...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

const filesSection = `.TP
.I config.json
The configuration in the bundle, as the OCI runtime specification has it. What counts
is how it was at
.BR create .
.TP
.IR /run/runnel/ ID
The state of a container: a copy of its config.json, its pid, its cgroup. Private to
.BR runnel ;
.B runnel state
tells what is in it.
`

const environmentSection = `.TP
.B XDG_RUNTIME_DIR
Where an ordinary user's state root,
.IR runnel ,
is. Without it
.I /run/user/UID
is taken, if it is there and the user's.
.TP
.BR LISTEN_FDS ", " LISTEN_FDNAMES
Descriptors from 3 on that
.B create
and
.B run
pass on, as
.BR sd_listen_fds (3)
has it.
.TP
.B NOTIFY_SOCKET
Where a service manager waits to hear that its service is ready,
.BR sd_notify (3).
The container's process gets one of its own,
.IR /run/notify/notify ;
.B start
and
.B run \-\-detach
return when it has said READY=1 or has ended, and tell the manager its pid.
.B run
in the foreground passes on what the container says about itself: all but MAINPID,
FDSTORE and the like.
`

const logSection = `An error is one sentence on standard error and, with
.BR \-\-log ,
a line of level error in the log. What hooks print is there, too, line by line with
level info; without
.B \-\-log
it is shown with
.B \-\-debug
only. Long output is cut in its middle.
.PP
With
.B \-\-log\-format json
a line is an object with
.IR level ", " msg " and " time .
Of an error it may have further keys, each where it is known. Without
.B \-\-log
the line is all that standard error gets.
.TP
.I code
The class of the error, see below; never absent.
.TP
.I step
What failed: an operation as
.BR runnel\-plan (8)
prints it, or a phase such as cgroup.
.TP
.I field
The JSON pointer (RFC 6901) to what in config.json asked for it.
.TP
.I errno
The name of the kernel\(aqs error,
.BR errno (3).
.TP
.I hint
What the errno doesn\(aqt say. The sentence has it, too.
.PP
The codes are these; others may be added.
`

// codeList is made from the constants and their comments.
func codeList() string {
	source, err := os.ReadFile("../../libcontainer/fault/fault.go")
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(source)) {
		_, rest, ok := strings.Cut(line, " Code = \"")
		if !ok {
			continue
		}
		code, comment, _ := strings.Cut(rest, "\"")
		_, comment, _ = strings.Cut(comment, "// ")
		fmt.Fprintf(&b, ".TP\n.B %s\n%s.\n", roff(code), roff(capital(strings.TrimSpace(comment))))
	}
	return b.String()
}

// exitStatus is the text for those commands that have more to tell than 0 and 1.
func exitStatus(command string) string {
	switch command {
	case "":
		return "0; 1 for an error; 3 for an unknown command.\n.B run\nand\n.B exec\nend as the process that they have run, see there.\n"
	case "run":
		return "That of the container's process, 128 plus the signal if one killed it. 0 with\n.BR \\-\\-detach .\n1 for an error.\n"
	case "exec":
		return "That of the process, 128 plus the signal if one killed it. 0 with\n.BR \\-\\-detach .\n255 for an error, 1 if the command line makes no sense.\n"
	}
	return "0, or 1 for an error.\n"
}

func programPage() string {
	var b strings.Builder
	b.WriteString(pageHead("runnel", title))
	b.WriteString(".SH SYNOPSIS\n.B runnel\n[\\fIGLOBAL OPTION\\fR...] \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n")
	b.WriteString(".SH DESCRIPTION\n" + roff(about) + "\n")
	b.WriteString(".SH COMMANDS\n")
	for _, e := range entries() {
		if e.name != "help" {
			fmt.Fprintf(&b, ".TP\n.BR runnel\\-%s (8)\n%s.\n", e.name, capital(e.make().summary))
		}
	}
	b.WriteString(".SH \"GLOBAL OPTIONS\"\n" + optionList(globalFlags()))
	b.WriteString(".SH \"EXIT STATUS\"\n" + exitStatus(""))
	b.WriteString(".SH LOG\n" + logSection + codeList())
	b.WriteString(".SH ENVIRONMENT\n" + environmentSection)
	b.WriteString(".SH FILES\n" + filesSection)
	b.WriteString(".SH EXAMPLE\n" + exampleBlock(aboutExample))
	b.WriteString(".SH \"SEE ALSO\"\n.BR cgroups (7),\n.BR namespaces (7),\n.BR capabilities (7),\n.BR seccomp (2)\n")
	return b.String()
}

func (c *command) page() string {
	var b strings.Builder
	b.WriteString(pageHead("runnel-"+c.name, c.summary))
	b.WriteString(".SH SYNOPSIS\n.B runnel " + c.name + "\n")
	if len(c.flags) > 0 {
		b.WriteString("[\\fIOPTION\\fR...] ")
	}
	b.WriteString(roff(c.arguments) + "\n.br\n.B runnel " + c.name + " \\-\\-help\n")
	b.WriteString(".SH DESCRIPTION\n" + roff(c.description) + "\n")
	b.WriteString(".SH OPTIONS\n" + optionList(c.flags) + "Global options are in\n.BR runnel (8).\n")
	b.WriteString(".SH \"EXIT STATUS\"\n" + exitStatus(c.name))
	b.WriteString(".SH EXAMPLE\n" + exampleBlock(c.example))
	b.WriteString(".SH \"SEE ALSO\"\n.BR runnel (8)\n")
	return b.String()
}

func pageHead(name, summary string) string {
	return fmt.Sprintf(".\\\" Made from the command table by go test ./internal/cli -update.\n.TH %s 8 \"\" runnel\n.SH NAME\n%s \\- %s\n",
		strings.ToUpper(roff(name)), roff(name), roff(summary))
}

func optionList(table []flag) string {
	var b strings.Builder
	for i := range table {
		f := &table[i]
		if f.hidden {
			continue
		}
		value := ""
		if f.kind != boolean {
			value = " \\fI" + roff(f.value) + "\\fR"
		}
		fmt.Fprintf(&b, ".TP\n\\fB\\-\\-%s\\fR%s", roff(f.name), value)
		if f.short != "" {
			fmt.Fprintf(&b, ", \\fB\\-%s\\fR%s", f.short, value)
		}
		fmt.Fprintf(&b, "\n%s.\n", roff(capital(f.explained())))
	}
	fmt.Fprintf(&b, ".TP\n\\fB\\-\\-help\\fR, \\fB\\-h\\fR\nShow a short help.\n.PP\n")
	return b.String()
}

func exampleBlock(example string) string {
	return ".EX\n" + roff(example) + "\n.EE\n"
}

// roff escapes what groff would take for its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return strings.ReplaceAll(text, "\n.", "\n\\&.")
}

// capital begins a sentence, but not one that begins with a file's name.
func capital(text string) string {
	if word, _, _ := strings.Cut(text, " "); strings.ContainsAny(word, "./") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
