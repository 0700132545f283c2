// Package place represents places in config.json: for programs as a JSON pointer, for
// people in the notation of a programming language. Steps of a plan, errors and
// problems carry a Place, so that nothing has to parse their texts.
package place

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Place is a place in config.json. The zero value is the document as a whole.
type Place struct {
	// Pointer is the JSON pointer (RFC 6901).
	Pointer string
	// Name identifies an element of a list in addition to its index, such as the
	// destination of a mount; it may be empty.
	Name string
	// inner is the length of the part of Pointer that follows the named element.
	inner int
}

// At returns the place that a JSON pointer refers to.
func At(pointer string) Place { return Place{Pointer: pointer} }

// Key returns the place of a property of the object at p.
func (p Place) Key(name string) Place { return p.join(Escape(name)) }

// Index returns the place of an element of the list at p.
func (p Place) Index(i int) Place { return p.join(strconv.Itoa(i)) }

func (p Place) join(part string) Place {
	p.Pointer += "/" + part
	if p.Name != "" {
		p.inner += 1 + len(part)
	}
	return p
}

// Named returns p with a name for the element. Places within it keep the name, and
// String returns the element for them.
func (p Place) Named(name string) Place { return Place{Pointer: p.Pointer, Name: name} }

// IsZero reports whether p is the document as a whole.
func (p Place) IsZero() bool { return p == Place{} }

// String returns the place in words: "mounts[3] /data", `linux.sysctl["net.x"]`;
// "" for the document as a whole.
func (p Place) String() string {
	var b strings.Builder
	for i, part := range strings.Split(p.Pointer[:len(p.Pointer)-p.inner], "/") {
		if i == 0 {
			continue
		}
		part = unescape(part)
		switch _, err := strconv.ParseUint(part, 10, 31); {
		case part == "" || isMap(b.String()) || strings.ContainsAny(part, "./ \""):
			b.WriteString("[" + strconv.Quote(part) + "]")
		case err == nil:
			b.WriteString("[" + part + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(part)
		}
	}
	if p.Name != "" {
		b.WriteString(" " + p.Name)
	}
	return b.String()
}

// isMap reports whether a property is a map with arbitrary keys, which are quoted to
// distinguish them from properties.
func isMap(property string) bool {
	switch property {
	case "linux.netDevices", "linux.resources.unified":
		return true
	}
	return false
}

// Escape escapes a key for a JSON pointer.
func Escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

func unescape(part string) string {
	return strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
}

// Error is an error about the value at a place. Its text begins with the place.
type Error struct {
	Place Place
	Err   error
	// Also are further places that the error is about.
	Also []Place
}

// Error returns the text, with all places before it.
func (e *Error) Error() string {
	if e.Place.IsZero() {
		return e.Reason()
	}
	text := e.Place.String()
	for _, p := range e.Also {
		text += ", " + p.String()
	}
	return text + ": " + e.Reason()
}

// Reason returns the text without places. An error that is wrapped has often the same
// place.
func (e *Error) Reason() string {
	text := e.Err.Error()
	var inner *Error
	if errors.As(e.Err, &inner) && inner.Place.Pointer == e.Place.Pointer {
		text = strings.Replace(text, inner.Error(), inner.Reason(), 1)
	}
	return text
}

// Unwrap returns the error without its place.
func (e *Error) Unwrap() error { return e.Err }

// Wrap returns err with a place. It returns nil if err is nil, and err itself if it
// carries a place already.
func Wrap(p Place, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Place: p, Err: err}
}

// Errorf returns an error at a place, formatted as by fmt.Errorf.
func Errorf(p Place, format string, args ...any) *Error {
	return &Error{Place: p, Err: fmt.Errorf(format, args...)}
}

// Of returns the place that err carries; the zero Place if it carries none.
func Of(err error) Place {
	var e *Error
	if errors.As(err, &e) {
		return e.Place
	}
	return Place{}
}

// Errors collects the problems of a config. The zero value is empty and ready for use.
type Errors []*Error

// Add adds an error at a place. It ignores nil, and keeps the place of an error that
// carries one already.
func (l *Errors) Add(p Place, err error) {
	var known *Error
	switch {
	case err == nil:
	case errors.As(err, &known):
		*l = append(*l, known)
	default:
		*l = append(*l, &Error{Place: p, Err: err})
	}
}

// Addf adds an error at a place, formatted as by fmt.Errorf.
func (l *Errors) Addf(p Place, format string, args ...any) {
	*l = append(*l, Errorf(p, format, args...))
}

// First returns the first error; nil if there is none.
func (l Errors) First() error {
	if len(l) == 0 {
		return nil
	}
	return l[0]
}

// Has reports whether there is an error at exactly this place.
func (l Errors) Has(p Place) bool {
	return slices.ContainsFunc(l, func(e *Error) bool { return e.Place == p })
}
