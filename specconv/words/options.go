// Package words holds the tables that turn the words of a config.json, such as mount
// options, types of namespaces and names of resource limits, into the numbers of the
// kernel. The validator, the planner, the probe of the host and the features command
// read the same tables. It decides nothing and asks the host nothing.
package words

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// action is what a mount option does beyond setting and clearing attributes.
type action uint8

const (
	doNothing action = iota
	doBind
	doRecursiveBind
	doRemount
	doCopyUp
	doIDMap
	doRecursiveIDMap
	doReadonly  // of the file system as well as of the mount
	doReadWrite // undoes doReadonly
	doNotice    // no longer has an effect, which is worth a warning
)

// option is one line of the table of mount options, mount(8) and the spec's
// "Linux mount options".
type option struct {
	name        string
	set, clear  uint64 // MOUNT_ATTR_*
	recursive   bool   // they apply to all mounts of the tree
	propagation uint64 // MS_*
	param       string // a parameter of the file system's superblock
	unparam     string // the parameter that is removed again
	action      action
}

const (
	atime       = unix.MOUNT_ATTR__ATIME
	noatime     = unix.MOUNT_ATTR_NOATIME
	strictatime = unix.MOUNT_ATTR_STRICTATIME
)

// mountOptions is in the order of names; an option that isn't here belongs to
// the file system.
var mountOptions = [...]option{
	{name: "async", unparam: "sync"},
	{name: "atime", clear: atime},
	{name: "bind", action: doBind},
	{name: "defaults"},
	{name: "dev", clear: unix.MOUNT_ATTR_NODEV},
	{name: "diratime", clear: unix.MOUNT_ATTR_NODIRATIME},
	{name: "dirsync", param: "dirsync"},
	{name: "exec", clear: unix.MOUNT_ATTR_NOEXEC},
	{name: "idmap", action: doIDMap},
	{name: "iversion", action: doNotice},
	{name: "lazytime", param: "lazytime"},
	{name: "loud"},
	{name: "mand", param: "mand"},
	{name: "noatime", set: noatime, clear: atime},
	{name: "nodev", set: unix.MOUNT_ATTR_NODEV},
	{name: "nodiratime", set: unix.MOUNT_ATTR_NODIRATIME},
	{name: "noexec", set: unix.MOUNT_ATTR_NOEXEC},
	{name: "noiversion", action: doNotice},
	{name: "nolazytime", unparam: "lazytime"},
	{name: "nomand", unparam: "mand"},
	{name: "norelatime", clear: atime},
	{name: "nostrictatime", clear: atime},
	{name: "nosuid", set: unix.MOUNT_ATTR_NOSUID},
	{name: "nosymfollow", set: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "private", propagation: unix.MS_PRIVATE},
	{name: "ratime", clear: atime, recursive: true},
	{name: "rbind", action: doRecursiveBind},
	{name: "rdev", clear: unix.MOUNT_ATTR_NODEV, recursive: true},
	{name: "rdiratime", clear: unix.MOUNT_ATTR_NODIRATIME, recursive: true},
	{name: "relatime", clear: atime},
	{name: "remount", action: doRemount},
	{name: "rexec", clear: unix.MOUNT_ATTR_NOEXEC, recursive: true},
	{name: "ridmap", action: doRecursiveIDMap},
	{name: "rnoatime", set: noatime, clear: atime, recursive: true},
	{name: "rnodev", set: unix.MOUNT_ATTR_NODEV, recursive: true},
	{name: "rnodiratime", set: unix.MOUNT_ATTR_NODIRATIME, recursive: true},
	{name: "rnoexec", set: unix.MOUNT_ATTR_NOEXEC, recursive: true},
	{name: "rnorelatime", clear: atime, recursive: true},
	{name: "rnostrictatime", clear: atime, recursive: true},
	{name: "rnosuid", set: unix.MOUNT_ATTR_NOSUID, recursive: true},
	{name: "rnosymfollow", set: unix.MOUNT_ATTR_NOSYMFOLLOW, recursive: true},
	{name: "ro", set: unix.MOUNT_ATTR_RDONLY, action: doReadonly},
	{name: "rprivate", propagation: unix.MS_PRIVATE | unix.MS_REC},
	{name: "rrelatime", clear: atime, recursive: true},
	{name: "rro", set: unix.MOUNT_ATTR_RDONLY, recursive: true},
	{name: "rrw", clear: unix.MOUNT_ATTR_RDONLY, recursive: true},
	{name: "rshared", propagation: unix.MS_SHARED | unix.MS_REC},
	{name: "rslave", propagation: unix.MS_SLAVE | unix.MS_REC},
	{name: "rstrictatime", set: strictatime, clear: atime, recursive: true},
	{name: "rsuid", clear: unix.MOUNT_ATTR_NOSUID, recursive: true},
	{name: "rsymfollow", clear: unix.MOUNT_ATTR_NOSYMFOLLOW, recursive: true},
	{name: "runbindable", propagation: unix.MS_UNBINDABLE | unix.MS_REC},
	{name: "rw", clear: unix.MOUNT_ATTR_RDONLY, action: doReadWrite},
	{name: "shared", propagation: unix.MS_SHARED},
	{name: "silent"},
	{name: "slave", propagation: unix.MS_SLAVE},
	{name: "strictatime", set: strictatime, clear: atime},
	{name: "suid", clear: unix.MOUNT_ATTR_NOSUID},
	{name: "symfollow", clear: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "sync", param: "sync"},
	{name: "tmpcopyup", action: doCopyUp},
	{name: "unbindable", propagation: unix.MS_UNBINDABLE},
}

