package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Examination is a config.json that is read for all of its problems, where Decode stops
// at the first one.
type Examination struct {
	// Spec is what could be read; nil after a syntax error. Values that were rejected
	// are zero.
	Spec     *specs.Spec
	text     string
	notes    *notes
	problems []located
	isCut    bool // a syntax error ends it
}

// Examine reads a config.json as Decode does, and notes problems instead of stopping.
func Examine(data []byte) *Examination {
	spec := new(specs.Spec)
	e := examine(data, documentName, func(r *jsontext.Reader) { readSpec(r, spec) })
	if !e.isCut {
		e.Spec = spec
	}
	return e
}

// examine notes the problems of a document that read reads.
func examine(data []byte, name string, read func(*jsontext.Reader)) *Examination {
	n := newNotes()
	e := &Examination{text: string(data), notes: n}
	err := newReader(e.text, n).Document(name, func(r *jsontext.Reader) {
		n.offsets[""] = r.Offset()
		read(r)
	})
	e.problems = n.problems
	var syntax *jsontext.Error
	if errors.As(err, &syntax) {
		e.isCut = true
		p := Problem{Place: place.At(syntax.Pointer), Text: syntax.Err.Error()}
		e.problems = append(e.problems, located{p, syntax.Offset})
	}
	return e
}

// documentName is the file in errors, and the place of problems that are about config.json
// as a whole.
const documentName = "config.json"

// Add adds problems that were found in Spec. Those about a value that was rejected,
// or about something in it, only follow from that and are left out.
func (e *Examination) Add(problems ...Problem) {
	for _, p := range problems {
		if !e.isRejected(p.Place.Pointer) {
			e.problems = append(e.problems, located{p, -1})
		}
	}
}

// AddError adds an error as a problem at the error's place, or at fallback if it has
// none. nil is not added.
func (e *Examination) AddError(s Severity, fallback place.Place, err error) {
	if err == nil {
		return
	}
	p := Problem{Place: fallback, Severity: s, Text: err.Error()}
	var known *place.Error
	if errors.As(err, &known) && !known.Place.IsZero() {
		p.Place = known.Place
		p.Text = strings.Replace(p.Text, known.Error(), known.Reason(), 1)
		for _, also := range known.Also {
			p.Text += "; the same holds for " + also.String()
		}
	}
	e.Add(p)
}

func (e *Examination) isRejected(pointer string) bool {
	return slices.ContainsFunc(e.notes.rejected, func(r string) bool {
		return pointer == r || strings.HasPrefix(pointer, r+"/")
	})
}

// Problems returns all that have been found, in the order of the document, with line
// and column.
func (e *Examination) Problems() []Problem {
	failed := map[string]bool{}
	for i := range e.problems {
		p := &e.problems[i]
		if p.offset < 0 {
			p.offset = e.offset(p.Place.Pointer)
		}
		if p.Severity == Error {
			failed[p.Place.Pointer] = true
		}
	}
	sorted := slices.DeleteFunc(slices.Clone(e.problems), func(p located) bool {
		return p.Text == missing && failed[p.Place.Pointer]
	})
	slices.SortStableFunc(sorted, func(a, b located) int { return cmp.Compare(a.offset, b.offset) })
	return e.withLines(sorted)
}

// withLines adds lines and columns in one pass over the document.
func (e *Examination) withLines(sorted []located) []Problem {
	list := make([]Problem, len(sorted))
	line, column, at := 1, 1, 0
	for i, p := range sorted {
		between := e.text[at:p.offset]
		if last := strings.LastIndexByte(between, '\n'); last >= 0 {
			line += strings.Count(between, "\n")
			column, between = 1, between[last+1:]
		}
		column += utf8.RuneCountInString(between)
		at = p.offset
		list[i] = p.Problem
		list[i].Line, list[i].Column = line, column
	}
	return list
}

// Position returns line and column of a value, counted from 1, or of the one that it would
// be in.
func (e *Examination) Position(at place.Place) (line, column int) {
	p := e.withLines([]located{{offset: e.offset(at.Pointer)}})[0]
	return p.Line, p.Column
}

// offset returns where a value begins, or the one that it would be in.
func (e *Examination) offset(pointer string) int {
	for {
		if at, ok := e.notes.offsets[pointer]; ok || pointer == "" {
			return at
		}
		pointer = pointer[:max(strings.LastIndexByte(pointer, '/'), 0)]
	}
}

// Validate adds the problems that the function Validate finds on a host.
func (e *Examination) Validate(host *host.Host) {
	if e.Spec == nil {
		return
	}
	spec := e.Spec
	if e.lacksNamespaces() {
		spec = assumingNamespaces(spec)
	}
	e.Add(Validate(spec, host)...)
}

// lacksNamespaces reports whether an entry of linux.namespaces could not be read.
func (e *Examination) lacksNamespaces() bool {
	return slices.ContainsFunc(e.notes.rejected, func(r string) bool {
		return r == "/linux" || strings.HasPrefix(r, "/linux/namespaces")
	})
}

// assumingNamespaces returns the config with all namespaces instead of those that
// couldn't be read, so that nothing is reported that may only follow from their
// absence.
func assumingNamespaces(spec *specs.Spec) *specs.Spec {
	copied := *spec
	linux := specs.Linux{}
	if spec.Linux != nil {
		linux = *spec.Linux
	}
	linux.Namespaces = slices.Clone(linux.Namespaces)
	for _, t := range words.NamespaceTypes {
		needsMaps := t.Name == specs.UserNamespace && len(linux.UIDMappings)+len(linux.GIDMappings) == 0
		if !needsMaps && !words.HasNamespace(&copied, t.Name) {
			linux.Namespaces = append(linux.Namespaces, specs.LinuxNamespace{Type: t.Name})
		}
	}
	copied.Linux = &linux
	return &copied
}
