package logging

import (
	"errors"
	"fmt"
	"log/syslog"
	"strconv"

	"github.com/coreos/go-systemd/v22/journal"
)

// journald is a destination: the journal of systemd.
type journald struct{ ident string }

func openJournal(ident string) (destination, error) {
	if !journal.Enabled() {
		return nil, errors.New("open log journald: nothing listens on /run/systemd/journal/socket")
	}
	return journald{ident}, nil
}

// write sends a message with its details as fields, which journalctl(1) can search:
// RUNNEL_CODE=mount_failed.
func (j journald) write(level Level, message string, details Details) {
	fields := map[string]string{"SYSLOG_IDENTIFIER": j.ident}
	for _, f := range []struct{ name, value string }{
		{"CODE", details.Code}, {"STEP", details.Step}, {"FIELD", details.Field}, {"ERRNO", details.Errno}, {"HINT", details.Hint},
	} {
		if f.value != "" {
			fields["RUNNEL_"+f.name] = f.value
		}
	}
	_ = journal.Send(message, journal.Priority(levels[level.rank()].priority), fields) // see Log.Write
}

// system is a destination: the system's log daemon.
type system struct{ *syslog.Writer }

func openSyslog(ident string) (destination, error) {
	w, err := syslog.New(syslog.LOG_USER, ident)
	if err != nil {
		return nil, fmt.Errorf("open log syslog: nothing listens on /dev/log: %w", err)
	}
	return system{w}, nil
}

// write sends a message in one line. Control characters are escaped, because a container can
// choose parts of a message, and a line of its own would look like that of another program.
func (s system) write(level Level, message string, _ Details) {
	quoted := strconv.Quote(message)
	text := quoted[1 : len(quoted)-1]
	switch level { // see Log.Write for the errors
	case Error:
		_ = s.Err(text)
	case Warning:
		_ = s.Warning(text)
	case Info:
		_ = s.Info(text)
	case Debug:
		_ = s.Debug(text)
	}
}
