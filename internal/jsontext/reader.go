package jsontext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/runnel/runnel/internal/place"
)

// Reader reads one JSON text (RFC 8259) into variables, without reflection.
// contrib/design/json.md explains why it exists beside encoding/json.
//
// As in encoding/json, null leaves a variable unchanged, of equal keys the last one
// counts, and so do keys whose letters have another case, if Properties is set. It is
// stricter in that text that isn't UTF-8 is an error instead of being altered.
//
// After the first error the position is at the end of the text, and nothing more is
// read. With an Observer, a well-formed value of the wrong type or out of range isn't
// an error; it is reported to the Observer and skipped.
type Reader struct {
	text     string
	pos      int
	depth    int
	err      error
	at       int    // offset of the error
	pointer  string // JSON pointer to the error, built while the calls return
	observer Observer

	// Properties returns the keys of an object that its function field knows. If it is
	// nil, the case of letters counts.
	Properties func(object any) []string
	// IsFolded is set when a key was found that way.
	IsFolded bool
}

// Observer is informed about everything that a Reader reads. Offsets are in bytes from
// the beginning of the text.
type Observer interface {
	// BeginObject is called when an object is read into value, which is nil if the
	// object is skipped. EndObject is called after its last member.
	BeginObject(value any)
	EndObject()
	// BeginMember and BeginElement are called before a member of an object or an
	// element of an array is read, and End after it was read.
	BeginMember(m Member)
	BeginElement(index, offset int)
	End()
	// Unknown is called if the member that has begun is unknown and skipped.
	Unknown(key string)
	// Folded is called if the member that has begun is read as another one, whose key
	// has letters of another case.
	Folded(key string)
	// Reject is called if the current value has the wrong type or is out of range.
	Reject(offset int, reason string)
}

// Member is a member of an object, before its value is read.
type Member struct {
	Key               string
	KeyOffset, Offset int // where the key and the value begin
	IsNull            bool
}

// NewReader returns a Reader of text. observer may be nil.
func NewReader(text string, observer Observer) *Reader {
	return &Reader{text: text, observer: observer}
}

// Offset returns the current position, in bytes.
func (r *Reader) Offset() int { return r.pos }

// maxDepth is the number of nested objects and arrays that are accepted: more than any
// config has, and much less than the stack can hold.
const maxDepth = 200

// Error is an error at a place in a JSON text.
type Error struct {
	Name         string // of the file
	Offset       int    // in bytes
	Line, Column int    // counted from 1, columns in characters
	Pointer      string // JSON pointer (RFC 6901) to the value
	Err          error
}

// Position returns the error's file, line and column: "config.json:12:5".
func (e *Error) Position() string { return fmt.Sprintf("%s:%d:%d", e.Name, e.Line, e.Column) }

// Error returns the text with position and place: "config.json:12:5: process.cwd: …".
func (e *Error) Error() string {
	if at := place.At(e.Pointer).String(); at != "" {
		return e.Position() + ": " + at + ": " + e.Err.Error()
	}
	return e.Position() + ": " + e.Err.Error()
}

// Unwrap returns the error without its position.
func (e *Error) Unwrap() error { return e.Err }

func (r *Reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
		r.at = at
	}
	r.pos = len(r.text)
}

func (r *Reader) result(name string) error {
	if r.err == nil {
		return nil
	}
	before := r.text[:r.at]
	return &Error{
		Name: name, Offset: r.at, Pointer: r.pointer, Err: r.err,
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1,
	}
}

// Document reads one value by calling read, and fails if anything follows it. name is
// the name of the file, for errors. The error is an *Error.
func (r *Reader) Document(name string, read func(*Reader)) error {
	if r.skipSpace(); r.pos == len(r.text) {
		r.fail(r.pos, "the file is empty")
		return r.result(name)
	}
	read(r)
	if r.skipSpace(); r.err == nil && r.pos < len(r.text) {
		r.fail(r.pos, "%s after the end of the object", r.found())
	}
	return r.result(name)
}

func (r *Reader) skipSpace() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek returns the first byte of the next token, 0 at the end.
func (r *Reader) peek() byte {
	r.skipSpace()
	if r.pos == len(r.text) {
		return 0
	}
	return r.text[r.pos]
}

// found describes the next token for an error.
func (r *Reader) found() string {
	switch c := r.peek(); {
	case c == 0 && r.pos == len(r.text):
		return "the end of the file"
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == '"':
		return "a string"
	case c == '-' || c >= '0' && c <= '9':
		return "a number"
	case strings.HasPrefix(r.text[r.pos:], "true"), strings.HasPrefix(r.text[r.pos:], "false"):
		return "a boolean"
	}
	c, _ := utf8.DecodeRuneInString(r.text[r.pos:])
	return "invalid character " + strconv.QuoteRune(c)
}

func (r *Reader) expected(what string) {
	r.skipSpace()
	at := r.pos
	r.fail(at, "expected %s, found %s", what, r.found())
}

// take consumes c if it is the next token, and reports whether it is.
func (r *Reader) take(c byte) bool {
	if r.peek() != c || r.pos == len(r.text) {
		return false
	}
	r.pos++
	return true
}

