// Package logging writes the log of the flag --log: in the two formats of runc to a file or
// to standard error, or to journald or syslog. Its callers decide what is logged.
package logging

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Format is the format of a log.
type Format string

// The formats.
const (
	Text Format = "text" // time="…" level=error msg="…"
	JSON Format = "json" // {"level":"error","msg":"…","time":"…"}
)

// Level is the severity of a line.
type Level string

// The levels. containerd shows its user the last line with level "error": that is used
// for a command that has failed, and for nothing else.
const (
	Debug   Level = "debug"
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error"
)

// levels are the levels, the most severe first, with the priority that each has for journald
// and syslog: syslog(3).
var levels = [...]struct {
	name     Level
	priority int
}{{Error, 3}, {Warning, 4}, {Info, 6}, {Debug, 7}}

// ParseLevel parses the value of --log-level. "warn" is Warning.
func ParseLevel(text string) (Level, error) {
	if text == "warn" {
		return Warning, nil
	}
	for _, l := range levels {
		if text == string(l.name) {
			return l.name, nil
		}
	}
	return "", fmt.Errorf("invalid log-level: %s: not error, warn, info or debug", text)
}

// rank returns the position of a level in levels.
func (l Level) rank() int {
	for i := range levels {
		if levels[i].name == l {
			return i
		}
	}
	panic("logging: no level " + string(l))
}

// Details are the members that a line in JSON has in addition to runc's: details of an
// error, for programs. Empty members are left out. Lines in text format have none.
type Details struct {
	Code  string `json:"code,omitempty"`  // class of the error
	Step  string `json:"step,omitempty"`  // operation that failed
	Field string `json:"field,omitempty"` // JSON pointer into config.json
	Errno string `json:"errno,omitempty"` // its name, such as "ENOENT"
	Hint  string `json:"hint,omitempty"`
}

// Log is an open log.
type Log struct {
	to     destination
	format Format
	least  Level
	stderr bool
}

// destination is where lines go.
type destination interface {
	write(level Level, message string, details Details)
}

// Open opens the log that the flag --log names:
//
//	PATH, file:PATH    a file, which is created if it doesn't exist, for appending
//	journald:IDENT     journald(8); format has no effect
//	syslog:IDENT       syslog(3); format has no effect
//	""                 stderr
//
// Without IDENT the messages are those of program. Messages that are less severe than least
// aren't written; "" is Warning for stderr, and Info otherwise.
func Open(name string, format Format, least Level, program string, stderr io.Writer) (*Log, error) {
	if format != Text && format != JSON {
		return nil, fmt.Errorf("invalid log-format: %s", format)
	}
	l := &Log{format: format, least: least, stderr: name == ""}
	if least == "" {
		l.least = Info
		if l.stderr {
			l.least = Warning
		}
	}
	var err error
	l.to, err = open(name, format, program, stderr)
	return l, err
}

func open(name string, format Format, program string, stderr io.Writer) (destination, error) {
	if name == "" {
		return lines{stderr, format}, nil
	}
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "journald":
		return openJournal(cmp.Or(rest, program))
	case "syslog":
		return openSyslog(cmp.Or(rest, program))
	case "file":
		name = rest
	}
	// os.OpenFile would initialise the runtime's poller, which takes six system calls.
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, &os.PathError{Op: "open log", Path: name, Err: err}
	}
	return lines{descriptor(fd), format}, nil
}

// OnStderr reports whether the log is written to standard error.
func (l *Log) OnStderr() bool { return l.stderr }

// IsJSON reports whether lines are JSON objects.
func (l *Log) IsJSON() bool { return l.format == JSON }

// Has reports whether messages of a level are written.
func (l *Log) Has(level Level) bool { return level.rank() <= l.least.rank() }

// Write writes a message. Errors of writing are ignored, because they can't be reported.
func (l *Log) Write(level Level, message string) { l.WriteDetails(level, message, Details{}) }

// WriteDetails writes a message with details.
func (l *Log) WriteDetails(level Level, message string, details Details) {
	if l.Has(level) {
		l.to.write(level, message, details)
	}
}

// lines is a destination that has lines.
type lines struct {
	writer io.Writer
	format Format
}

func (l lines) write(level Level, message string, details Details) {
	_, _ = l.writer.Write(line(l.format, level, message, details, time.Now()))
}

// line returns one line. It is written with one call, so that the lines of several
// runtimes that append to one file aren't mixed. Its time is in RFC 3339, because
// containerd ignores other lines.
func line(format Format, level Level, message string, details Details, now time.Time) []byte {
	stamp := now.Format(time.RFC3339)
	if format == JSON {
		encoded, _ := json.Marshal(struct { // strings can always be encoded
			Level   Level  `json:"level"`
			Message string `json:"msg"`
			Time    string `json:"time"`
			Details
		}{level, message, stamp, details})
		return append(escapeControls(encoded), '\n')
	}
	return fmt.Appendf(nil, "time=%q level=%s msg=%s\n", stamp, level, strconv.Quote(message))
}

// escapeControls escapes U+007F to U+009F, which encoding/json doesn't escape, although
// a terminal may interpret them.
func escapeControls(encoded []byte) []byte {
	out := make([]byte, 0, len(encoded))
	for _, r := range string(encoded) {
		if r >= 0x7f && r <= 0x9f {
			out = fmt.Appendf(out, `\u%04x`, r)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// descriptor writes to an open file.
type descriptor int

func (d descriptor) Write(content []byte) (written int, err error) {
	for written < len(content) {
		n, err := unix.Write(int(d), content[written:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return written, os.NewSyscallError("write", err)
		}
		written += n
	}
	return written, nil
}
