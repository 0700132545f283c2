package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/libcontainer"
)

func seccompLogFlag() *cli.StringFlag {
	return &cli.StringFlag{Name: "seccomp-log", Usage: "write the system calls that the profile refuses to `FILE`; - is standard error"}
}

// hidden returns a flag that isn't shown, because it is only there to be refused.
func hidden(f *cli.StringFlag) cli.Flag {
	f.Hidden = true
	return f
}

// errCreateLog is the error of --seccomp-log with create.
var errCreateLog = errors.New("--seccomp-log needs a runtime that stays with the container: use run in the foreground")

// seccompLog writes refused system calls, one a line.
type seccompLog struct {
	to     io.Writer
	file   *os.File // nil for standard error
	isJSON bool
	// failed is the first error of a write.
	failed atomic.Pointer[error]
}

// openSeccompLog opens the log that --seccomp-log names; nil without one.
func (s *session) openSeccompLog(c *cli.Context) (*seccompLog, error) {
	name := c.String("seccomp-log")
	switch {
	case name == "":
		return nil, nil
	case c.Bool("detach"):
		return nil, misuse(errors.New("--seccomp-log can't be combined with --detach: it needs a runtime that stays with the container"))
	case name == "-":
		return &seccompLog{to: s.stderr, isJSON: s.log.IsJSON()}, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, misuse(err)
	}
	return &seccompLog{to: file, file: file, isJSON: s.log.IsJSON()}, nil
}

func (l *seccompLog) close() {
	if l != nil && l.file != nil {
		l.file.Close()
	}
}

// write writes one refusal with one call, because several goroutines do.
func (l *seccompLog) write(r libcontainer.SeccompRefusal) {
	if _, err := io.WriteString(l.to, l.line(&r)); err != nil {
		l.failed.CompareAndSwap(nil, &err)
	}
}

// err returns the error of a write that has failed.
func (l *seccompLog) err() error {
	if l == nil {
		return nil
	}
	if failed := l.failed.Load(); failed != nil {
		return fmt.Errorf("--seccomp-log isn't complete: %w", *failed)
	}
	return nil
}

func (l *seccompLog) line(r *libcontainer.SeccompRefusal) string {
	args := make([]string, len(r.Args))
	for i, a := range r.Args {
		args[i] = fmt.Sprintf("%#x", a)
	}
	if !l.isJSON {
		return fmt.Sprintf("seccomp: %s(%s) of %s (pid %d): %s\n", r.Name, strings.Join(args, ", "),
			printable(r.Command, false), r.Pid, errnoName(r.Errno))
	}
	w := &jsontext.Writer{}
	w.Begin('{')
	w.String("syscall", r.Name)
	w.String("architecture", string(r.Arch))
	w.Strings("args", args)
	w.Uint("errno", uint64(r.Errno))
	w.String("errnoName", errnoName(r.Errno))
	w.Int("pid", r.Pid)
	w.String("command", r.Command)
	w.End('}')
	return string(append(w.Text, '\n'))
}

// end writes how the process has ended, if a filter has ended it.
func (l *seccompLog) end(status int) {
	if l == nil || status != 128+int(unix.SIGSYS) {
		return
	}
	const text = "the container's process was ended by SIGSYS: an entry of the profile has SCMP_ACT_KILL or SCMP_ACT_TRAP"
	if !l.isJSON {
		_, _ = io.WriteString(l.to, "seccomp: "+text+"\n")
		return
	}
	w := &jsontext.Writer{}
	w.Begin('{')
	w.String("killed", text)
	w.End('}')
	_, _ = l.to.Write(append(w.Text, '\n'))
}
