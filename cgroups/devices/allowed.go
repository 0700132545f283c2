package devices

import specs "github.com/opencontainers/runtime-spec/specs-go"

// Entry is one device, or all those of a kind or of a major number, and what
// may be done with it.
type Entry struct {
	Kind         byte  // 'b' or 'c'
	Major, Minor int64 // -1 for any
	Access       string
}

// Allowed lists what the rules of a config allow in the end, for who can only
// be given such a list. all tells that everything is allowed but for exceptions.
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
