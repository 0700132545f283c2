package seccomp

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
)

// Circumstances decide which entries of an engine's profile hold.
type Circumstances struct {
	// Arch is the architecture as in GOARCH.
	Arch string
	// Major and Minor are the kernel's version.
	Major, Minor int
	// Capabilities are those of the container, such as CAP_CHOWN.
	Capabilities []string
}

// enginesEntry is an entry of "syscalls" in the profile of Docker or containers-common,
// with what config.json has no property for.
type enginesEntry struct {
	name               string // of old files, instead of names
	includes, excludes *filter
}

// filter says when an entry holds, or when it doesn't.
type filter struct {
	caps, arches []string
	minKernel    string
}

// enginesArch is an entry of "archMap".
type enginesArch struct {
	arch string
	subs []string
}

// ForEngine returns what an engine makes of its own kind of profile, the format of Docker,
// Podman and containerd: content is the file, and profile what it has of linux.seccomp. index
// has for each entry that is left its index in the file. ok is false for a file that isn't
// such a profile.
func ForEngine(content []byte, profile *specs.LinuxSeccomp, c Circumstances) (chosen *specs.LinuxSeccomp, index []int, ok bool, err error) {
	var archs []enginesArch
	var entries []enginesEntry
	if err := jsontext.DecodeObject("profile", content, func(key string, v jsontext.Value) bool {
		switch key {
		case "archMap":
			ok = true
			v.List(func(v jsontext.Value) { archs = append(archs, readEnginesArch(v)) })
		case "syscalls":
			v.List(func(v jsontext.Value) {
				e := readEnginesEntry(v)
				ok = ok || e.name != "" || e.includes != nil || e.excludes != nil
				entries = append(entries, e)
			})
		default:
			return false
		}
		return true
	}); err != nil || !ok || len(entries) != len(profile.Syscalls) {
		return nil, nil, false, err
	}
	copied := *profile
	chosen = &copied
	if len(archs) > 0 {
		chosen.Architectures = architecturesFor(archs, c.Arch)
	}
	chosen.Syscalls = nil
	for i, e := range entries {
		if e.includes != nil && !e.includes.includes(&c) || e.excludes != nil && e.excludes.excludes(&c) {
			continue
		}
		s := profile.Syscalls[i]
		if e.name != "" {
			s.Names = append([]string{e.name}, s.Names...)
		}
		chosen.Syscalls, index = append(chosen.Syscalls, s), append(index, i)
	}
	return chosen, index, true, nil
}

func readEnginesArch(v jsontext.Value) (a enginesArch) {
	v.Object(func(key string, v jsontext.Value) bool {
		switch key {
		case "architecture":
			v.String(&a.arch)
		case "subArchitectures":
			v.Strings(&a.subs)
		default:
			return false
		}
		return true
	})
	return a
}

func readEnginesEntry(v jsontext.Value) (e enginesEntry) {
	v.Object(func(key string, v jsontext.Value) bool {
		switch key {
		case "name":
			v.String(&e.name)
		case "includes":
			e.includes = readFilter(v)
		case "excludes":
			e.excludes = readFilter(v)
		default:
			return false
		}
		return true
	})
	return e
}

func readFilter(v jsontext.Value) *filter {
	f := new(filter)
	v.Object(func(key string, v jsontext.Value) bool {
		switch key {
		case "caps":
			v.Strings(&f.caps)
		case "arches":
			v.Strings(&f.arches)
		case "minKernel":
			v.String(&f.minKernel)
		default:
			return false
		}
		return true
	})
	return f
}

// architecturesFor returns the architecture and those below it.
func architecturesFor(archs []enginesArch, goarch string) (list []specs.Arch) {
	native, err := ArchNamed(goarch)
	if err != nil {
		return nil
	}
	for _, a := range archs {
		if a.arch == string(native) {
			list = append(list, native)
			for _, sub := range a.subs {
				list = append(list, specs.Arch(sub))
			}
		}
	}
	return list
}

// includes reports whether all that the filter names is there.
func (f *filter) includes(c *Circumstances) bool {
	hasAll := !slices.ContainsFunc(f.caps, func(name string) bool { return !slices.Contains(c.Capabilities, name) })
	return hasAll && (len(f.arches) == 0 || slices.Contains(f.arches, c.Arch)) && (f.minKernel == "" || f.reaches(c))
}

// excludes reports whether anything that the filter names is there.
func (f *filter) excludes(c *Circumstances) bool {
	hasAny := slices.ContainsFunc(f.caps, func(name string) bool { return slices.Contains(c.Capabilities, name) })
	return hasAny || slices.Contains(f.arches, c.Arch) || f.minKernel != "" && f.reaches(c)
}

// reaches reports whether the kernel has at least the version minKernel.
func (f *filter) reaches(c *Circumstances) bool {
	first, second, _ := strings.Cut(f.minKernel, ".")
	major, err := strconv.Atoi(first)
	minor, err2 := strconv.Atoi(second)
	return err == nil && err2 == nil && (c.Major > major || c.Major == major && c.Minor >= minor)
}