func (r *Reader) null() bool {
	if r.peek() == 'n' && strings.HasPrefix(r.text[r.pos:], "null") {
		r.pos += len("null")
		return true
	}
	return false
}

// Object reads an object. It calls field for each key, with the position before the
// value. field returns false, and doesn't read the value, if it doesn't know the key. v
// is the value that is read, for the Observer and for Properties.
func (r *Reader) Object(v any, field func(r *Reader, key string) bool) {
	if r.null() {
		return
	}
	if !r.take('{') {
		r.mismatch("an object")
		return
	}
	if r.observer != nil {
		r.observer.BeginObject(v)
	}
	if r.enter(); r.take('}') {
		r.closeObject()
		return
	}
	comma := 0
	for r.err == nil {
		if comma > 0 && r.peek() == '}' {
			r.fail(comma, "a comma after the last member")
			return
		}
		if r.peek() != '"' {
			r.expected("a key")
			return
		}
		at := r.pos
		key := r.string()
		if r.err == nil && !r.take(':') {
			r.expected("':'")
			return
		}
		if r.observer != nil {
			isNull := r.peek() == 'n'
			r.observer.BeginMember(Member{Key: key, KeyOffset: at, Offset: r.pos, IsNull: isNull})
		}
		if !field(r, key) {
			key = r.otherwise(v, key, field)
		}
		if r.err != nil {
			r.pointer = "/" + place.Escape(key) + r.pointer
			return
		}
		if r.observer != nil {
			r.observer.End()
		}
		if r.take(',') {
			comma = r.pos - 1
			continue
		}
		if !r.take('}') {
			r.expected("',' or '}'")
			return
		}
		r.closeObject()
		return
	}
}

func (r *Reader) closeObject() {
	r.depth--
	if r.observer != nil {
		r.observer.EndObject()
	}
}

// otherwise reads the value of a key that isn't known as that of one with letters of
// another case, or else skips it. It returns the key that was used.
func (r *Reader) otherwise(v any, key string, field func(r *Reader, key string) bool) string {
	if known := r.fold(v, key); known != "" {
		r.IsFolded = true
		if r.observer != nil {
			r.observer.Folded(known)
		}
		field(r, known)
		return known
	}
	if r.observer != nil {
		r.observer.Unknown(key)
	}
	r.skip()
	return key
}

// fold returns the property of v that differs from key in the case of letters only; ""
// if there is none.
func (r *Reader) fold(v any, key string) string {
	if r.Properties == nil {
		return ""
	}
	for _, known := range r.Properties(v) {
		if known != key && strings.EqualFold(known, key) {
			return known
		}
	}
	return ""
}

// mismatch rejects a value that doesn't have the expected type.
func (r *Reader) mismatch(what string) {
	if r.observer == nil || !r.startsValue() {
		r.expected(what)
		return
	}
	r.observer.Reject(r.pos, "expected "+what+", found "+r.found())
	r.skip()
}

func (r *Reader) startsValue() bool {
	rest := r.text[r.pos:]
	if c := r.peek(); c == '{' || c == '[' || c == '"' || c == '-' || c >= '0' && c <= '9' {
		return true
	}
	return strings.HasPrefix(rest, "true") || strings.HasPrefix(rest, "false") || strings.HasPrefix(rest, "null")
}

// outOfRange rejects a token of the right type whose value can't be used.
func (r *Reader) outOfRange(at int, reason string) {
	if r.observer == nil {
		r.fail(at, "%s", reason)
		return
	}
	r.observer.Reject(at, reason)
}

// array reads an array. It calls element for each element, with the position before it.
func (r *Reader) array(element func(r *Reader)) {
	if !r.take('[') {
		r.mismatch("an array")
		return
	}
	if r.enter(); r.take(']') {
		r.depth--
		return
	}
	comma := 0
	for i := 0; r.err == nil; i++ {
		if comma > 0 && r.peek() == ']' {
			r.fail(comma, "a comma after the last element")
			return
		}
		if r.observer != nil {
			r.skipSpace()
			r.observer.BeginElement(i, r.pos)
		}
		if element(r); r.err != nil {
			r.pointer = "/" + strconv.Itoa(i) + r.pointer
			return
		}
		if r.observer != nil {
			r.observer.End()
		}
		if r.take(',') {
			comma = r.pos - 1
			continue
		}
		if !r.take(']') {
			r.expected("',' or ']'")
		}
		r.depth--
		return
	}
}

func (r *Reader) enter() {
	if r.depth++; r.depth > maxDepth {
		r.fail(r.pos, "nested too deeply")
	}
}

// skip skips a value of any type.
func (r *Reader) skip() {
	switch c := r.peek(); {
	case c == '{':
		r.Object(nil, func(r *Reader, _ string) bool { r.skip(); return true })
	case c == '[':
		r.array((*Reader).skip)
	case c == '"':
		r.string()
	case c == '-' || c >= '0' && c <= '9':
		r.number()
	case r.literal("true"), r.literal("false"), r.null():
	default:
		r.expected("a value")
	}
}

func (r *Reader) literal(word string) bool {
	if !strings.HasPrefix(r.text[r.pos:], word) {
		return false
	}
	r.pos += len(word)
	return true
}
