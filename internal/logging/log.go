// Package logging writes the log that --log asks for, in the two formats of
// runc. It owns the file and the form of a line; it decides nothing about what
// is logged.
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

// Format is the form of a line.
type Format string

// The formats.
const (
	Text Format = "text" // time="…" level=error msg="…"
	JSON Format = "json" // {"level":"error","msg":"…","time":"…"}
)

// Level is the weight of a line.
type Level string

// The levels. containerd shows the last line with level "error" to its user, so
// there is one for a command that has failed, and none for others.
const (
	Debug   Level = "debug"
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error"
)

// Details are the keys that a line in JSON has after those of runc: what a program
// may want to know of an error beside its sentence. Empty ones are left out, and
// lines of text have none.
type Details struct {
	Code  string `json:"code,omitempty"`  // the class of the error
	Step  string `json:"step,omitempty"`  // what was being done
	Field string `json:"field,omitempty"` // JSON pointer into config.json
	Errno string `json:"errno,omitempty"` // by name
	Hint  string `json:"hint,omitempty"`
}

// Log is an open log.
type Log struct {
	writer io.Writer
	format Format
	file   bool
}

// Open opens the log at path for appending and makes it if need be. Without a
// path, lines go to stderr.
func Open(path string, format Format, stderr io.Writer) (*Log, error) {
	if format != Text && format != JSON {
		return nil, fmt.Errorf("invalid log-format: %s", format)
	}
	if path == "" {
		return &Log{writer: stderr, format: format}, nil
	}
	// Not os.OpenFile: it would set up the poller, six system calls for nothing.
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	return &Log{writer: descriptor(fd), format: format, file: true}, nil
}

// IsFile tells whether lines go to a file, not to stderr.
func (l *Log) IsFile() bool { return l.file }

// IsJSON tells whether lines are JSON objects.
func (l *Log) IsJSON() bool { return l.format == JSON }

// Write adds a line. An error of writing is lost: there is nowhere to tell it.
func (l *Log) Write(level Level, message string) { l.WriteDetails(level, message, Details{}) }

// WriteDetails is Write with details.
func (l *Log) WriteDetails(level Level, message string, details Details) {
	_, _ = l.writer.Write(line(l.format, level, message, details, time.Now()))
}

// line is one line, written at once so that the lines of several runtimes that
// append to one file stay whole. Its time parses as RFC 3339, without which
// containerd takes no notice of it.
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

// escapeControls escapes what encoding/json leaves as it is although a terminal may
// obey it: U+007F to U+009F.
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
