// Package jsontext reads and writes JSON (RFC 8259) without reflection, because every
// command pays for the first use of encoding/json in a process. The Reader knows
// where in the text each value is; the Writer writes byte for byte what encoding/json
// does. Neither knows what the text is about.
package jsontext

import (
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Writer writes one value. The caller is responsible for calling its methods in an
// order that makes one.
type Writer struct {
	Text []byte
	// Indented puts each member on a line of its own, indented by two blanks for
	// each level.
	Indented bool
	depth    int
	isBegun  bool // the innermost object or array has a member
}

// Begin opens an object or an array: '{' or '['.
func (w *Writer) Begin(bracket byte) {
	w.Text = append(w.Text, bracket)
	w.depth++
	w.isBegun = false
}

// End closes it, '}' or ']'.
func (w *Writer) End(bracket byte) {
	w.depth--
	if w.isBegun {
		w.line()
	}
	w.Text = append(w.Text, bracket)
	w.isBegun = true
}

// Element begins an element of an array.
func (w *Writer) Element() {
	if w.isBegun {
		w.Text = append(w.Text, ',')
	}
	w.isBegun = true
	w.line()
}

// Key begins a member of an object.
func (w *Writer) Key(name string) {
	w.Element()
	w.Text = append(AppendString(w.Text, name), ':')
	if w.Indented {
		w.Text = append(w.Text, ' ')
	}
}

func (w *Writer) line() {
	if !w.Indented {
		return
	}
	w.Text = append(w.Text, '\n')
	for range w.depth {
		w.Text = append(w.Text, "  "...)
	}
}

// String adds a member.
func (w *Writer) String(name, value string) {
	w.Key(name)
	w.Text = AppendString(w.Text, value)
}

// Int adds a member.
func (w *Writer) Int(name string, value int) {
	w.Key(name)
	w.Text = strconv.AppendInt(w.Text, int64(value), 10)
}

// Uint adds a member.
func (w *Writer) Uint(name string, value uint64) {
	w.Key(name)
	w.Text = strconv.AppendUint(w.Text, value, 10)
}

// Bool adds a member.
func (w *Writer) Bool(name string, value bool) {
	w.Key(name)
	w.Text = strconv.AppendBool(w.Text, value)
}

// Strings adds an array of strings as a member.
func (w *Writer) Strings(name string, values []string) {
	w.Key(name)
	w.Begin('[')
	for _, v := range values {
		w.Element()
		w.Text = AppendString(w.Text, v)
	}
	w.End(']')
}

// StringMap adds an object of strings, sorted by key, as a member.
func (w *Writer) StringMap(name string, values map[string]string) {
	w.Key(name)
	w.Begin('{')
	for _, key := range slices.Sorted(maps.Keys(values)) {
		w.String(key, values[key])
	}
	w.End('}')
}

// AppendString adds a JSON string. What isn't UTF-8 becomes the replacement
// character; what HTML or JavaScript could take for its own is escaped.
func AppendString(out []byte, text string) []byte {
	out = append(out, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r < ' ' || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029' || r == utf8.RuneError:
			const hex = "0123456789abcdef"
			out = append(out, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}
