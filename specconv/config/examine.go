package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/specconv/host"
	"github.com/runnel/runnel/specconv/words"
)

// Examination is a config.json that has been read for all of its problems: where
// Decode stops at the first error, this goes on.
type Examination struct {
	// Spec is what could be read; nil after an error of the JSON itself. What is
	// rejected has its zero value.
	Spec     *specs.Spec
	text     string
	notes    *notes
	problems []located
}

// Examine reads a config.json as Decode does.
func Examine(data []byte) *Examination {
	text := string(data)
	n := newNotes()
	e := &Examination{Spec: new(specs.Spec), text: text, notes: n}
	err := jsontext.NewReader(text, n).Document(documentName, func(r *jsontext.Reader) {
		n.offsets[""] = r.Offset()
		readSpec(r, e.Spec)
	})
	e.problems = n.problems
	var syntax *jsontext.Error
	if errors.As(err, &syntax) {
		e.Spec = nil
		p := Problem{Pointer: syntax.Pointer, Place: dotted(syntax.Pointer), Text: syntax.Err.Error()}
		e.problems = append(e.problems, located{p, syntax.Offset})
	}
	return e
}

// documentName is the place of what is about config.json as a whole.
const documentName = "config.json"

// Add takes problems that were found in Spec. Those about a value that was
// rejected, or about something in it, only follow from that and are left out.
func (e *Examination) Add(problems ...Problem) {
	for _, p := range problems {
		if !e.isRejected(p.Pointer) {
			e.problems = append(e.problems, located{p, -1})
		}
	}
}

// AddAt adds one problem, whose place is the pointer's.
func (e *Examination) AddAt(s Severity, pointer, text, hint string) {
	e.Add(Problem{Pointer: pointer, Place: e.place(pointer), Severity: s, Text: text, Hint: hint})
}

// place writes a pointer as errors of create do: an entry of mounts and of devices
// has its path with it.
func (e *Examination) place(pointer string) string {
	var i int
	if n, _ := fmt.Sscanf(pointer, "/mounts/%d", &i); n == 1 && e.Spec != nil && i < len(e.Spec.Mounts) {
		return MountPlace(i, e.Spec.Mounts[i].Destination).String()
	}
	if n, _ := fmt.Sscanf(pointer, "/linux/devices/%d", &i); n == 1 && e.Spec != nil && i < len(e.Spec.Linux.Devices) {
		return DevicePlace(i, &e.Spec.Linux.Devices[i]).String()
	}
	return dotted(pointer)
}

// AddError takes an error that begins with its place in config.json, as those of
// cgroups and seccomp do; fallback is the pointer if it doesn't.
func (e *Examination) AddError(s Severity, fallback string, err error) {
	if err == nil {
		return
	}
	p := Problem{Pointer: fallback, Place: dotted(fallback), Severity: s, Text: err.Error()}
	if place, text, ok := strings.Cut(p.Text, ": "); ok {
		if pointer, ok := undotted(place); ok {
			p.Pointer, p.Place, p.Text = pointer, place, strings.TrimPrefix(text, place+": ")
		}
	}
	e.Add(p)
}

func (e *Examination) isRejected(pointer string) bool {
	return slices.ContainsFunc(e.notes.rejected, func(r string) bool {
		return pointer == r || strings.HasPrefix(pointer, r+"/")
	})
}

// Problems are all that have been found, in the order of the document, with line
// and column.
func (e *Examination) Problems() []Problem {
	failed := map[string]bool{}
	for i := range e.problems {
		p := &e.problems[i]
		if p.offset < 0 {
			p.offset = e.offset(p.Pointer)
		}
		if p.Place == "" {
			p.Place = documentName
		}
		if p.Severity == Error {
			failed[p.Pointer] = true
		}
	}
	sorted := slices.DeleteFunc(slices.Clone(e.problems), func(p located) bool {
		return p.Text == missing && failed[p.Pointer]
	})
	slices.SortStableFunc(sorted, func(a, b located) int { return cmp.Compare(a.offset, b.offset) })
	return e.withLines(sorted)
}

// withLines goes through the document once.
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

// offset is where a value begins, or the one that it would be in.
func (e *Examination) offset(pointer string) int {
	for {
		if at, ok := e.notes.offsets[pointer]; ok || pointer == "" {
			return at
		}
		pointer = pointer[:max(strings.LastIndexByte(pointer, '/'), 0)]
	}
}

// undotted turns a place as dotted writes it, "linux.seccomp.syscalls[0].names" or
// "mounts[3] /data", into a JSON pointer. It tells other text by its first word.
func undotted(text string) (pointer string, ok bool) {
	rest := text
	for rest != "" && rest[0] != ' ' {
		var part string
		switch quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(rest, "[")); {
		case rest[0] == '[' && err == nil:
			part, _ = strconv.Unquote(quoted)
			rest = strings.TrimPrefix(rest[1+len(quoted):], "]")
		case rest[0] == '[':
			part, rest, ok = strings.Cut(rest[1:], "]")
			if !ok {
				return "", false
			}
		default:
			rest = strings.TrimPrefix(rest, ".")
			end := strings.IndexAny(rest, ".[ ")
			if end < 0 {
				end = len(rest)
			}
			part, rest = rest[:end], rest[end:]
		}
		if pointer == "" && !slices.Contains(propertiesOf(new(specs.Spec)), part) {
			return "", false
		}
		pointer += "/" + place.Escape(part)
	}
	return pointer, pointer != ""
}

// Validate adds the problems that Validate finds on a host.
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

// lacksNamespaces tells whether an entry of linux.namespaces could not be read.
func (e *Examination) lacksNamespaces() bool {
	return slices.ContainsFunc(e.notes.rejected, func(r string) bool {
		return r == "/linux" || strings.HasPrefix(r, "/linux/namespaces")
	})
}

// assumingNamespaces has all namespaces in the place of the unknown ones, so that
// nothing is found that may only follow from their absence.
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