// foreignOptions are options that only other runtimes have. To the kernel they would be
// parameters of a file system, which it doesn't know.
var foreignOptions = [...]string{
	"copy-symlink", "dest-nofollow", "idmap", "rasync", "rdirsync", "ridmap", "rmand", "rnomand", "rsync", "src-nofollow",
}

func isForeign(option string) bool {
	name, _, _ := strings.Cut(option, "=")
	return slices.Contains(foreignOptions[:], name)
}

// OptionNames returns the names of all mount options.
func OptionNames() []string {
	names := make([]string, len(mountOptions))
	for i := range mountOptions {
		names[i] = mountOptions[i].name
	}
	return names
}

func optionOf(name string) (*option, bool) {
	i, ok := slices.BinarySearchFunc(mountOptions[:], name, func(o option, name string) int {
		return strings.Compare(o.name, name)
	})
	if !ok {
		return nil, false
	}
	return &mountOptions[i], true
}

// Propagation returns the flags, MS_*, of linux.rootfsPropagation; "" is 0.
func Propagation(name string) (flags uint64, ok bool) {
	if name == "" {
		return 0, true
	}
	o, ok := optionOf(name)
	if !ok || o.propagation == 0 {
		return 0, false
	}
	return o.propagation, true
}

// Propagations returns the names that Propagation knows.
func Propagations() []string {
	var names []string
	for i := range mountOptions {
		if mountOptions[i].propagation != 0 {
			names = append(names, mountOptions[i].name)
		}
	}
	return names
}

// Attr is a change of mount attributes, MOUNT_ATTR_*, mount_setattr(2).
type Attr struct{ Set, Clear uint64 }

// MountOptions is a compiled list of mount options.
type MountOptions struct {
	Attr, Recursive Attr
	// Flagged reports whether an option is about the mount's own attributes.
	Flagged bool
	// Readonly reports whether the last of "ro" and "rw" is "ro".
	Readonly bool
	// Propagation changes are applied one by one: "rslave" and then "shared" make
	// a mount that is both.
	Propagation []uint64
	Superblock  []string // parameters that every file system accepts
	Data        []string // those of the one file system
	Notices     []string // options without an effect
	Foreign     []string // options of other runtimes

	Bind, RecursiveBind, Remount, CopyUp bool
	IDMap, RecursiveIDMap                bool
}

// CompileOptions compiles the options of a mount. It never fails: whether options are
// compatible depends on the mount. A later option overrides an earlier one.
func CompileOptions(list []string) MountOptions {
	var o MountOptions
	for _, name := range list {
		known, ok := optionOf(name)
		switch {
		case ok:
			o.apply(known)
		case isForeign(name):
			o.Foreign = append(o.Foreign, name)
		default:
			o.Data = append(o.Data, splitData(name)...)
		}
	}
	return o
}

// splitData returns the parameters in an option of a file system. For mount(2) they are
// one string, so that an option may hold several; fsconfig(2) sets them one by one. A
// comma that is part of a parameter follows a backslash or is in quotes, which aren't
// part of it, as in an SELinux context.
func splitData(option string) []string {
	var params []string
	quoted, start := false, 0
	for i := 0; i <= len(option); i++ {
		switch {
		case i == len(option) || option[i] == ',' && !quoted:
			if i > start {
				params = append(params, unquote(option[start:i]))
			}
			start = i + 1
		case option[i] == '\\':
			i++
		case option[i] == '"':
			quoted = !quoted
		}
	}
	if start < len(option) {
		params = append(params, unquote(option[start:]))
	}
	return params
}

func unquote(param string) string {
	key, value, ok := strings.Cut(param, "=")
	if ok && len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return key + "=" + value[1:len(value)-1]
	}
	return param
}

func (o *MountOptions) apply(known *option) {
	if known.set|known.clear != 0 {
		attr := &o.Attr
		if known.recursive {
			attr = &o.Recursive
		} else {
			o.Flagged = true
		}
		attr.Set = attr.Set&^known.clear | known.set
		attr.Clear = attr.Clear&^known.set | known.clear&^(known.set&^atime)
	}
	if known.propagation != 0 {
		o.Propagation = append(o.Propagation, known.propagation)
	}
	if known.param != "" {
		o.Superblock = append(o.Superblock, known.param)
	}
	if known.unparam != "" {
		o.Superblock = slices.DeleteFunc(o.Superblock, func(s string) bool { return s == known.unparam })
	}
	o.act(known)
}

func (o *MountOptions) act(known *option) {
	switch known.action {
	case doBind:
		o.Bind = true
	case doRecursiveBind:
		o.Bind, o.RecursiveBind = true, true
	case doRemount:
		o.Remount = true
	case doCopyUp:
		o.CopyUp = true
	case doIDMap:
		o.IDMap = true
	case doRecursiveIDMap:
		o.IDMap, o.RecursiveIDMap = true, true
	case doReadonly:
		o.Readonly = true
	case doReadWrite:
		o.Readonly = false
	case doNotice:
		o.Notices = append(o.Notices, known.name)
	}
}
