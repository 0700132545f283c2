package config

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/internal/spelling"
	"github.com/runnel/runnel/specconv/words"
)

// Landlock is what the annotations restrict.
type Landlock struct {
	// Files, Ports and Scopes are the rights that are refused unless a rule grants them.
	Files, Ports, Scopes uint64
	Paths                []LandlockPath
	TCP                  []LandlockPort
	// BestEffort leaves out what the kernel doesn't know.
	BestEffort bool
}

// LandlockPath grants rights to a file, or to a directory with everything in it.
type LandlockPath struct {
	Place  place.Place
	Path   string
	Access uint64
	// IsOptional is set for a path that may be missing.
	IsOptional bool
}

// LandlockPort grants a right to a TCP port.
type LandlockPort struct {
	Place  place.Place
	Port   uint16
	Access uint64
}

// landlockError is a problem of an annotation.
type landlockError func(at place.Place, format string, args ...any) *Problem

// LandlockOf returns what the annotations restrict, for a config without errors; nil if there
// are none.
func LandlockOf(annotations map[string]string) *Landlock {
	return readLandlock(annotations, func(place.Place, string, ...any) *Problem { return new(Problem) })
}

// readLandlock reads the annotations and reports what is wrong with them.
func readLandlock(annotations map[string]string, report landlockError) *Landlock {
	if !words.UsesLandlock(annotations) {
		return nil
	}
	l := new(Landlock)
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if name, ok := strings.CutPrefix(key, words.LandlockPrefix); ok {
			l.read(name, annotations[key], place.At("/annotations").Key(key), report)
		}
	}
	for i := range l.Paths {
		if p := &l.Paths[i]; p.Access&words.LandlockExecutes != 0 {
			p.Access |= words.LandlockReads & l.Files
		}
	}
	if l.Files != 0 && l.Files&words.LandlockMove == 0 {
		// Landlock refuses to move files unless that is granted.
		l.Files |= words.LandlockMove
		l.Paths = append(l.Paths, LandlockPath{Place: place.At("/annotations"), Path: "/", Access: words.LandlockMove})
	}
	return l
}

// read reads one annotation.
func (l *Landlock) read(name, value string, at place.Place, report landlockError) {
	switch name {
	case words.LandlockRead:
		l.paths(value, words.LandlockReads, at, report)
	case words.LandlockWrite:
		l.paths(value, words.LandlockWrites, at, report)
	case words.LandlockExecute:
		l.paths(value, words.LandlockExecutes, at, report)
	case words.LandlockBindTCP:
		l.ports(value, words.LandlockBinds, at, report)
	case words.LandlockConnectTCP:
		l.ports(value, words.LandlockConnects, at, report)
	case words.LandlockScope:
		for _, item := range items(value) {
			flag, ok := words.LandlockScopeOf(item)
			if !ok {
				report(at, "unknown scope %q", item).Hint = spelling.Hint(item, words.LandlockScopes())
			}
			l.Scopes |= flag
		}
	case words.LandlockBestEffort:
		var err error
		if l.BestEffort, err = strconv.ParseBool(value); err != nil {
			report(at, "%q is neither true nor false", value)
		}
	default:
		report(at, "unknown annotation of Landlock: it would restrict nothing").Hint = spelling.Hint(name, words.LandlockKeys())
	}
}

// paths reads a list of paths.
func (l *Landlock) paths(value string, access uint64, at place.Place, report landlockError) {
	l.Files |= access
	for _, item := range items(value) {
		name, isOptional := strings.CutPrefix(item, "-")
		if !path.IsAbs(name) {
			report(at, "%q is not an absolute path", item).Hint = `a list has commas, and "-" in front of a path that may be missing`
		}
		l.Paths = append(l.Paths, LandlockPath{Place: at, Path: path.Clean(name), Access: access, IsOptional: isOptional})
	}
}

// ports reads a list of TCP ports.
func (l *Landlock) ports(value string, access uint64, at place.Place, report landlockError) {
	l.Ports |= access
	for _, item := range items(value) {
		port, err := strconv.ParseUint(item, 10, 16)
		if err != nil {
			report(at, "%q is not a TCP port (0 to 65535)", item)
		}
		l.TCP = append(l.TCP, LandlockPort{Place: at, Port: uint16(port), Access: access})
	}
}

// items returns the items of a list; none for an empty one.
func items(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// On returns what of it a kernel with this version of Landlock's ABI can restrict, and the
// names of what it can't.
func (l *Landlock) On(abi int) (possible Landlock, missing []string) {
	possible = *l
	if l.Files != 0 && abi < words.LandlockFilesABI {
		possible.Files, possible.Paths = 0, nil
		missing = append(missing, "files (ABI "+strconv.Itoa(words.LandlockFilesABI)+")")
	}
	if l.Ports != 0 && abi < words.LandlockPortsABI {
		possible.Ports, possible.TCP = 0, nil
		missing = append(missing, "TCP ports (ABI "+strconv.Itoa(words.LandlockPortsABI)+")")
	}
	if l.Scopes != 0 && abi < words.LandlockScopesABI {
		possible.Scopes = 0
		missing = append(missing, "scopes (ABI "+strconv.Itoa(words.LandlockScopesABI)+")")
	}
	return possible, missing
}

// landlock validates the annotations of Landlock.
func (c *checker) landlock() {
	before := len(c.problems)
	l := readLandlock(c.spec.Annotations, c.errorf)
	if l == nil || len(c.problems) > before {
		return
	}
	at := place.At("/annotations")
	if l.Files == 0 && l.Ports == 0 && l.Scopes == 0 {
		c.errorf(at.Key(words.LandlockPrefix+words.LandlockBestEffort), "the annotations of Landlock restrict nothing")
		return
	}
	_, missing := l.On(c.host.Landlock)
	if len(missing) == 0 {
		return
	}
	have := "this kernel has no Landlock"
	if c.host.Landlock > 0 {
		have = "Landlock of this kernel has ABI " + strconv.Itoa(c.host.Landlock)
	}
	text := have + ", and can't restrict " + strings.Join(missing, ", ")
	key := at.Key(landlockKeyOf(c.spec.Annotations))
	if l.BestEffort {
		c.warnf(key, "%s: they are not restricted", text)
		return
	}
	c.errorf(key, "%s", text).Hint = words.LandlockPrefix + words.LandlockBestEffort + "=true leaves it out"
}

// landlockKeyOf returns the first annotation that restricts something.
func landlockKeyOf(annotations map[string]string) string {
	for _, name := range words.LandlockKeys() {
		if _, ok := annotations[words.LandlockPrefix+name]; ok && name != words.LandlockBestEffort {
			return words.LandlockPrefix + name
		}
	}
	return words.LandlockPrefix
}
