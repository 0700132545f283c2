package config

import (
	"fmt"
	"strings"

	"github.com/runnel/runnel/internal/place"
)

// Severity is what a Problem means for the container.
type Severity uint8

// The severities. An Error prevents the container from being created; after a Warning,
// it may differ from what the config asks for.
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

// Problem is something that is wrong with a config.
type Problem struct {
	Place    place.Place
	Severity Severity
	// Text is a sentence without the place, Hint what to do if that isn't clear.
	Text, Hint string
	// Line and Column are where in the document that is, counted from 1, columns
	// in characters. Only an Examination knows them.
	Line, Column int
}

// Where returns the place in words, "config.json" for the document as a whole.
func (p Problem) Where() string {
	if p.Place.IsZero() {
		return documentName
	}
	return p.Place.String()
}

func (p Problem) String() string { return p.Where() + ": " + p.Text }

// Sentence returns place, text and hint.
func (p Problem) Sentence() string {
	if p.Hint == "" {
		return p.String()
	}
	return p.String() + " (" + p.Hint + ")"
}

// ConfigError is the error of a config with problems. Its text names all of them.
type ConfigError struct {
	// First is the first of the problems.
	First Problem
	text  string
}

func (e *ConfigError) Error() string { return e.text }

// FirstError returns the errors among the problems as one, a *ConfigError; nil if there
// are none.
func FirstError(problems []Problem) error {
	var e ConfigError
	var more []string
	for _, p := range problems {
		switch {
		case p.Severity != Error:
		case e.text == "":
			e.First, e.text = p, p.Sentence()
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
