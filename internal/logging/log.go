// Package logging writes the log that --log asks for, in the two formats of
// runc. It owns the file and the form of a line; it decides nothing about what
// is logged, and never writes to the standard streams by itself.
package logging

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// Format is the form of a line.
type Format string

// The formats.
const (
	Text Format = "text"
	JSON Format = "json"
)

// Level is the weight of a line.
type Level string

// The levels. containerd shows the last line with level "error" to its user.
const (
	Debug   Level = "debug"
	Warning Level = "warning"
	Error   Level = "error"
)

// Log is an open log.
type Log struct {
	writer io.Writer
	format Format
	debug  bool
}

// Open opens the log file path for appending. "" logs to stderr.
func Open(path string, format Format, debug bool, stderr io.Writer) (*Log, error) {
	if format != Text && format != JSON {
		return nil, fmt.Errorf("invalid log-format: %s", format)
	}
	l := &Log{writer: stderr, format: format, debug: debug}
	if path == "" {
		return l, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|os.O_SYNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l.writer = f
	return l, nil
}

// Write adds one line.
func (l *Log) Write(level Level, message string) {
	if level == Debug && !l.debug {
		return
	}
	now := time.Now()
	if l.format == JSON {
		l.writeJSON(level, message, now)
		return
	}
	fmt.Fprintf(l.writer, "time=%q level=%s msg=%s\n", now.Format(time.RFC3339), level, strconv.Quote(message))
}

// writeJSON has the keys that containerd's shim and podman read; the time must
// parse as RFC 3339.
func (l *Log) writeJSON(level Level, message string, now time.Time) {
	line, err := json.Marshal(struct {
		Level   Level  `json:"level"`
		Message string `json:"msg"`
		Time    string `json:"time"`
	}{level, message, now.Format(time.RFC3339)})
	if err != nil {
		return // strings always encode
	}
	_, _ = l.writer.Write(append(line, '\n'))
}
