package specconv

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// reader reads JSON (RFC 8259) straight into the types of the specification.
// It exists because in a new process it is fifteen times as fast as encoding/json, which
// reflects over the types of all platforms first, and because
// it can say where in the document an error is.
//
// It differs from encoding/json in what it refuses or ignores: the case of keys
// counts, and text that isn't UTF-8 is an error instead of being altered. As
// there, null leaves a value as it is, and of equal keys the last one counts.
//
// The first error sticks: it moves the position to the end, where nothing more
// is read.
type reader struct {
	text  string
	pos   int
	depth int
	err   error
	at    int    // where the error is
	field string // the path to it, built while the calls return
	notes *notes // what Examine wants to know; nil for all others
}

// maxDepth is far beyond any config and far below what the stack takes.
const maxDepth = 200

func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
		r.at = at
	}
	r.pos = len(r.text)
}

// result is the error with its place: "config.json:12:5: process.cwd: …". Lines
// and columns count from 1, columns in characters.
func (r *reader) result(name string) error {
	if r.err == nil {
		return nil
	}
	before := r.text[:r.at]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	field := strings.TrimPrefix(r.field, ".")
	if field != "" {
		field += ": "
	}
	return fmt.Errorf("%s:%d:%d: %s%w", name, line, column, field, r.err)
}

// document reads one value and makes sure that it is all there is.
func (r *reader) document(name string, value func(*reader)) error {
	if r.skipSpace(); r.pos == len(r.text) {
		r.fail(r.pos, "the file is empty")
		return r.result(name)
	}
	value(r)
	if r.skipSpace(); r.err == nil && r.pos < len(r.text) {
		r.fail(r.pos, "%s after the end of the object", r.found())
	}
	return r.result(name)
}

func (r *reader) skipSpace() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek gives the first byte of the next token, 0 at the end.
func (r *reader) peek() byte {
	r.skipSpace()
	if r.pos == len(r.text) {
		return 0
	}
	return r.text[r.pos]
}

