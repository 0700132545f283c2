package words

import (
	"maps"
	"strings"
)

// LandlockPrefix begins the annotations that restrict a container by Landlock, landlock(7).
const LandlockPrefix = "org.runnel.landlock."

// The annotations, without the prefix. The first five are lists with commas; a list that is
// absent restricts nothing, and an empty one allows nothing. BestEffort is "true" or "false".
const (
	LandlockRead       = "read"
	LandlockWrite      = "write"
	LandlockExecute    = "execute"
	LandlockBindTCP    = "bind-tcp"
	LandlockConnectTCP = "connect-tcp"
	LandlockScope      = "scope"
	LandlockBestEffort = "best-effort"
)

// UsesLandlock reports whether annotations are about Landlock.
func UsesLandlock(annotations map[string]string) bool {
	for key := range annotations {
		if strings.HasPrefix(key, LandlockPrefix) {
			return true
		}
	}
	return false
}

// WithoutLandlock returns a copy of annotations without those of Landlock.
func WithoutLandlock(annotations map[string]string) map[string]string {
	rest := maps.Clone(annotations)
	maps.DeleteFunc(rest, func(key, _ string) bool { return strings.HasPrefix(key, LandlockPrefix) })
	return rest
}

// LandlockKeys returns the annotations, without the prefix.
func LandlockKeys() []string {
	return []string{
		LandlockRead, LandlockWrite, LandlockExecute, LandlockBindTCP, LandlockConnectTCP, LandlockScope, LandlockBestEffort,
	}
}

// The access rights to files, linux/landlock.h.
const (
	fsExecute   = 1 << 0
	fsWriteFile = 1 << 1
	fsReadFile  = 1 << 2
	fsReadDir   = 1 << 3
	fsMake      = 0x1ff << 4 // REMOVE_DIR to MAKE_SYM
	fsRefer     = 1 << 13    // since ABI 2
	fsTruncate  = 1 << 14    // since ABI 3
)

// What each list of paths is about. To move a file to another directory counts as writing;
// LandlockMove is that alone, which Landlock refuses unless a rule allows it. A program has
// to be read to be executed.
const (
	LandlockReads    = fsReadFile | fsReadDir
	LandlockWrites   = fsWriteFile | fsMake | fsRefer | fsTruncate
	LandlockMove     = fsRefer
	LandlockExecutes = fsExecute
)

// The access rights to TCP ports, and the first ABI versions that have what is needed.
const (
	LandlockBinds    = 1 << 0
	LandlockConnects = 1 << 1

	LandlockFilesABI  = 3 // before, files can be truncated
	LandlockPortsABI  = 4
	LandlockScopesABI = 6
)

// LandlockScopeOf returns the flag of a name in the list of scopes.
func LandlockScopeOf(name string) (flag uint64, ok bool) {
	switch name {
	case "abstract-unix-socket":
		return 1 << 0, true
	case "signal":
		return 1 << 1, true
	}
	return 0, false
}

// LandlockScopes returns the names of scopes.
func LandlockScopes() []string { return []string{"abstract-unix-socket", "signal"} }
