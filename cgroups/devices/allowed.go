package devices

import specs "github.com/opencontainers/runtime-spec/specs-go"

// Entry is one device, or all devices of a kind or of a major number, and the
// access to it.
type Entry struct {
	Kind         byte   // 'b' or 'c'
	Major, Minor int64  // -1 for any
	Access       string // letters of "rwm"
}

// Allowed returns what the rules of a config allow in effect, for interfaces
// that accept only such a list. If all is true everything is allowed apart from
// exceptions, and the list is empty.
func Allowed(list []specs.LinuxDeviceCgroup, defaults bool) (entries []Entry, all bool, err error) {
	_, s, err := replay(list, defaults)
	if err != nil || s.allow {
		return nil, s.allow, err
	}
	for _, r := range s.exceptions {
		entries = append(entries, Entry{Kind: r.kind, Major: r.major, Minor: r.minor, Access: r.access.String()})
	}
	return entries, false, nil
}
