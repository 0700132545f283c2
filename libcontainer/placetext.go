package libcontainer

import (
	"strconv"
	"strings"

	"github.com/runnel/runnel/internal/place"
)

// Errors of the cgroups and seccomp packages begin with their place as text. The
// functions of this file make it a value; they go once those errors carry a Place.

// placedByText returns err with the place that its text begins with; err itself if it
// has a Place or there is none in its text.
func placedByText(err error) error {
	if err == nil || !place.Of(err).IsZero() {
		return err
	}
	pointer, rest := pointerOf(err.Error())
	if pointer == "" {
		return err
	}
	label, text, ok := strings.Cut(rest, ": ")
	if !ok {
		text = err.Error()
	}
	at := place.At(pointer).Named(strings.TrimPrefix(label, " "))
	return &place.Error{Place: at, Err: placedError{strings.TrimPrefix(text, at.String()+": "), err}}
}

type placedError struct {
	text string
	err  error
}

func (e placedError) Error() string { return e.text }
func (e placedError) Unwrap() error { return e.err }

// pointerOf returns the JSON pointer to the place that text begins with, such as
// "linux.resources.pids.limit", and what follows it.
func pointerOf(text string) (pointer, rest string) {
	var b strings.Builder
	for i := 0; ; i++ {
		name := nameAt(text)
		if name == "" || i == 0 && !isProperty(name) {
			return "", ""
		}
		b.WriteString("/" + place.Escape(name))
		text = text[len(name):]
		for strings.HasPrefix(text, "[") {
			key, rest, ok := keyAt(text[1:])
			if !ok {
				return "", ""
			}
			b.WriteString("/" + place.Escape(key))
			text = rest
		}
		if !strings.HasPrefix(text, ".") {
			break
		}
		text = text[1:]
	}
	if text == "" || text[0] == ' ' || text[0] == ':' || text[0] == ',' {
		return b.String(), text
	}
	return "", ""
}

// isProperty reports whether name is an object of a config.json that can be wrong.
func isProperty(name string) bool {
	switch name {
	case "ociVersion", "root", "process", "mounts", "hooks", "annotations", "hostname", "domainname", "linux":
		return true
	}
	return false
}

func nameAt(text string) string {
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return text[:i]
		}
	}
	return text
}

// keyAt reads an index or a quoted key, and the bracket that closes it.
func keyAt(text string) (key, rest string, ok bool) {
	if quoted, err := strconv.QuotedPrefix(text); err == nil && quoted[0] == '"' {
		key, err = strconv.Unquote(quoted)
		rest, ok = strings.CutPrefix(text[len(quoted):], "]")
		return key, rest, ok && err == nil
	}
	key, rest, ok = strings.Cut(text, "]")
	if _, err := strconv.ParseUint(key, 10, 31); err != nil {
		return "", "", false
	}
	return key, rest, ok
}
