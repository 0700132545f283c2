// Package logging writes the log of the flag --log, in the two formats of runc. Its
// callers decide what is logged.
package logging

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
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
	writer io.Writer
	format Format
	file   bool
}

// Open opens the log at path for appending, and creates it if it doesn't exist. If path
// is "", lines are written to stderr.
func Open(path string, format Format, stderr io.Writer) (*Log, error) {
	if format != Text && format != JSON {
		return nil, fmt.Errorf("invalid log-format: %s", format)
	}
	if path == "" {
		return &Log{writer: stderr, format: format}, nil
	}
	// os.OpenFile would initialise the runtime's poller, which takes six system calls.
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, &os.PathError{Op: "open log", Path: path, Err: err}
	}
	return &Log{writer: descriptor(fd), format: format, file: true}, nil
}

// IsFile reports whether lines are written to a file, not to stderr.
func (l *Log) IsFile() bool { return l.file }

// IsJSON reports whether lines are JSON objects.
func (l *Log) IsJSON() bool { return l.format == JSON }

// Write writes a line. Errors of writing are ignored, because they can't be reported.
func (l *Log) Write(level Level, message string) { l.WriteDetails(level, message, Details{}) }

// WriteDetails writes a line with details.
func (l *Log) WriteDetails(level Level, message string, details Details) {
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