// found names the next token for an error.
func (r *reader) found() string {
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

func (r *reader) expected(what string) {
	r.skipSpace()
	at := r.pos
	r.fail(at, "expected %s, found %s", what, r.found())
}

func (r *reader) take(c byte) bool {
	if r.peek() != c || r.pos == len(r.text) {
		return false
	}
	r.pos++
	return true
}

func (r *reader) null() bool {
	if r.peek() == 'n' && strings.HasPrefix(r.text[r.pos:], "null") {
		r.pos += len("null")
		return true
	}
	return false
}

// object calls field for each key, with the position before its value. v is what
// is read, for the notes.
func (r *reader) object(v any, field func(r *reader, key string)) {
	if r.null() {
		return
	}
	if !r.take('{') {
		r.mismatch("an object")
		return
	}
	if r.notes != nil {
		r.notes.openObject(v)
	}
	if r.enter(); r.take('}') {
		r.closeObject()
		return
	}
	for r.err == nil {
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
		if r.notes != nil {
			r.notes.enterKey(r, key, at)
		}
		if field(r, key); r.err != nil {
			r.prefix(key)
			return
		}
		if r.notes != nil {
			r.notes.leave()
		}
		if r.take(',') {
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

func (r *reader) closeObject() {
	r.depth--
	if r.notes != nil {
		r.notes.closeObject()
	}
}

// unknown passes over the value of a key that isn't in the specification, config.md
// "Extensibility".
func (r *reader) unknown(key string) {
	if r.notes != nil {
		r.notes.unknownKey(key)
	}
	r.skip()
}

// mismatch: a value of another type than the one that is wanted. With notes it is
// only noted, and passed over.
func (r *reader) mismatch(what string) {
	if r.notes == nil || !r.startsValue() {
		r.expected(what)
		return
	}
	r.notes.reject(r.pos, "expected "+what+", found "+r.found())
	r.skip()
}

func (r *reader) startsValue() bool {
	rest := r.text[r.pos:]
	if c := r.peek(); c == '{' || c == '[' || c == '"' || c == '-' || c >= '0' && c <= '9' {
		return true
	}
	return strings.HasPrefix(rest, "true") || strings.HasPrefix(rest, "false") || strings.HasPrefix(rest, "null")
}

// outOfRange: a token of the right type whose value is wrong.
func (r *reader) outOfRange(at int, text string) {
	if r.notes == nil {
		r.fail(at, "%s", text)
		return
	}
	r.notes.reject(at, text)
}

// array calls element for each, with the position before it.
func (r *reader) array(element func(r *reader)) {
	if !r.take('[') {
		r.mismatch("an array")
		return
	}
	if r.enter(); r.take(']') {
		r.depth--
		return
	}
	for i := 0; r.err == nil; i++ {
		if r.notes != nil {
			r.notes.enterElement(r, i)
		}
		if element(r); r.err != nil {
			r.field = "[" + strconv.Itoa(i) + "]" + r.field
			return
		}
		if r.notes != nil {
			r.notes.leave()
		}
		if r.take(',') {
			continue
		}
		if !r.take(']') {
			r.expected("',' or ']'")
		}
		r.depth--
		return
	}
}

func (r *reader) enter() {
	if r.depth++; r.depth > maxDepth {
		r.fail(r.pos, "nested too deeply")
	}
}

func (r *reader) prefix(key string) {
	if strings.ContainsAny(key, "./ \"") || key == "" {
		r.field = "[" + strconv.Quote(key) + "]" + r.field
		return
	}
	r.field = "." + key + r.field
}

// string reads a string token. The result shares the document's memory.
func (r *reader) string() string {
	start := r.pos
	if !r.take('"') {
		r.mismatch("a string")
		return ""
	}
	ascii := true
	for i := r.pos; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			s := r.text[r.pos:i]
			if !ascii && !utf8.ValidString(s) {
				r.fail(start, "the string is not valid UTF-8")
				return ""
			}
			r.pos = i + 1
			return s
		case c == '\\':
			return r.escaped()
		case c < ' ':
			r.fail(i, "control character %q in a string", c)
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.fail(start, "the string has no end")
	return ""
}

// escaped reads a string with a backslash in it, after its opening quote.
func (r *reader) escaped() string {
	var b strings.Builder
	start := r.pos - 1
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			if s := b.String(); utf8.ValidString(s) {
				return s
			}
			r.fail(start, "the string is not valid UTF-8")
			return ""
		case c == '\\':
			r.escape(&b)
		case c < ' ':
			r.fail(r.pos, "control character %q in a string", c)
			return ""
		default:
			b.WriteByte(c)
			r.pos++
		}
	}
	r.fail(start, "the string has no end")
	return ""
}

func (r *reader) escape(b *strings.Builder) {
	at := r.pos
	if r.pos += 2; r.pos > len(r.text) {
		return
	}
	switch c := r.text[at+1]; c {
	case '"', '\\', '/':
		b.WriteByte(c)
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		first := r.hex4(at)
		if utf16.IsSurrogate(first) {
			first = r.secondSurrogate(first)
		}
		b.WriteRune(first)
	default:
		r.fail(at, "invalid escape \\%c in a string", c)
	}
}

func (r *reader) hex4(at int) rune {
	if r.pos+4 <= len(r.text) {
		if n, err := strconv.ParseUint(r.text[r.pos:r.pos+4], 16, 16); err == nil {
			r.pos += 4
			return rune(n)
		}
	}
	r.fail(at, "\\u without four hexadecimal digits")
	return 0
}

// secondSurrogate joins a surrogate with the one that follows. A lone one stands
// for U+FFFD, as in encoding/json.
func (r *reader) secondSurrogate(first rune) rune {
	if !strings.HasPrefix(r.text[r.pos:], `\u`) {
		return utf8.RuneError
	}
	at := r.pos
	r.pos += 2
	joined := utf16.DecodeRune(first, r.hex4(at))
	if joined == utf8.RuneError && r.err == nil {
		r.pos = at
	}
	return joined
}

// number takes a number token and verifies its grammar; "" if there is none.
func (r *reader) number() string {
	if c := r.peek(); c != '-' && (c < '0' || c > '9') {
		r.mismatch("a number")
		return ""
	}
	start := r.pos
	i := start
	digits := func() bool {
		from := i
		for i < len(r.text) && r.text[i] >= '0' && r.text[i] <= '9' {
			i++
		}
		return i > from
	}
	if r.text[i] == '-' {
		i++
	}
	first := i
	ok := digits() && (r.text[first] != '0' || i == first+1)
	if ok && i < len(r.text) && r.text[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(r.text) && (r.text[i] == 'e' || r.text[i] == 'E') {
		if i++; i < len(r.text) && (r.text[i] == '+' || r.text[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok {
		r.fail(start, "invalid number")
		return ""
	}
	r.pos = i
	return r.text[start:i]
}

// skip passes over a value of whatever type.
func (r *reader) skip() {
	switch c := r.peek(); {
	case c == '{':
		r.object(nil, func(r *reader, _ string) { r.skip() })
	case c == '[':
		r.array((*reader).skip)
	case c == '"':
		r.string()
	case c == '-' || c >= '0' && c <= '9':
		r.number()
	case r.literal("true"), r.literal("false"), r.null():
	default:
		r.expected("a value")
	}
}

func (r *reader) literal(word string) bool {
	if !strings.HasPrefix(r.text[r.pos:], word) {
		return false
	}
	r.pos += len(word)
	return true
}
