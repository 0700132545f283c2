package config

import (
	"fmt"
	"strings"

	"github.com/runnel/runnel/internal/place"
)

// Severity says what a Problem means for the container.
type Severity uint8

// An Error prevents the container from being created; after a Warning, it will
// not be quite what the config asks for.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Problem is one finding about a config.
type Problem struct {
	// Pointer is the JSON pointer (RFC 6901) to what is wrong, Place the same in
	// words: "mounts[3] /data".
	Pointer, Place string
	Severity       Severity
	// Text is a sentence without the place, Hint what to do, if that isn't clear.
	Text, Hint string
	// Line and Column are where in the document that is, counted from 1, columns
	// in characters; 0 from all but an Examination.
	Line, Column int
}

func (p Problem) String() string { return p.Place + ": " + p.Text }

// ConfigError is a config with errors in it. Its text names all of them.
type ConfigError struct {
	// First is the first of the problems.
	First Problem
	text  string
}

func (e *ConfigError) Error() string { return e.text }

// FirstError makes one error, a ConfigError, of the errors among the problems, nil
// of none.
func FirstError(problems []Problem) error {
	var e ConfigError
	var more []string
	for _, p := range problems {
		switch {
		case p.Severity != Error:
		case e.text == "":
			e.First, e.text = p, p.String()
			if p.Hint != "" {
				e.text += " (" + p.Hint + ")"
			}
		default:
			more = append(more, p.String())
		}
	}
	if e.text == "" {
		return nil
	}
	if len(more) > 0 {
		e.text = fmt.Sprintf("%s (and %d more: %s)", e.text, len(more), strings.Join(more, "; "))
	}
	return &e
}

// dotted writes a JSON pointer as one would in a program.
func dotted(pointer string) string { return place.At(pointer).String() }
