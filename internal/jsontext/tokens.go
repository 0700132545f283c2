package jsontext

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string token. The result shares the document's memory.
func (r *Reader) string() string {
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
func (r *Reader) escaped() string {
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

func (r *Reader) escape(b *strings.Builder) {
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

func (r *Reader) hex4(at int) rune {
	if r.pos+4 <= len(r.text) {
		if n, err := strconv.ParseUint(r.text[r.pos:r.pos+4], 16, 16); err == nil {
			r.pos += 4
			return rune(n)
		}
	}
	r.fail(at, "\\u without four hexadecimal digits")
	return 0
}

// secondSurrogate joins a surrogate with the one that follows it. A lone one becomes
// U+FFFD, as in encoding/json.
func (r *Reader) secondSurrogate(first rune) rune {
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

// number reads a number token and verifies its grammar; it returns "" if there is
// none.
func (r *Reader) number() string {
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
