package specconv

import (
	"strconv"
	"strings"

	"github.com/runnel/runnel/internal/place"
)

// Pointer is the JSON pointer (RFC 6901) to the place that text begins with: the
// origin of a step ("mounts[3] /data") or an error that begins with its place
// ("linux.resources.pids.limit: …"), be it after the line and column in
// config.json. It is "" where there is no such place.
func Pointer(text string) string {
	text = afterPosition(text)
	var b strings.Builder
	for i := 0; ; i++ {
		name := nameAt(text)
		if name == "" || i == 0 && !isProperty(name) {
			return ""
		}
		b.WriteString("/" + place.Escape(name))
		text = text[len(name):]
		for strings.HasPrefix(text, "[") {
			key, rest, ok := keyAt(text[1:])
			if !ok {
				return ""
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
		return b.String()
	}
	return ""
}

// isProperty names the objects of a config.json that can be somebody's fault.
func isProperty(name string) bool {
	switch name {
	case "ociVersion", "root", "process", "mounts", "hooks", "annotations", "hostname", "domainname", "linux":
		return true
	}
	return false
}

// afterPosition cuts off "config.json:12:5: ".
func afterPosition(text string) string {
	rest, ok := strings.CutPrefix(text, "config.json:")
	if !ok {
		return text
	}
	_, rest, _ = strings.Cut(rest, ": ")
	return rest
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
